//! What can go wrong between asking for a key and having it. Owns telling an outage from an
//! alarm; holds ids and names, never a key.

use fieldseal_envelope::{Domain, KeyId, Purpose};

use crate::keyring::KeyRef;
use crate::provider::{ProviderError, WrappingKey};
use crate::store::KeyStoreError;

/// One wrap that could not be used, and why the next one was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedWrap {
    /// The wrapping key.
    pub wrapping_key: WrappingKey,
    /// What its provider said.
    pub error: ProviderError,
}

/// Why the keyring has no key to give.
///
/// It can be cloned because a thousand tasks may be waiting for the same answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The configuration names no wrapping key, or one of them twice, or allows no seal.
    #[error("the configuration of the keys cannot be used: {reason}")]
    Configuration {
        /// What is wrong with it.
        reason: String,
    },
    /// The key store belongs to another deployment.
    #[error(
        "the key store belongs to deployment `{stored}`, the configuration says `{configured}`: \
         a deployment id never changes; correct the configuration or connect to the right database"
    )]
    OtherDeployment {
        /// The id in the store.
        stored: String,
        /// The id in the configuration.
        configured: String,
    },
    /// The key store failed.
    #[error("{doing}: {source}")]
    Store {
        /// What the keyring wanted from it.
        doing: &'static str,
        /// What it said.
        source: KeyStoreError,
    },
    /// The store does not know the key: the value was not sealed by this deployment, the
    /// database behind it is an older copy, or the bytes are no sealed value.
    #[error("{key} is not in the key store")]
    Unknown {
        /// Which key.
        key: KeyRef,
    },
    /// No wrap of the key names a wrapping key of the configuration.
    #[error(
        "{key} has no wrap under a configured wrapping key (it is wrapped under: {found}); add \
         the wrapping key to the configuration if it is one of yours"
    )]
    NoUsableWrap {
        /// Which key.
        key: KeyRef,
        /// The names it is wrapped under, quoted, or `none`.
        found: String,
    },
    /// Every usable wrap was refused, by outage or by access rules. Trying again may help.
    #[error("{key} {}: {}", cannot(.refused), list(.refused))]
    Refused {
        /// Which key.
        key: KeyRef,
        /// Each wrap that was tried, in order.
        refused: Vec<RefusedWrap>,
    },
    /// No provider would wrap a new key. Nothing can be sealed until one does.
    #[error(
        "no new key can be made for domain `{domain}`, purpose `{purpose}`: {}",
        list(.refused)
    )]
    NotWrapped {
        /// The domain that needs a key.
        domain: Domain,
        /// What for.
        purpose: Purpose,
        /// Each provider that was asked, in order.
        refused: Vec<RefusedWrap>,
    },
    /// Alarm: a wrap is damaged or was made for something else. Somebody may have changed the
    /// key store, or moved a value to where another domain's belong.
    #[error("alarm: {}", not_genuine(key, wrapping_key, stored_for.as_deref(), error))]
    ForgedWrap {
        /// Which key.
        key: KeyRef,
        /// The wrapping key it names.
        wrapping_key: WrappingKey,
        /// What the store says the key is for, where that is not what was asked for. It explains the
        /// error; nothing is ever opened by it.
        stored_for: Option<Box<(Domain, Purpose)>>,
        /// What its provider said.
        error: ProviderError,
    },
    /// Alarm: a genuine wrap holds another key than the one it is stored for.
    #[error("alarm: the wrap of {key} under `{wrapping_key}` holds another key, {found}")]
    WrongKey {
        /// Which key was asked for.
        key: KeyRef,
        /// The wrapping key of the wrap.
        wrapping_key: WrappingKey,
        /// The id of the key that came out.
        found: KeyId,
    },
    /// The key store keeps refusing what it offers.
    #[error(
        "no seals could be reserved for domain `{domain}`, purpose `{purpose}`, after {attempts} \
         attempts: the counts in the key store contradict each other, or too many processes share \
         too small a budget"
    )]
    Contended {
        /// The domain that needs seals.
        domain: Domain,
        /// What for.
        purpose: Purpose,
        /// How often it was tried.
        attempts: u32,
    },
    /// Index keys seal nothing, and sealing keys index nothing.
    #[error("a key of purpose `{purpose}` cannot be used to {wanted}")]
    WrongPurpose {
        /// The purpose that was asked for.
        purpose: Purpose,
        /// What the caller wanted to do.
        wanted: &'static str,
    },
    /// The operating system gave no random bytes, or a key refused its use.
    #[error("the sealing library refused for domain `{domain}`, purpose `{purpose}`: {reason}")]
    Envelope {
        /// The domain.
        domain: Domain,
        /// The purpose.
        purpose: Purpose,
        /// What the library said.
        reason: String,
    },
}

impl KeyringError {
    /// Whether the same call may succeed later with nothing changed by hand.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Contended { .. } => true,
            Self::NotWrapped { refused, .. } => refused.iter().all(|r| r.error.allows_next()),
            Self::Store { source, .. } => matches!(source, KeyStoreError::Unavailable { .. }),
            _ => false,
        }
    }

    /// Whether the key store holds something that only damage or an attack explains.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::ForgedWrap { .. } | Self::WrongKey { .. })
    }

    /// For `map_err` behind a call to the store.
    pub(crate) fn store(doing: &'static str) -> impl FnOnce(KeyStoreError) -> Self {
        move |source| Self::Store { doing, source }
    }
}

/// Whether waiting may help.
fn cannot(refused: &[RefusedWrap]) -> &'static str {
    let denied = |wrap: &RefusedWrap| matches!(wrap.error, ProviderError::Denied { .. });
    if refused.iter().all(denied) {
        "may not be unwrapped by this process"
    } else {
        "cannot be unwrapped now"
    }
}

fn not_genuine(
    key: &KeyRef,
    wrapping_key: &WrappingKey,
    stored_for: Option<&(Domain, Purpose)>,
    error: &ProviderError,
) -> String {
    let KeyRef { id, domain, .. } = key;
    match stored_for {
        Some((stored, _)) if stored != domain => format!(
            "the key store has key {id} for domain `{stored}`, and it was asked for `{domain}`: the \
             value was moved from another column, or a domain is misspelt, or the key store was \
             changed"
        ),
        Some((_, stored)) => format!(
            "the key store has key {id} of domain `{domain}` for purpose `{stored}`, and it was asked \
             for `{}`: a column's value was opened as a free one or the reverse, or the key store was \
             changed",
            key.purpose
        ),
        None => {
            let why = match error {
                ProviderError::Invalid { reason } => reason.clone(),
                other => other.to_string(),
            };
            format!("the wrap of {key} under `{wrapping_key}` is not genuine: {why}")
        }
    }
}

fn list(refused: &[RefusedWrap]) -> String {
    let texts: Vec<String> = refused
        .iter()
        .map(|wrap| format!("`{}`: {}", wrap.wrapping_key, wrap.error))
        .collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a refusal by this provider, and then by the other one, says.
    fn refused(errors: [ProviderError; 2]) -> String {
        let refused = errors.into_iter().map(|error| RefusedWrap {
            wrapping_key: "local:x".parse().unwrap(),
            error,
        });
        let key = KeyRef {
            id: KeyId::from_bytes([7; 16]),
            domain: "contact".parse().unwrap(),
            purpose: Purpose::Seal,
        };
        let refused = refused.collect();
        KeyringError::Refused { key, refused }.to_string()
    }

    #[test]
    fn only_an_outage_is_said_to_pass() {
        let reason = || "said so".to_owned();
        let denied = || ProviderError::Denied { reason: reason() };
        let away = || ProviderError::Unavailable { reason: reason() };
        let text = refused([denied(), denied()]);
        assert!(text.contains("may not be unwrapped by this"), "{text}");
        for errors in [[denied(), away()], [away(), away()]] {
            let text = refused(errors);
            assert!(text.contains("cannot be unwrapped now"), "{text}");
        }
    }
}
