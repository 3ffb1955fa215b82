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
mod tests {
    use std::sync::Arc;

    use fieldseal_model::{Kind, RowKey, Value};

    use super::{Content, Field, Grant, SealError, seal_with_nonce};
    use crate::aad::Binding;
    use crate::layout::NONCE_BYTES;
    use crate::{
        ColumnId, ColumnRef, DataKey, Expected, Limit, MAX_VALUE_BYTES, NoRandomness, OpenError,
        Pad, Purpose, SealingKey, TableId,
    };

    fn key(bytes: u8, purpose: Purpose, limit: Limit) -> Arc<SealingKey> {
        let domain = "contact".parse().unwrap();
        let data_key = DataKey::from_bytes([bytes; 32]);
        let key = SealingKey::derive_with_limit(&data_key, &domain, purpose, limit);
        Arc::new(key.unwrap_or_else(|error| panic!("{error}")))
    }

    fn column() -> ColumnRef {
        ColumnRef::new(
            TableId::new("shop.customers").unwrap(),
            ColumnId::new("email").unwrap(),
        )
    }

    fn seal(grant: &Grant, value: &Value, pad: Option<Pad>) -> Result<Vec<u8>, SealError> {
        let mut out = Vec::new();
        grant.seal_column(&column(), &RowKey::unbound(), value, pad, &mut out)?;
        Ok(out)
    }

    #[test]
    fn the_anchor_sealed_value() {
        let data_key = DataKey::from_bytes(std::array::from_fn(|i| i.to_le_bytes()[0]));
        let domain = "contact".parse().unwrap();
        let key = SealingKey::derive(&data_key, &domain, Purpose::Seal)
            .ok()
            .unwrap();
        let row = RowKey::new([&Value::integer("42").unwrap()]).unwrap();
        let content = Content {
            kind: Kind::Text,
            bytes: b"ada@example.org",
            pad: None,
        };
        let nonce = std::array::from_fn(|i| i.to_le_bytes()[0]);
        let mut out = Vec::new();
        let binding = Binding::Column(&column(), &row);
        seal_with_nonce(&key, &nonce, &binding, &content, &mut out);
        assert_eq!(
            hex::encode(&out),
            "0161ecdcbdd96911ab0a2b7f1ba2bca0f8000102030405060708090a0b\
             7cfd4cabbbfb1ece3798a2dcaad5d2a66f64e23fd7b0866be3bf59155fe67490"
        );
        let opened = key.open_column(&column(), &row, Expected::of(Kind::Text), &out);
        assert_eq!(opened.ok().unwrap().expose(), b"ada@example.org");
    }

    #[test]
    fn counted_over_threads_and_never_beyond() {
        let grant = key(101, Purpose::Seal, Limit::HARD).grant(1_000).unwrap();
        let sealed: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let value = Value::text("ada");
                        (0..400)
                            .filter(|_| seal(&grant, &value, None).is_ok())
                            .count()
                    })
                })
                .collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        assert_eq!((sealed, grant.left()), (1_000, 0));
        assert_eq!(
            seal(&grant, &Value::null(), Pad::new(2).ok()),
            Err(SealError::Used)
        );
    }

    #[test]
    fn the_limit_holds_for_every_copy_of_a_key() {
        let limit = Limit::at_most(10);
        let first = key(102, Purpose::Seal, limit);
        drop(first.grant(7).unwrap());
        // Derived anew, as after leaving a cache: the seven stay counted, though none was made.
        let again = key(102, Purpose::Seal, limit);
        let refused = again.grant(4).err().unwrap();
        assert_eq!(refused.key_id, first.id());
        assert!(again.grant(3).is_ok());
        assert!(first.grant(1).is_err());
        assert!(first.grant(u32::MAX).is_err());
        assert_eq!(Limit::at_most(u32::MAX), Limit::HARD);
    }

    #[test]
    fn a_forked_copy_of_a_grant_seals_nothing() {
        let mut grant = key(103, Purpose::Seal, Limit::HARD).grant(5).unwrap();
        grant.process = grant.process.wrapping_add(1);
        assert_eq!(
            seal(&grant, &Value::text("ada"), None),
            Err(SealError::Used)
        );
        assert_eq!(grant.left(), 5);
    }

    #[test]
    fn what_is_not_sealed_leaves_nothing_behind() {
        let seals = key(104, Purpose::Seal, Limit::HARD).grant(9).unwrap();
        let values = key(104, Purpose::Value, Limit::HARD).grant(9).unwrap();
        let text = Value::text("ada");
        assert_eq!(seal(&values, &text, None), Err(SealError::Purpose));
        assert_eq!(
            seals.seal_value(&[b"q"], b"ada", None),
            Err(SealError::Purpose)
        );
        assert_eq!(values.seal_value(&[], b"ada", None), Err(SealError::Parts));
        let many = vec![b"p".as_slice(); 256];
        assert_eq!(
            values.seal_value(&many, b"ada", None),
            Err(SealError::Parts)
        );
        assert!(values.seal_value(&many[1..], b"ada", None).is_ok());
        assert_eq!(
            seal(&seals, &Value::null(), None),
            Err(SealError::NullUnpadded)
        );
        let long = Value::bytes(vec![0; MAX_VALUE_BYTES + 1]);
        let mut out = b"before".to_vec();
        let row = RowKey::unbound();
        let result = seals.seal_column(&column(), &row, &long, None, &mut out);
        assert_eq!(
            (result, out.as_slice()),
            (Err(SealError::TooLong), b"before".as_slice())
        );
        assert_eq!((seals.left(), values.left()), (9, 8));
    }

    #[test]
    fn many_are_counted_together_and_open_one_by_one() {
        let key = key(106, Purpose::Seal, Limit::HARD);
        let grant = key.grant(3).unwrap();
        let (column, row) = (column(), RowKey::unbound());
        let values = [Value::text("ada"), Value::text("bob")];
        let fields: Vec<_> = values
            .iter()
            .map(|value| Field {
                column: &column,
                row: &row,
                value: value.lend(),
                pad: None,
            })
            .collect();
        let mut sealed = b"before".to_vec();
        grant.seal_columns(&fields, &mut sealed).unwrap();
        let mut rest = sealed.strip_prefix(b"before").unwrap();
        for field in &fields {
            let (sealed, behind) = rest.split_at(field.sealed_len());
            let opened = key.open_column(&column, &row, Expected::of(Kind::Text), sealed);
            assert_eq!(opened.ok().unwrap().expose(), field.value.expose());
            rest = behind;
        }
        assert!(rest.is_empty());
        let before = sealed.clone();
        let result = grant.seal_columns(&fields, &mut sealed);
        assert_eq!((result, grant.left()), (Err(SealError::Used), 1));
        let bad = Field {
            column: &column,
            row: &row,
            value: Value::null(),
            pad: None,
        };
        let result = grant.seal_columns(&[bad], &mut sealed);
        assert_eq!(result, Err(SealError::NullUnpadded));
        assert_eq!(sealed, before);
    }

    /// An error before the first of them, and one behind it: what stood in `out` stays, and no part
    /// of the others is behind it.
    #[test]
    fn an_error_among_many_leaves_out_as_it_was() {
        let grant = key(107, Purpose::Seal, Limit::HARD).grant(9).unwrap();
        let (column, row) = (column(), RowKey::unbound());
        let field = |value| Field {
            column: &column,
            row: &row,
            value,
            pad: None,
        };
        let (text, null) = (Value::text("ada"), Value::null());
        let mut out = b"before".to_vec();
        let among = [field(text.lend()), field(null.lend()), field(text.lend())];
        let result = grant.seal_columns(&among, &mut out);
        assert_eq!(result, Err(SealError::NullUnpadded));
        assert_eq!((out.as_slice(), grant.left()), (b"before".as_slice(), 9));

        let fields = [field(text.lend()), field(text.lend()), field(text.lend())];
        let mut drawn = 0;
        let result = grant.seal_each(&fields, &mut out, |nonce| {
            drawn += 1;
            *nonce = [drawn; NONCE_BYTES];
            if drawn < 3 { Ok(()) } else { Err(NoRandomness) }
        });
        assert_eq!(result, Err(SealError::NoRandomness(NoRandomness)));
        assert_eq!((drawn, out.as_slice()), (3, b"before".as_slice()));
    }

    #[test]
    fn the_longest_value_comes_back() {
        let key = key(105, Purpose::Seal, Limit::HARD);
        let pad = Pad::new(4_096).ok();
        let value = Value::bytes(vec![0; MAX_VALUE_BYTES]);
        let sealed = seal(&key.grant(1).unwrap(), &value, pad).unwrap();
        let expected = Expected::of(Kind::Bytes);
        let opened = key.open_column(&column(), &RowKey::unbound(), expected, &sealed);
        assert_eq!(opened.ok().unwrap().expose().len(), MAX_VALUE_BYTES);

        // One byte more, as only another program would seal it.
        let content = Content {
            kind: Kind::Bytes,
            bytes: &vec![0; MAX_VALUE_BYTES + 1],
            pad: None,
        };
        let mut sealed = Vec::new();
        let (column, row) = (column(), RowKey::unbound());
        seal_with_nonce(
            &key,
            &[0; 12],
            &Binding::Column(&column, &row),
            &content,
            &mut sealed,
        );
        let opened = key.open_column(&column, &row, expected, &sealed);
        assert_eq!(opened.err(), Some(OpenError::DoesNotOpen));
    }
}
