//! The port to whatever holds wrapping keys: a key management service, or a local file. Owns the
//! names of wrapping keys and the kinds of failure; does not know where wraps are stored.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_envelope::{DataKey, WrapContext};

/// The name of a wrapping key as it stands beside each wrap: `local:<root id>`, or the full ARN
/// of a KMS key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WrappingKey(Arc<str>);

/// A text that cannot name a wrapping key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a wrapping key is 1 to 255 printable ASCII characters without spaces")]
pub struct InvalidWrappingKey;

impl WrappingKey {
    /// The name as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WrappingKey {
    type Err = InvalidWrappingKey;

    fn from_str(text: &str) -> Result<Self, InvalidWrappingKey> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidWrappingKey)
        }
    }
}

impl fmt::Display for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Wraps data keys under one wrapping key, and unwraps those wrapped under any it knows.
///
/// Every call carries deployment, domain and purpose, which the provider must bind to the wrap
/// (KMS: as the encryption context), so that a wrap made for one domain cannot be opened as
/// another's. A provider neither caches nor retries beyond one call, whose time is bounded: the
/// [`Keyring`](crate::Keyring) does the one, its callers the other.
#[async_trait]
pub trait KeyProvider: Send + Sync {
    /// The keys this provider can unwrap with, never empty; the first one wraps.
    fn wrapping_keys(&self) -> &[WrappingKey];

    /// Makes a data key and wraps it under the first of [`wrapping_keys`](Self::wrapping_keys).
    /// A service that makes data keys itself is asked for one.
    ///
    /// # Errors
    /// [`ProviderError`], by which the keyring decides whether another provider may be asked.
    async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError>;

    /// Wraps `key` under the first of [`wrapping_keys`](Self::wrapping_keys).
    ///
    /// # Errors
    /// [`ProviderError`], by which the keyring decides whether another provider may be asked.
    async fn wrap(&self, context: &WrapContext, key: &DataKey) -> Result<Vec<u8>, ProviderError>;

    /// Unwraps what was wrapped under `name`, one of [`wrapping_keys`](Self::wrapping_keys). A
    /// provider passes that name to its service and never lets the wrap choose the key.
    ///
    /// # Errors
    /// [`ProviderError`], by which the keyring decides whether another wrap may be tried.
    async fn unwrap(
        &self,
        context: &WrapContext,
        name: &WrappingKey,
        wrapped: &[u8],
    ) -> Result<DataKey, ProviderError>;
}

/// Why a provider did not wrap or unwrap. `reason` says what the service said, never key bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The service could not be reached, was throttled, or failed. Another wrap may be tried.
    #[error("the key service is unavailable: {reason}")]
    Unavailable {
        /// What the service or the transport said.
        reason: String,
    },
    /// The service refuses this caller, or the wrapping key is disabled. Another wrap may be
    /// tried.
    #[error("the key service denies access: {reason}")]
    Denied {
        /// What the service said.
        reason: String,
    },
    /// The wrap is damaged, or was made for another deployment, domain or purpose, or under
    /// another key. No other wrap is tried: this is an alarm.
    #[error("the wrap does not open: {reason}")]
    Invalid {
        /// Which check failed.
        reason: String,
    },
}

impl ProviderError {
    /// Whether the next wrap of the same key may be tried after this.
    #[must_use]
    pub fn allows_next(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Denied { .. } => true,
            Self::Invalid { .. } => false,
        }
    }
}
