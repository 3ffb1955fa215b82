//! The key that seals and opens, derived from a data key for one domain and purpose. Owns
//! opening; sealing is in `grant`.

use std::sync::Arc;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key};
use fieldseal_model::{Kind, Plaintext, RowKey, Value};
use zeroize::Zeroizing;

use crate::aad::{Binding, parts_fit};
use crate::layout::{Header, Parts, unpadded_len};
use crate::uses::Uses;
use crate::{
    BudgetExhausted, ColumnRef, DataKey, Domain, Grant, KeyId, Limit, MAX_VALUE_BYTES, OpenError,
    Purpose, kdf,
};

/// An AES-256-GCM key with its schedule ready, and the id that values sealed with it carry.
/// No `Debug`, no `Clone`; share it in an [`Arc`].
pub struct SealingKey {
    cipher: Aes256Gcm,
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

    fn allows(self, kind: Kind) -> bool {
        match kind {
            Kind::Null => self.seal_null,
            kind => kind == self.kind,
        }
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
            cipher: cipher(&key),
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
        let parts = Parts::split(sealed)?;
        let (kind, bytes) = self.open(Purpose::Seal, &Binding::Column(column, row), &parts)?;
        if !expected.allows(kind) {
            return Err(OpenError::DoesNotOpen);
        }
        Value::from_canonical(kind, take(bytes)).map_err(|_| OpenError::DoesNotOpen)
    }

    /// Opens a free value that was sealed for the same parts.
    ///
    /// # Errors
    /// As [`open_column`](Self::open_column).
    pub fn open_value(&self, parts: &[&[u8]], sealed: &[u8]) -> Result<Plaintext, OpenError> {
        let split = Parts::split(sealed)?;
        if !parts_fit(parts) {
            return Err(OpenError::DoesNotOpen);
        }
        let (kind, bytes) = self.open(Purpose::Value, &Binding::Value(parts), &split)?;
        if kind != Kind::Bytes {
            return Err(OpenError::DoesNotOpen);
        }
        Ok(Plaintext::new(take(bytes)))
    }

    fn open(
        &self,
        purpose: Purpose,
        binding: &Binding<'_>,
        parts: &Parts<'_>,
    ) -> Result<(Kind, Zeroizing<Vec<u8>>), OpenError> {
        let header = self.header(parts.padded);
        if purpose != self.purpose || parts.header != header.as_bytes() {
            return Err(OpenError::DoesNotOpen);
        }
        let mut plaintext = Zeroizing::new(parts.ciphertext.to_vec());
        binding
            .with_aad(header, |aad| {
                self.cipher.decrypt_inout_detached(
                    parts.nonce.into(),
                    aad,
                    plaintext.as_mut_slice().into(),
                    parts.tag.into(),
                )
            })
            .map_err(|_| OpenError::DoesNotOpen)?;
        if parts.padded {
            let length = unpadded_len(&plaintext).ok_or(OpenError::DoesNotOpen)?;
            plaintext.truncate(length);
        }
        // Moves the bytes down by one; the byte left behind is wiped with the vector.
        let kind = Kind::from_code(plaintext.remove(0)).ok_or(OpenError::DoesNotOpen)?;
        if plaintext.len() > MAX_VALUE_BYTES {
            return Err(OpenError::DoesNotOpen);
        }
        Ok((kind, plaintext))
    }

    pub(crate) const fn header(&self, padded: bool) -> &Header {
        if padded { &self.padded } else { &self.plain }
    }

    pub(crate) const fn cipher(&self) -> &Aes256Gcm {
        &self.cipher
    }
}

/// AES-256-GCM with its schedule ready; the cipher wipes itself on drop.
pub(crate) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key))
}

/// Moves the vector out of its wiping wrapper, for an owner that wipes it too.
fn take(mut bytes: Zeroizing<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut *bytes)
}
