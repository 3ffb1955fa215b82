//! Wraps that keys lack. Owns which those are and adding them; never replaces one or takes one
//! away.
//!
//! A key lacks a wrap when it is older than the wrapping key, or was made while that key's
//! provider did not answer or denied. Whoever then loses the wrapping key it does have loses the
//! values it sealed, and an application that is allowed only the lacking one cannot open them.

use std::fmt;
use std::sync::Arc;

use fieldseal_envelope::{DataKey, KeyId};
use futures_util::StreamExt;
use futures_util::stream;

use super::{Inner, KeyRef, PARALLEL_UNWRAPS, create};
use crate::error::KeyringError;
use crate::provider::{KeyProvider, WrappingKey};
use crate::store::{Addition, KeyState, KeyUse};

/// What became of the wraps that keys lacked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// How many were added.
    pub added: u64,
    /// Those that are lacking still.
    pub owed: Vec<OwedWrap>,
}

/// A wrap that a key lacks and that could not be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedWrap {
    /// Which key.
    pub key: KeyId,
    /// The wrapping key it is to be wrapped under.
    pub wrapping_key: WrappingKey,
    /// What stood in the way.
    pub reason: String,
}

impl fmt::Display for OwedWrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, name, reason) = (self.key, &self.wrapping_key, &self.reason);
        write!(f, "key {key} has no wrap under `{name}`: {reason}")
    }
}

/// The wrapping keys that a key is to be wrapped under and is not: of each provider the one that
/// wraps. A destroyed key lacks none.
#[must_use]
pub fn lacking_wraps(providers: &[Arc<dyn KeyProvider>], key: &KeyUse) -> Vec<WrappingKey> {
    if key.state == Some(KeyState::Destroyed) {
        return Vec::new();
    }
    let wanted = providers.iter().map(|provider| wraps_under(&**provider));
    let has = |name: &&WrappingKey| key.wrapping_keys.iter().any(|has| has == name.as_str());
    wanted.filter(|name| !has(name)).cloned().collect()
}

/// Adds what can be added, key by key: what stands in the way of one is not in that of another.
pub(super) async fn all(inner: &Arc<Inner>) -> Result<Rewrapped, KeyringError> {
    let keys = inner.store.list().await;
    let keys = keys.map_err(KeyringError::store("listing the keys"))?;
    let work = keys.into_iter().filter_map(|key| {
        let lacking = lacking_wraps(&inner.providers, &key);
        // A domain or purpose that nobody here wrote opens nothing; `check` tells of it.
        let key = KeyRef {
            id: key.id,
            domain: key.domain.parse().ok()?,
            purpose: key.purpose.parse().ok()?,
        };
        (!lacking.is_empty()).then(|| one(Arc::clone(inner), key, lacking))
    });
    let done = stream::iter(work).buffer_unordered(PARALLEL_UNWRAPS);
    let sum = |mut sum: Rewrapped, one: Rewrapped| async move {
        sum.added += one.added;
        sum.owed.extend(one.owed);
        sum
    };
    Ok(done.fold(Rewrapped::default(), sum).await)
}

async fn one(inner: Arc<Inner>, key: KeyRef, lacking: Vec<WrappingKey>) -> Rewrapped {
    let mut done = Rewrapped::default();
    let data_key = match inner.unwrap_stored(&key, None).await {
        Ok(data_key) => Ok(data_key),
        Err(error) => Err(error.to_string()),
    };
    for wrapping_key in lacking {
        let added = match &data_key {
            Ok(data_key) => added(&inner, &key, data_key, &wrapping_key).await,
            Err(reason) => Err(reason.clone()),
        };
        match added {
            Ok(Addition::Added) => {
                tracing::info!(key = %key.id, domain = %key.domain, purpose = %key.purpose,
                    %wrapping_key, "added a wrap that a data key lacked");
                done.added += 1;
            }
            // Another process was faster.
            Ok(Addition::NotNeeded) => {}
            Err(reason) => done.owed.push(OwedWrap {
                key: key.id,
                wrapping_key,
                reason,
            }),
        }
    }
    done
}

/// Wraps, opens the wrap, compares the id, stores it: in this order.
async fn added(
    inner: &Inner,
    key: &KeyRef,
    data_key: &DataKey,
    wrapping_key: &WrappingKey,
) -> Result<Addition, String> {
    let mut providers = inner.providers.iter();
    let provider = providers
        .find(|provider| wraps_under(&***provider) == wrapping_key)
        .ok_or("its provider is gone")?;
    let wrapped = provider.wrap(&inner.context(key), data_key).await;
    let wrapped = wrapped.map_err(|error| error.to_string())?;
    let proved = create::proved(inner, key, &**provider, wrapped).await;
    let wrap = proved
        .map_err(|error| error.to_string())?
        .map_err(|refused| refused.error.to_string())?;
    let addition = inner.store.add_wrap(key.id, &wrap).await;
    addition.map_err(|error| error.to_string())
}

fn wraps_under(provider: &dyn KeyProvider) -> &WrappingKey {
    &provider.wrapping_keys()[0]
}
