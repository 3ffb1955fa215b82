//! A key service whose data keys the test knows, by domain and purpose. Owns that it wraps nothing: a
//! wrap is a byte that says nothing.

use std::sync::Arc;

use async_trait::async_trait;
use fieldseal::keys::{KeyProvider, ProviderError, WrappingKey};
use fieldseal_envelope::{DataKey, Purpose, WrapContext};

struct Known {
    wrapping: [WrappingKey; 1],
    data_key: fn(&str, Purpose) -> [u8; 32],
}

pub(crate) fn provider(data_key: fn(&str, Purpose) -> [u8; 32]) -> Arc<dyn KeyProvider> {
    let wrapping = ["test:known".parse().unwrap()];
    Arc::new(Known { wrapping, data_key })
}

impl Known {
    fn of(&self, context: &WrapContext) -> DataKey {
        DataKey::from_bytes((self.data_key)(context.domain.as_str(), context.purpose))
    }
}

#[async_trait]
impl KeyProvider for Known {
    fn wrapping_keys(&self) -> &[WrappingKey] {
        &self.wrapping
    }

    async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
        Ok((self.of(context), vec![1]))
    }

    async fn wrap(&self, _: &WrapContext, _: &DataKey) -> Result<Vec<u8>, ProviderError> {
        Ok(vec![1])
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        _: &WrappingKey,
        _: &[u8],
    ) -> Result<DataKey, ProviderError> {
        Ok(self.of(context))
    }
}
