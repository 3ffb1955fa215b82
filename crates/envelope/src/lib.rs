//! Sealed values, data keys, blind indexes and masks: `docs/FORMAT.md`, to the byte.
//!
//! This is the only crate that names the AEAD, HKDF and HMAC libraries. It knows no I/O (but the
//! kernel's random bytes), no KMS, no database and no policy file.
//!
//! - Opening: [`SealingKey::open_column`], [`SealingKey::open_value`]; [`OpeningKey`] opens and
//!   cannot seal.
//! - Sealing: only through a [`Grant`], which counts. Nothing here takes a nonce or an AES key.
//! - Looking up: [`IndexKey`], [`Definition`]. Showing a little: [`Mask`].
//! - Keeping data keys: [`RootKey`] wraps them locally; a KMS does so in the crate `keys`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fieldseal_envelope::{
//!     ColumnId, ColumnRef, DataKey, Domain, Expected, Purpose, SealingKey, TableId,
//! };
//! use fieldseal_model::{Kind, RowKey, Value};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let domain: Domain = "contact".parse()?;
//! let key = Arc::new(SealingKey::derive(&DataKey::generate()?, &domain, Purpose::Seal)?);
//! let column = ColumnRef::new(TableId::new("shop.customers")?, ColumnId::new("email")?);
//! let row = RowKey::new([&Value::integer("42")?])?;
//!
//! let mut sealed = Vec::new();
//! let grant = key.grant(1)?;
//! grant.seal_column(&column, &row, &Value::text("ada@example.org"), None, &mut sealed)?;
//!
//! let opened = key.open_column(&column, &row, Expected::of(Kind::Text), &sealed)?;
//! assert_eq!(opened.expose(), b"ada@example.org");
//!
//! let other_row = RowKey::new([&Value::integer("43")?])?;
//! assert!(key.open_column(&column, &other_row, Expected::of(Kind::Text), &sealed).is_err());
//! # Ok(())
//! # }
//! ```

mod aad;
mod cipher;
mod column_opener;
mod data_key;
mod definition;
mod grant;
mod id;
mod index;
mod kdf;
mod layout;
mod mask;
mod name;
mod nonce;
mod normalise;
mod opening_key;
mod root_file;
mod root_key;
mod sealing_key;
mod uses;

#[cfg(test)]
#[path = "../tests/vector_maker/maker.rs"]
mod vector_maker;

pub use column_opener::ColumnOpener;
pub use data_key::DataKey;
pub use definition::{Definition, InvalidDefinition, Normaliser, UnknownNormaliser};
pub use grant::{Field, Grant, SealError};
pub use id::{InvalidId, KeyId, RootKeyId};
pub use index::{IndexError, IndexKey, IndexLength, InvalidIndexLength};
pub use layout::{
    InvalidPad, MAX_VALUE_BYTES, OpenError, Pad, names_key, sealed_key_id, sealed_len,
};
pub use mask::Mask;
pub use name::{
    ColumnId, ColumnRef, Domain, InvalidDomain, InvalidName, Purpose, TableId, UnknownPurpose,
};
pub use nonce::{NoRandomness, set_nonce_pool};
pub use normalise::{NoNormalForm, UNICODE_VERSION};
pub use opening_key::OpeningKey;
pub use root_file::{InvalidRootKeyFile, RootKeyFile};
pub use root_key::{RootKey, UnwrapError, WrapContext, wrapped_root_id};
pub use sealing_key::{Expected, InvalidUse, SealingKey};
pub use uses::{BudgetExhausted, Limit, MAX_SEALS};
