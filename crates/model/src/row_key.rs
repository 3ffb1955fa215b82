//! The one encoding of a row's key (`docs/FORMAT.md`, section 2). Coalescing, ordering,
//! tombstones and AAD all use it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Canonical;

/// Count byte, then for each key column, in policy order, the kind byte and the canonical bytes
/// with their length as u32 big-endian. Prints its length only: a key may be personal data.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(Vec<u8>);

/// Why values do not make a row key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRowKey {
    /// A key column is NULL.
    #[error("a key column is NULL")]
    Null,
    /// A key column has a kind that keys may not have.
    #[error("a key column has a kind that keys may not have")]
    Kind,
    /// More than 255 columns, or a value of 4 GiB.
    #[error("the key has too many columns or a value that is too long")]
    TooLong,
}

impl RowKey {
    /// The key with no column, used where a sealed value is bound to its column only.
    #[must_use]
    pub fn unbound() -> Self {
        // Room for most keys.
        let mut bytes = Vec::with_capacity(32);
        bytes.push(0);
        Self(bytes)
    }

    /// Encodes the values of the key columns, in policy order.
    ///
    /// # Errors
    /// See [`InvalidRowKey`].
    pub fn new<'a, 'b: 'a>(
        values: impl IntoIterator<Item = &'a Canonical<'b>>,
    ) -> Result<Self, InvalidRowKey> {
        let mut key = Self::unbound();
        for value in values {
            key.push(value)?;
        }
        Ok(key)
    }

    /// Adds the value of the next key column.
    ///
    /// # Errors
    /// See [`InvalidRowKey`]; the key is no key of a row then.
    pub fn push(&mut self, value: &Canonical<'_>) -> Result<(), InvalidRowKey> {
        if value.is_null() {
            return Err(InvalidRowKey::Null);
        }
        if !value.kind().may_be_key() {
            return Err(InvalidRowKey::Kind);
        }
        let bytes = value.expose();
        let length = u32::try_from(bytes.len()).map_err(|_| InvalidRowKey::TooLong)?;
        self.0[0] = self.0[0].checked_add(1).ok_or(InvalidRowKey::TooLong)?;
        self.0.push(value.kind().code());
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes every value away; the memory stays, for the key of the next row.
    pub fn clear(&mut self) {
        self.0.truncate(1);
        self.0[0] = 0;
    }

    /// The encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the encoding: a fixed width name of the row for tombstones, whatever the
    /// length of its key.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowKey({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidRowKey, RowKey};
    use crate::Value;

    #[test]
    fn the_anchor_key() {
        let key = RowKey::new([&Value::integer("42").unwrap()]).unwrap();
        assert_eq!(key.as_bytes(), b"\x01i\0\0\0\x0242");
    }

    #[test]
    fn two_splits_of_the_same_bytes_are_two_keys() {
        let key = |a: &str, b: &str| RowKey::new([&Value::text(a), &Value::text(b)]).unwrap();
        assert_ne!(key("ab", "c"), key("a", "bc"));
    }

    #[test]
    fn a_key_built_in_the_memory_of_another_is_the_same() {
        let values = [Value::text("ada"), Value::integer("42").unwrap()];
        let mut key = RowKey::new([&Value::text("a longer one, from another row")]).unwrap();
        key.clear();
        assert_eq!(key, RowKey::unbound());
        values.iter().try_for_each(|value| key.push(value)).unwrap();
        assert_eq!(key, RowKey::new(&values).unwrap());
    }

    #[test]
    fn null_and_odd_kinds_are_refused() {
        assert_eq!(RowKey::new([&Value::null()]), Err(InvalidRowKey::Null));
        assert_eq!(
            RowKey::new([&Value::boolean(true)]),
            Err(InvalidRowKey::Kind)
        );
    }

    #[test]
    fn debug_shows_no_key() {
        let key = RowKey::new([&Value::text("ada@example.org")]).unwrap();
        assert_eq!(format!("{key:?}"), "RowKey(21 bytes)");
    }
}
