//! New data keys. Owns that no key is stored before every one of its wraps has been opened
//! again; does not decide when a key is needed.

use fieldseal_envelope::{DataKey, Domain, Purpose};

use super::{Inner, KeyRef, MAX_USES};
use crate::error::{KeyringError, RefusedWrap};
use crate::store::{Insertion, NewKey, StoredWrap};

/// Makes a key, wraps it under every provider that answers, and offers it as the active one. If
/// another process was faster this one's key is dropped: the caller reads the winner's.
pub(super) async fn active_key(
    inner: &Inner,
    domain: &Domain,
    purpose: Purpose,
) -> Result<(), KeyringError> {
    let data_key = DataKey::generate().map_err(|error| KeyringError::Envelope {
        domain: domain.clone(),
        purpose,
        reason: error.to_string(),
    })?;
    let key = KeyRef {
        id: data_key.id(domain, purpose),
        domain: domain.clone(),
        purpose,
    };
    let limit = match purpose {
        Purpose::Seal | Purpose::Value => inner.settings.max_uses.min(MAX_USES),
        Purpose::Index => 0,
    };
    let new = NewKey {
        id: key.id,
        domain: key.domain.clone(),
        purpose,
        limit,
        wraps: wraps(inner, &key, &data_key).await?,
    };
    let insertion = inner.store.insert_active(&new).await;
    match insertion.map_err(KeyringError::store("inserting a new key"))? {
        Insertion::Inserted => tracing::info!(key = %key, limit, "made a new data key"),
        Insertion::Lost => tracing::debug!(key = %key, "another process made the new key"),
    }
    Ok(())
}

/// One wrap per provider, each unwrapped again before it counts: a key that could not be
/// unwrapped later would take everything it sealed with it. A provider that is down or denies is
/// passed over as long as another one answers.
async fn wraps(
    inner: &Inner,
    key: &KeyRef,
    data_key: &DataKey,
) -> Result<Vec<StoredWrap>, KeyringError> {
    let mut wraps = Vec::new();
    let mut refused = Vec::new();
    for provider in &inner.providers {
        let name = &provider.wrapping_keys()[0];
        let context = inner.context(key);
        match provider.wrap(&context, data_key).await {
            Ok(wrapped) => match inner.unwrap_one(key, &**provider, name, &wrapped).await? {
                Ok(_same) => wraps.push(StoredWrap {
                    wrapping_key: name.as_str().to_owned(),
                    wrapped,
                }),
                Err(refusal) => refused.push(refusal),
            },
            Err(error) => {
                tracing::warn!(key = %key, wrapping_key = %name, %error,
                    "a new key is not wrapped under this wrapping key");
                let passed_over = error.allows_next();
                refused.push(RefusedWrap {
                    wrapping_key: name.clone(),
                    error,
                });
                if !passed_over {
                    return Err(not_wrapped(key, refused));
                }
            }
        }
    }
    if wraps.is_empty() {
        return Err(not_wrapped(key, refused));
    }
    Ok(wraps)
}

fn not_wrapped(key: &KeyRef, refused: Vec<RefusedWrap>) -> KeyringError {
    KeyringError::NotWrapped {
        domain: key.domain.clone(),
        purpose: key.purpose,
        refused,
    }
}
