//! Data keys in use: who wraps them, where they lie, and how many seals they still allow.
//!
//! This crate owns the [`KeyProvider`] port with its implementations `AwsKmsProvider` (with the
//! feature `aws-kms`; nothing else talks to KMS) and [`LocalProvider`], the [`KeyStore`] port, and the [`Keyring`] that stands
//! between them and everything that seals or opens (`docs/FORMAT.md`, sections 4 and 5). It knows
//! no database, no policy and no cipher: keys are derived, and their uses counted, by
//! `fieldseal-envelope`.
//!
//! What the store says is a hint. A key is accepted because it came out of a wrap made under a
//! wrapping key the *configuration* names, for the deployment, domain and purpose the *caller*
//! names, and because its id, computed again from its bytes, is the one that was asked for.

#[cfg(feature = "aws-kms")]
mod aws_kms;
mod error;
mod keyring;
mod local;
mod provider;
mod store;

/// For a [`KeyProvider`] or [`KeyStore`] of one's own, whose functions are `async`.
pub use async_trait::async_trait;
#[cfg(feature = "aws-kms")]
pub use aws_kms::{AwsKmsProvider, KmsDryRun};
pub use error::{KeyringError, RefusedWrap};
pub use fieldseal_envelope::{DataKey, Domain, KeyId, NoRandomness, Purpose, WrapContext};
pub use keyring::{KeyRef, Keyring, KeyringSettings, MAX_USES, OwedWrap, Rewrapped, lacking_wraps};
pub use local::{LocalProvider, RootFileError};
pub use provider::{InvalidWrappingKey, KeyProvider, ProviderError, WrappingKey};
pub use store::{
    ActiveKey, Addition, IndexRecord, Insertion, KeyState, KeyStore, KeyStoreError, KeyUse,
    LayoutRecord, NewKey, Reservation, StoredKey, StoredWrap,
};
