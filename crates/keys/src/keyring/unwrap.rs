//! From stored wraps to a key that has proved itself. Owns the order in which wraps are tried
//! and what is never accepted; caches through the keyring.

use std::sync::Arc;

use fieldseal_envelope::{DataKey, Domain, Purpose, SealingKey, WrapContext};

use super::{ATTEMPTS, Inner, KeyRef, create};
use crate::error::{KeyringError, RefusedWrap};
use crate::provider::{KeyProvider, WrappingKey};
use crate::store::{StoredKey, StoredWrap};

/// Opens a key of purpose `seal` or `value` and caches it. `row` is its row, if the caller has
/// already fetched it.
pub(super) async fn sealing_key(
    inner: Arc<Inner>,
    key: KeyRef,
    row: Option<StoredKey>,
) -> Result<Arc<SealingKey>, KeyringError> {
    // An earlier flight may have landed between the caller's look and the start of this one.
    if let Some(opened) = inner.opened.get(&key) {
        return Ok(opened);
    }
    let data_key = inner.unwrap_stored(&key, row).await?;
    let derived = SealingKey::derive(&data_key, &key.domain, key.purpose);
    let opened = Arc::new(derived.map_err(|error| KeyringError::Envelope {
        domain: key.domain.clone(),
        purpose: key.purpose,
        reason: error.to_string(),
    })?);
    inner.opened.put(key, Arc::clone(&opened));
    Ok(opened)
}

/// Opens the index key of a domain and caches it; makes it if the store has none.
pub(super) async fn index_key(
    inner: Arc<Inner>,
    domain: Domain,
) -> Result<Arc<DataKey>, KeyringError> {
    if let Some(key) = inner.indexes.get(&domain) {
        return Ok(key);
    }
    let purpose = Purpose::Index;
    for _ in 0..ATTEMPTS {
        let active = inner.store.active(&domain, purpose).await;
        let Some(active) = active.map_err(KeyringError::store("reading the index key"))? else {
            create::active_key(&inner, &domain, purpose).await?;
            if let Some(key) = inner.indexes.get(&domain) {
                return Ok(key);
            }
            continue;
        };
        let key = KeyRef {
            id: active.id,
            domain: domain.clone(),
            purpose,
        };
        let data_key = Arc::new(inner.unwrap_stored(&key, None).await?);
        inner.indexes.put(domain, Arc::clone(&data_key));
        return Ok(data_key);
    }
    Err(KeyringError::Contended {
        domain,
        purpose,
        attempts: ATTEMPTS,
    })
}

impl Inner {
    /// What every wrap of `key` is bound to: the caller's words, never the store's.
    pub(super) fn context(&self, key: &KeyRef) -> WrapContext {
        self.context_of(&key.domain, key.purpose)
    }

    pub(super) fn context_of(&self, domain: &Domain, purpose: Purpose) -> WrapContext {
        WrapContext {
            deployment: self.deployment.clone(),
            domain: domain.clone(),
            purpose,
        }
    }

    pub(super) async fn unwrap_stored(
        &self,
        key: &KeyRef,
        row: Option<StoredKey>,
    ) -> Result<DataKey, KeyringError> {
        let row = match row {
            Some(row) => row,
            None => self.row(key).await?,
        };
        self.unwrap_first(key, &row).await
    }

    async fn row(&self, key: &KeyRef) -> Result<StoredKey, KeyringError> {
        let mut rows = self.stored(&[key.id]).await?.into_iter();
        rows.find(|row| row.id == key.id).ok_or_else(|| {
            self.unknown.put(key.id, ());
            KeyringError::Unknown { key: key.clone() }
        })
    }

    /// Tries all configured wraps, and answers those that were refused. A wrap that nobody opens
    /// until another one is lost must not be found to be damaged only then.
    pub(super) async fn unwrap_every(
        &self,
        key: &KeyRef,
    ) -> Result<Vec<RefusedWrap>, KeyringError> {
        let row = self.row(key).await?;
        let mut refused = Vec::new();
        let mut opened = false;
        for (provider, name, wrap) in self.configured(&row) {
            let tried = self.unwrap_one(key, provider, name, &wrap.wrapped).await;
            match tried.map_err(|error| explained(error, &row))? {
                Ok(_same) => opened = true,
                Err(refusal) => refused.push(refusal),
            }
        }
        if opened {
            return Ok(refused);
        }
        Err(unopened(key, &row, refused))
    }

    /// The wraps under wrapping keys of the configuration, in its order.
    fn configured<'a>(
        &'a self,
        row: &'a StoredKey,
    ) -> impl Iterator<Item = (&'a dyn KeyProvider, &'a WrappingKey, &'a StoredWrap)> {
        let names = self.providers.iter().flat_map(|provider| {
            let names = provider.wrapping_keys().iter();
            names.map(move |name| (&**provider, name))
        });
        names.filter_map(|(provider, name)| {
            let stored = row.wraps.iter().find(|w| w.wrapping_key == name.as_str());
            Some((provider, name, stored?))
        })
    }

    /// Tries the wraps in the configuration's order. The next one is tried only if the service
    /// did not answer or denied: a wrap that is not genuine, or holds another key, ends it.
    async fn unwrap_first(&self, key: &KeyRef, row: &StoredKey) -> Result<DataKey, KeyringError> {
        self.report_ignored(key, row);
        let mut refused = Vec::new();
        for (provider, name, wrap) in self.configured(row) {
            let tried = self.unwrap_one(key, provider, name, &wrap.wrapped).await;
            match tried.map_err(|error| explained(error, row))? {
                Ok(data_key) => return Ok(data_key),
                Err(refusal) => refused.push(refusal),
            }
        }
        Err(unopened(key, row, refused))
    }

    /// Unwraps once and checks the id. The inner error is one after which the next wrap may be
    /// tried; the outer one is an alarm.
    pub(super) async fn unwrap_one(
        &self,
        key: &KeyRef,
        provider: &dyn KeyProvider,
        name: &WrappingKey,
        wrapped: &[u8],
    ) -> Result<Result<DataKey, RefusedWrap>, KeyringError> {
        let context = self.context(key);
        let wrapping_key = name.clone();
        match provider.unwrap(&context, name, wrapped).await {
            Ok(data_key) => {
                let found = data_key.id(&key.domain, key.purpose);
                if found == key.id {
                    return Ok(Ok(data_key));
                }
                tracing::error!(key = %key.id, domain = %key.domain, purpose = %key.purpose,
                    wrapping_key = %name, %found,
                    "alarm: a wrap in the key store holds another key");
                Err(KeyringError::WrongKey {
                    key: key.clone(),
                    wrapping_key,
                    found,
                })
            }
            Err(error) if error.allows_next() => {
                tracing::warn!(key = %key.id, domain = %key.domain, purpose = %key.purpose,
                    wrapping_key = %name, %error, "a wrap was refused");
                Ok(Err(RefusedWrap {
                    wrapping_key,
                    error,
                }))
            }
            Err(error) => {
                tracing::error!(key = %key.id, domain = %key.domain, purpose = %key.purpose,
                    wrapping_key = %name, %error,
                    "alarm: a wrap in the key store is not genuine");
                Err(KeyringError::ForgedWrap {
                    key: key.clone(),
                    wrapping_key,
                    stored_for: None,
                    error,
                })
            }
        }
    }

    fn report_ignored(&self, key: &KeyRef, row: &StoredKey) {
        for wrap in &row.wraps {
            let known = self
                .providers
                .iter()
                .flat_map(|provider| provider.wrapping_keys())
                .any(|name| name.as_str() == wrap.wrapping_key);
            if !known {
                // The name is whatever somebody wrote there: quoted, so that it stays one line.
                tracing::warn!(key = %key.id, domain = %key.domain, purpose = %key.purpose,
                    wrapping_key = ?wrap.wrapping_key,
                    "ignored a wrap under a wrapping key that is not in the configuration");
            }
        }
    }
}

/// The error of a wrap that is not genuine, with what its row says the key is for. Whoever can write
/// to the store can write anything there: it is told where it is the form of a domain, and decides
/// nothing.
fn explained(mut error: KeyringError, row: &StoredKey) -> KeyringError {
    if let KeyringError::ForgedWrap {
        key, stored_for, ..
    } = &mut error
        && let (Ok(domain), Ok(purpose)) = (row.domain.parse(), row.purpose.parse())
        && (&domain, purpose) != (&key.domain, key.purpose)
    {
        *stored_for = Some(Box::new((domain, purpose)));
    }
    error
}

/// The error of a key none of whose wraps opened.
fn unopened(key: &KeyRef, row: &StoredKey, refused: Vec<RefusedWrap>) -> KeyringError {
    let key = key.clone();
    if refused.is_empty() {
        let found = names(row.wraps.iter().map(|wrap| wrap.wrapping_key.as_str()));
        return KeyringError::NoUsableWrap { key, found };
    }
    KeyringError::Refused { key, refused }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    if quoted.is_empty() {
        return "none".to_owned();
    }
    quoted.join(", ")
}
