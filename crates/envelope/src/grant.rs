//! Leave to seal a number of times: the only way to a sealed value. Owns counting down, drawing
//! the nonce and laying out the bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fieldseal_model::{Canonical, Kind, RowKey};
use zeroize::Zeroize;

use crate::aad::{Binding, parts_fit};
use crate::layout::{HEADER_BYTES, NONCE_BYTES, PAD_MARK, PREFIX_BYTES, TAG_BYTES};
use crate::{
    ColumnRef, KeyId, MAX_VALUE_BYTES, NoRandomness, Pad, Purpose, SealingKey, nonce, sealed_len,
};

/// Leave to seal some number of times with one key, by any number of threads. What is left when
/// it is dropped is not given back. No `Debug`, no `Clone`.
pub struct Grant {
    key: Arc<SealingKey>,
    left: AtomicU32,
    /// A forked child has a copy of the count, and must not use it.
    process: u32,
}

/// Why a value was not sealed. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Every seal of the grant is used, or the grant was made by another process.
    #[error("the grant has no seal left in this process; take another")]
    Used,
    /// The key's purpose does not fit: columns take `seal`, free values take `value`.
    #[error("the key has another purpose; columns take seal, free values take value")]
    Purpose,
    /// The canonical bytes are more than 16 MiB.
    #[error("the value is longer than 16 MiB, which is the most that can be sealed")]
    TooLong,
    /// Free parts: none, more than 255, or one of 4 GiB.
    #[error("a free value is bound to 1 to 255 parts, each shorter than 4 GiB")]
    Parts,
    /// NULL is sealed only where the column pads: its length would tell what it is.
    #[error("NULL is sealed only in a padded column; set `pad` beside `seal_null`")]
    NullUnpadded,
    /// The kernel gave no nonce.
    #[error(transparent)]
    NoRandomness(NoRandomness),
}

impl Grant {
    pub(crate) fn new(key: Arc<SealingKey>, seals: u32) -> Self {
        Self {
            key,
            left: AtomicU32::new(seals),
            process: std::process::id(),
        }
    }

    /// The id of the key it seals with.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key.id()
    }

    /// How many seals are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left.load(Ordering::Relaxed)
    }

    /// Seals a column's value for its row and appends it to `out`, which on an error is as it
    /// was. For more than one value, [`seal_columns`](Self::seal_columns) is quicker.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn seal_column(
        &self,
        column: &ColumnRef,
        row: &RowKey,
        value: &Canonical<'_>,
        pad: Option<Pad>,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let field = Field {
            column,
            row,
            value: value.lend(),
            pad,
        };
        self.check_field(&field)?;
        let process = self.take(1)?;
        self.seal(process, &field.binding(), &field.content(), out)
    }

    /// Seals any number of values, of one row or many, and appends them to `out` in their order,
    /// each as long as [`Field::sealed_len`] says; on an error `out` is as it was. All are checked
    /// and counted before the first is sealed. Quicker than one by one, since the process id and
    /// the count are looked at once: a thread cannot fork while it is in here.
    ///
    /// # Errors
    /// See [`SealError`]. When the kernel gives no nonce, all of them are counted as used.
    pub fn seal_columns(&self, fields: &[Field<'_>], out: &mut Vec<u8>) -> Result<(), SealError> {
        fields
            .iter()
            .try_for_each(|field| self.check_field(field))?;
        let count = u32::try_from(fields.len()).map_err(|_| SealError::Used)?;
        let process = self.take(count)?;
        self.seal_each(fields, out, |nonce| nonce::next(process, nonce))
    }

    /// Seals what is checked and counted. Where nonces come from is an argument, since the kernel
    /// gives every one: a test must let it stop half-way.
    fn seal_each(
        &self,
        fields: &[Field<'_>],
        out: &mut Vec<u8>,
        mut draw: impl FnMut(&mut [u8; NONCE_BYTES]) -> Result<(), NoRandomness>,
    ) -> Result<(), SealError> {
        let start = out.len();
        out.reserve(fields.iter().map(Field::sealed_len).sum());
        let sealed = fields.iter().try_for_each(|field| {
            let mut nonce = [0; NONCE_BYTES];
            draw(&mut nonce)?;
            seal_with_nonce(&self.key, &nonce, &field.binding(), &field.content(), out);
            Ok(())
        });
        sealed
            .map_err(SealError::NoRandomness)
            .inspect_err(|_| out.truncate(start))
    }

    /// Seals bytes that are no column, bound to `parts`.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn seal_value(
        &self,
        parts: &[&[u8]],
        bytes: &[u8],
        pad: Option<Pad>,
    ) -> Result<Vec<u8>, SealError> {
        if self.key.purpose() != Purpose::Value {
            return Err(SealError::Purpose);
        }
        if !parts_fit(parts) {
            return Err(SealError::Parts);
        }
        let content = Content {
            kind: Kind::Bytes,
            bytes,
            pad,
        };
        content.check()?;
        let process = self.take(1)?;
        let mut out = Vec::new();
        self.seal(process, &Binding::Value(parts), &content, &mut out)?;
        Ok(out)
    }

    fn check_field(&self, field: &Field<'_>) -> Result<(), SealError> {
        if self.key.purpose() != Purpose::Seal {
            return Err(SealError::Purpose);
        }
        field.check()
    }

    /// Counts `n` seals before the first nonce is drawn, since a seal counts when made, stored or
    /// not. Gives the process id, which is asked for every time: a forked child must not go on
    /// with its parent's grant or nonces.
    fn take(&self, n: u32) -> Result<u32, SealError> {
        let process = std::process::id();
        if process != self.process {
            return Err(SealError::Used);
        }
        self.left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(n)
            })
            .map_err(|_| SealError::Used)?;
        Ok(process)
    }

    fn seal(
        &self,
        process: u32,
        binding: &Binding<'_>,
        content: &Content<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let mut nonce = [0; NONCE_BYTES];
        nonce::next(process, &mut nonce).map_err(SealError::NoRandomness)?;
        seal_with_nonce(&self.key, &nonce, binding, content, out);
        Ok(())
    }
}

/// One value of a column, to be sealed for its row.
pub struct Field<'a> {
    /// The column.
    pub column: &'a ColumnRef,
    /// The row's key, as the column binds it.
    pub row: &'a RowKey,
    /// The value, of the column's kind.
    pub value: Canonical<'a>,
    /// The column's padding.
    pub pad: Option<Pad>,
}

impl Field<'_> {
    /// How long the value is once it is sealed.
    #[must_use]
    pub fn sealed_len(&self) -> usize {
        sealed_len(self.value.expose().len(), self.pad)
    }

    /// Whether it can be sealed at all: says which of many it was that could not.
    ///
    /// # Errors
    /// [`SealError::NullUnpadded`], [`SealError::TooLong`].
    pub fn check(&self) -> Result<(), SealError> {
        if self.value.is_null() && self.pad.is_none() {
            return Err(SealError::NullUnpadded);
        }
        self.content().check()
    }

    const fn binding(&self) -> Binding<'_> {
        Binding::Column(self.column, self.row)
    }

    fn content(&self) -> Content<'_> {
        Content {
            kind: self.value.kind(),
            bytes: self.value.expose(),
            pad: self.pad,
        }
    }
}

/// What is sealed: kind byte, bytes, padding.
pub(crate) struct Content<'a> {
    pub(crate) kind: Kind,
    pub(crate) bytes: &'a [u8],
    pub(crate) pad: Option<Pad>,
}

impl Content<'_> {
    fn check(&self) -> Result<(), SealError> {
        if self.bytes.len() > MAX_VALUE_BYTES {
            return Err(SealError::TooLong);
        }
        Ok(())
    }
}

/// Lays out and encrypts in place. Apart from [`Grant::seal`] only known-answer tests call it,
/// since it trusts the nonce.
pub(crate) fn seal_with_nonce(
    key: &SealingKey,
    nonce: &[u8; NONCE_BYTES],
    binding: &Binding<'_>,
    content: &Content<'_>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let total = sealed_len(content.bytes.len(), content.pad);
    // All at once: growing later would leave a copy of the plaintext in freed memory.
    out.reserve(total);
    let header = key.header(content.pad.is_some());
    // In one piece: three small appends cost a twentieth of sealing a short value.
    let mut first = [content.kind.code(); PREFIX_BYTES + 1];
    first[..HEADER_BYTES].copy_from_slice(header.as_bytes());
    first[HEADER_BYTES..PREFIX_BYTES].copy_from_slice(nonce);
    out.extend_from_slice(&first);
    out.extend_from_slice(content.bytes);
    if content.pad.is_some() {
        out.push(PAD_MARK);
        out.resize(start + total - TAG_BYTES, 0);
    }
    let body = &mut out[start + PREFIX_BYTES..];
    let tag = binding.with_aad(header, |aad| {
        let sealed = key.cipher().encrypt(nonce, aad, body);
        if sealed.is_err() {
            body.zeroize();
        }
        sealed.expect("a value of at most 16 MiB is within the limits of GCM")
    });
    out.extend_from_slice(&tag);
}

#[cfg(test)]
mod tests;
