//! Around a key provider: how often it is called and how that ended. Owns counting; keys, wraps
//! and errors pass through unchanged and unseen.

use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_envelope::{DataKey, WrapContext};
use fieldseal_keys::{KeyProvider, ProviderError, WrappingKey};

use crate::monitor::Monitor;
use crate::names::Metric;

/// A key provider that is measured.
pub struct MeteredProvider {
    inner: Arc<dyn KeyProvider>,
    monitor: Arc<Monitor>,
}

impl MeteredProvider {
    /// Measures `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn KeyProvider>, monitor: Arc<Monitor>) -> Self {
        Self { inner, monitor }
    }

    fn count<A>(&self, operation: &str, answer: &Result<A, ProviderError>) {
        let outcome = match answer {
            Ok(_) => "ok",
            Err(ProviderError::Unavailable { .. }) => "unavailable",
            Err(ProviderError::Denied { .. }) => "denied",
            Err(ProviderError::Invalid { .. }) => "invalid",
        };
        let labels = [operation, outcome];
        self.monitor.samples.add(Metric::KeyCalls, &labels, 1);
    }
}

#[async_trait]
impl KeyProvider for MeteredProvider {
    fn wrapping_keys(&self) -> &[WrappingKey] {
        self.inner.wrapping_keys()
    }

    async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
        let answer = self.inner.generate(context).await;
        self.count("generate", &answer);
        answer
    }

    async fn wrap(&self, context: &WrapContext, key: &DataKey) -> Result<Vec<u8>, ProviderError> {
        let answer = self.inner.wrap(context, key).await;
        self.count("wrap", &answer);
        answer
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        name: &WrappingKey,
        wrapped: &[u8],
    ) -> Result<DataKey, ProviderError> {
        let answer = self.inner.unwrap(context, name, wrapped).await;
        self.count("unwrap", &answer);
        answer
    }
}
