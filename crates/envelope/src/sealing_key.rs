//! The key that seals and opens, derived from a data key for one domain and purpose. Owns
//! opening; sealing is in `grant`.

use std::sync::Arc;

use fieldseal_model::{Kind, Plaintext, RowKey, Value};

use crate::aad::{Binding, parts_fit};
use crate::cipher::Cipher;
use crate::layout::{Body, Header, PREFIX_BYTES, Prefix, TAG_BYTES, unpadded_len};
use crate::uses::Uses;
use crate::{
    BudgetExhausted, ColumnOpener, ColumnRef, DataKey, Domain, Grant, KeyId, Limit,
    MAX_VALUE_BYTES, OpenError, Purpose, kdf,
};

/// An AES-256-GCM key with its schedule ready, and the id that values sealed with it carry.
/// No `Debug`, no `Clone`; share it in an [`Arc`].
pub struct SealingKey {
    cipher: Cipher,
    id: KeyId,
    /// Ready to be copied: building them for every value costs a tenth of sealing it.
    plain: Header,
    padded: Header,
    purpose: Purpose,
    uses: Uses,
    limit: Limit,
}

/// A sealing key of the purpose `index`, which seals nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of the purpose index seals nothing; use a key of the purpose seal or value")]
pub struct InvalidUse;

/// The kind of value a column holds, and whether it seals NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The policy's kind.
    pub kind: Kind,
    /// Whether NULL is sealed in this column instead of stored as NULL.
    pub seal_null: bool,
}

impl Expected {
    /// This kind; NULL is not sealed.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        Self {
            kind,
            seal_null: false,
        }
    }

    /// The same, or a sealed NULL.
    #[must_use]
    pub const fn or_null(self) -> Self {
        Self {
            seal_null: true,
            ..self
        }
    }

    pub(crate) fn check(self, kind: Kind) -> Result<Kind, OpenError> {
        let allowed = match kind {
            Kind::Null => self.seal_null,
            kind => kind == self.kind,
        };
        allowed.then_some(kind).ok_or(OpenError::DoesNotOpen)
    }
}

impl SealingKey {
    /// The key of `purpose` ([`Purpose::Seal`] or [`Purpose::Value`]) in `domain`. Both come
    /// from the policy or the call, never from the database or a sealed value.
    ///
    /// # Errors
    /// [`InvalidUse`] for the purpose `index`.
    pub fn derive(
        data_key: &DataKey,
        domain: &Domain,
        purpose: Purpose,
    ) -> Result<Self, InvalidUse> {
        Self::derive_with_limit(data_key, domain, purpose, Limit::HARD)
    }

    /// The same with a lower limit on this process' seals, for tests of what happens then.
    ///
    /// # Errors
    /// [`InvalidUse`] for the purpose `index`.
    pub fn derive_with_limit(
        data_key: &DataKey,
        domain: &Domain,
        purpose: Purpose,
        limit: Limit,
    ) -> Result<Self, InvalidUse> {
        if purpose == Purpose::Index {
            return Err(InvalidUse);
        }
        let ctx = kdf::context(domain, purpose);
        let key = kdf::expand::<32>(data_key.expose(), &[b"fieldseal/1 key", &ctx]);
        let id = data_key.id(domain, purpose);
        Ok(Self {
            cipher: Cipher::new(&key),
            id,
            plain: Header::new(false, id),
            padded: Header::new(true, id),
            purpose,
            uses: Uses::of(id),
            limit,
        })
    }

    /// The id that values sealed with this key carry.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) const fn id_ref(&self) -> &KeyId {
        &self.id
    }

    /// What the key is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Leave to seal `n` times, counted now against this process' limit, used or not. Where a
    /// fleet shares the key, reserve the block in its store first.
    ///
    /// # Errors
    /// [`BudgetExhausted`] when `n` more would pass the limit; nothing is counted then.
    pub fn grant(self: &Arc<Self>, n: u32) -> Result<Grant, BudgetExhausted> {
        if self.uses.reserve(n, self.limit) {
            Ok(Grant::new(Arc::clone(self), n))
        } else {
            Err(BudgetExhausted { key_id: self.id })
        }
    }

    /// Opens a column's value. `row` is the key of the row as fetched, never the argument of a
    /// look-up.
    ///
    /// # Errors
    /// [`OpenError::NotSealed`] for bytes that are no sealed value by length or format byte;
    /// [`OpenError::DoesNotOpen`] for everything else: another key, table, column, row or kind,
    /// changed bytes, bad padding, a form that is not canonical.
    pub fn open_column(
        &self,
        column: &ColumnRef,
        row: &RowKey,
        expected: Expected,
        sealed: &[u8],
    ) -> Result<Value, OpenError> {
        let prefix = Prefix::split(sealed)?;
        let header = self.header_of(Purpose::Seal, &prefix)?;
        let mut bytes = Plaintext::new(sealed.to_vec());
        let opened = Binding::Column(column, row).with_aad(header, |aad| {
            self.open(prefix.padded, aad, bytes.expose_mut())
        });
        let kind = expected.check(opened?)?;
        let value = Value::from_canonical(kind, bytes.into_exposed());
        value.map_err(|_| OpenError::DoesNotOpen)
    }

    /// What opens many values of a column, each in its own memory.
    #[must_use]
    pub fn column_opener(&self, column: &ColumnRef, expected: Expected) -> ColumnOpener<'_> {
        ColumnOpener::new(self, column, expected)
    }

    /// Opens a free value that was sealed for the same parts.
    ///
    /// # Errors
    /// As [`open_column`](Self::open_column).
    pub fn open_value(&self, parts: &[&[u8]], sealed: &[u8]) -> Result<Plaintext, OpenError> {
        let prefix = Prefix::split(sealed)?;
        let header = self.header_of(Purpose::Value, &prefix)?;
        if !parts_fit(parts) {
            return Err(OpenError::DoesNotOpen);
        }
        let mut bytes = Plaintext::new(sealed.to_vec());
        let opened = Binding::Value(parts).with_aad(header, |aad| {
            self.open(prefix.padded, aad, bytes.expose_mut())
        });
        if opened? != Kind::Bytes {
            return Err(OpenError::DoesNotOpen);
        }
        Ok(bytes)
    }

    /// The header of a sealed value, if it is one of this key's.
    pub(crate) fn header_of(
        &self,
        purpose: Purpose,
        prefix: &Prefix<'_>,
    ) -> Result<&Header, OpenError> {
        let header = self.header(prefix.padded);
        if purpose != self.purpose || prefix.header != header.as_bytes() {
            return Err(OpenError::DoesNotOpen);
        }
        Ok(header)
    }

    /// Leaves the value's bytes in `sealed`, and answers their kind.
    pub(crate) fn open(
        &self,
        padded: bool,
        aad: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<Kind, OpenError> {
        let Body {
            nonce,
            content,
            tag,
        } = Body::of(sealed).ok_or(OpenError::NotSealed)?;
        let decrypted = self.cipher.decrypt(nonce, aad, content, tag);
        decrypted.map_err(|_| OpenError::DoesNotOpen)?;
        let length = if padded {
            unpadded_len(content).ok_or(OpenError::DoesNotOpen)?
        } else {
            content.len()
        };
        let kind = Kind::from_code(content[0]).ok_or(OpenError::DoesNotOpen)?;
        if length - 1 > MAX_VALUE_BYTES {
            return Err(OpenError::DoesNotOpen);
        }
        move_down(sealed, length - 1);
        sealed.truncate(length - 1);
        Ok(kind)
    }

    pub(crate) const fn header(&self, padded: bool) -> &Header {
        if padded { &self.padded } else { &self.plain }
    }

    pub(crate) const fn cipher(&self) -> &Cipher {
        &self.cipher
    }
}

/// Moves a value of `length` bytes down over header, nonce and kind byte; what is left behind is
/// wiped with the vector. In steps of one register, which most values are done with sooner than one
/// call of memmove: the tag behind them is as long, and so is room for the last step.
fn move_down(sealed: &mut [u8], length: usize) {
    for to in (0..length).step_by(TAG_BYTES) {
        let from = to + PREFIX_BYTES + 1;
        sealed.copy_within(from..from + TAG_BYTES, to);
    }
}
