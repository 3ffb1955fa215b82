//! The local key provider: a root key file instead of a key management service. Owns which root
//! key a wrap is opened with; the file's text and the wrap's bytes belong to `fieldseal-envelope`.

mod file;

use std::path::Path;

use async_trait::async_trait;
use fieldseal_envelope::{DataKey, RootKey, RootKeyFile, RootKeyId, WrapContext};

pub use self::file::RootFileError;
use crate::provider::{KeyProvider, ProviderError, WrappingKey};

/// Wraps under the first key of a root key file and unwraps under all of them.
///
/// Losing the file loses everything that was sealed under it, so it belongs into a backup that
/// does not hold the database.
pub struct LocalProvider {
    /// In the order of the file.
    names: Vec<WrappingKey>,
    keys: RootKeyFile,
}

impl LocalProvider {
    /// Makes a root key file with one new key: mode 0600, on disk before this returns.
    ///
    /// # Errors
    /// [`RootFileError`]; a file that exists is never overwritten, nor followed if it is a link.
    pub fn create(path: &Path) -> Result<Self, RootFileError> {
        let key = RootKey::generate().map_err(|error| RootFileError::NoRandomness {
            reason: error.to_string(),
        })?;
        let keys = RootKeyFile::new(key);
        file::create(path, &keys.format())?;
        Ok(Self::with(keys))
    }

    /// Reads a root key file.
    ///
    /// # Errors
    /// [`RootFileError`]; a file that others may use is refused before it is read.
    pub fn open(path: &Path) -> Result<Self, RootFileError> {
        let text = file::read(path)?;
        let keys = RootKeyFile::parse(&text).map_err(|error| RootFileError::Text {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self::with(keys))
    }

    fn with(keys: RootKeyFile) -> Self {
        let names = keys.keys().map(|key| name(key.id())).collect();
        Self { names, keys }
    }
}

#[async_trait]
impl KeyProvider for LocalProvider {
    fn wrapping_keys(&self) -> &[WrappingKey] {
        &self.names
    }

    async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
        let key = DataKey::generate().map_err(|error| ProviderError::Unavailable {
            reason: error.to_string(),
        })?;
        let wrapped = self.wrap(context, &key).await?;
        Ok((key, wrapped))
    }

    async fn wrap(&self, context: &WrapContext, key: &DataKey) -> Result<Vec<u8>, ProviderError> {
        let wrapped = self.keys.first().wrap(key, context);
        wrapped.map_err(|error| ProviderError::Unavailable {
            reason: error.to_string(),
        })
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        name: &WrappingKey,
        wrapped: &[u8],
    ) -> Result<DataKey, ProviderError> {
        let invalid = |reason: String| ProviderError::Invalid { reason };
        let position = self.names.iter().position(|known| known == name);
        let key = position.and_then(|position| self.keys.keys().nth(position));
        let key = key.ok_or_else(|| invalid("the root key file has no such key".to_owned()))?;
        key.unwrap(wrapped, context)
            .map_err(|error| invalid(error.to_string()))
    }
}

fn name(id: RootKeyId) -> WrappingKey {
    format!("local:{id}")
        .parse()
        .expect("`local:` and 32 hex digits are printable ASCII")
}
