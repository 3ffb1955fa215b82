//! New data keys. Owns that no key is stored before every one of its wraps has been opened
//! again; does not decide when a key is needed.

use std::sync::Arc;

use fieldseal_envelope::{DataKey, Domain, Purpose, SealingKey};

use super::{Inner, KeyRef, MAX_USES};
use crate::error::{KeyringError, RefusedWrap};
use crate::provider::{KeyProvider, ProviderError};
use crate::store::{Insertion, NewKey, StoredWrap};

/// Makes a key and offers it as the active one. If another process was faster this one's key is
/// dropped: the caller reads the winner's.
pub(super) async fn active_key(
    inner: &Inner,
    domain: &Domain,
    purpose: Purpose,
) -> Result<(), KeyringError> {
    let made = made(inner, domain, purpose).await?;
    let limit = match purpose {
        Purpose::Seal | Purpose::Value => inner.settings.max_uses.min(MAX_USES),
        Purpose::Index => 0,
    };
    let new = NewKey {
        id: made.key.id,
        domain: domain.clone(),
        purpose,
        limit,
        wraps: made.wraps,
    };
    let insertion = inner.store.insert_active(&new).await;
    match insertion.map_err(KeyringError::store("inserting a new key"))? {
        Insertion::Inserted => {
            // An index key seals nothing, and is not counted.
            let max_uses = (limit > 0).then_some(limit);
            tracing::info!(key = %made.key.id, %domain, %purpose, max_uses, "made a new data key");
            remember(inner, made.key, made.data_key)
        }
        Insertion::Lost => {
            tracing::debug!(%domain, %purpose, "another process made the new key");
            Ok(())
        }
    }
}

/// Caches a key whose wraps have just been opened: opening one again would cost one more call to
/// the key service for each key.
fn remember(inner: &Inner, key: KeyRef, data_key: DataKey) -> Result<(), KeyringError> {
    if key.purpose == Purpose::Index {
        inner.indexes.put(key.domain, Arc::new(data_key));
        return Ok(());
    }
    let derived = SealingKey::derive(&data_key, &key.domain, key.purpose);
    let opened = derived.map_err(|error| KeyringError::Envelope {
        domain: key.domain.clone(),
        purpose: key.purpose,
        reason: error.to_string(),
    })?;
    inner.opened.put(key, Arc::new(opened));
    Ok(())
}

/// A new key, and those of its wraps that have been opened again.
struct Made {
    key: KeyRef,
    data_key: DataKey,
    wraps: Vec<StoredWrap>,
}

/// A key by the first provider that makes one, wrapped by all others that answer. A provider that
/// is down or denies is passed over as long as another one answers: its wrap is owed, and added by
/// `rewrap`.
async fn made(inner: &Inner, domain: &Domain, purpose: Purpose) -> Result<Made, KeyringError> {
    let mut refused = Vec::new();
    let (maker, mut made) = 'made: {
        for (number, provider) in inner.providers.iter().enumerate() {
            match generated(inner, &**provider, domain, purpose).await? {
                Ok(made) => break 'made (number, made),
                Err(refusal) => refused.push(refusal),
            }
        }
        return Err(not_wrapped(domain, purpose, refused));
    };
    // Those before the maker too: one that was busy a moment ago, or may wrap but not make keys.
    let all = inner.providers.iter().enumerate();
    for (_, provider) in all.filter(|(number, _)| *number != maker) {
        let context = inner.context(&made.key);
        let wrapped = provider.wrap(&context, &made.data_key).await;
        let wrapped = match wrapped {
            Ok(wrapped) => proved(inner, &made.key, &**provider, wrapped).await?,
            Err(error) => Err(passed_over(domain, purpose, &**provider, error)?),
        };
        // Why one was refused is in the log; the key is good without it, and the wrap is owed.
        made.wraps.extend(wrapped.ok());
    }
    Ok(made)
}

/// A key of this provider with its first wrap. The inner error is one after which the next
/// provider may be asked.
async fn generated(
    inner: &Inner,
    provider: &dyn KeyProvider,
    domain: &Domain,
    purpose: Purpose,
) -> Result<Result<Made, RefusedWrap>, KeyringError> {
    let context = inner.context_of(domain, purpose);
    let (data_key, wrapped) = match provider.generate(&context).await {
        Ok(generated) => generated,
        Err(error) => return passed_over(domain, purpose, provider, error).map(Err),
    };
    let key = KeyRef::new(data_key.id(domain, purpose), domain, purpose);
    let proved = proved(inner, &key, provider, wrapped).await?;
    Ok(proved.map(|wrap| Made {
        key,
        data_key,
        wraps: vec![wrap],
    }))
}

/// A wrap that has been opened again: a key that could not be opened later would take everything
/// it sealed with it.
pub(super) async fn proved(
    inner: &Inner,
    key: &KeyRef,
    provider: &dyn KeyProvider,
    wrapped: Vec<u8>,
) -> Result<Result<StoredWrap, RefusedWrap>, KeyringError> {
    let name = &provider.wrapping_keys()[0];
    let opened = inner.unwrap_one(key, provider, name, &wrapped).await?;
    Ok(opened.map(|_same| StoredWrap {
        wrapping_key: name.as_str().to_owned(),
        wrapped,
    }))
}

/// That a provider is passed over, unless what it said forbids that.
fn passed_over(
    domain: &Domain,
    purpose: Purpose,
    provider: &dyn KeyProvider,
    error: ProviderError,
) -> Result<RefusedWrap, KeyringError> {
    let wrapping_key = provider.wrapping_keys()[0].clone();
    tracing::warn!(%domain, %purpose, %wrapping_key, %error,
        "a new key is not wrapped under this wrapping key");
    let may = error.allows_next();
    let refused = RefusedWrap {
        wrapping_key,
        error,
    };
    if may {
        return Ok(refused);
    }
    Err(not_wrapped(domain, purpose, vec![refused]))
}

fn not_wrapped(domain: &Domain, purpose: Purpose, refused: Vec<RefusedWrap>) -> KeyringError {
    KeyringError::NotWrapped {
        domain: domain.clone(),
        purpose,
        refused,
    }
}
