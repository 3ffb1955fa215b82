//! Blind indexes: a keyed hash of a normalised value, for equality look-up and uniqueness
//! (`docs/FORMAT.md`, section 4). Owns the hash; what is normalised how is in `definition`.

use fieldseal_model::Canonical;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::aad::lp_into;
use crate::{ColumnRef, DataKey, Definition, Domain, NoNormalForm, Purpose, kdf};

/// The key of one blind index, ready to hash. No `Debug`, no `Clone`.
pub struct IndexKey {
    hmac: Hmac<Sha256>,
    definition: Definition,
}

/// How many bytes of the hash are kept: 8 to 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLength(u8);

/// A number that is no index length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blind index is 8 to 32 bytes")]
pub struct InvalidIndexLength;

impl IndexLength {
    /// This many bytes.
    ///
    /// # Errors
    /// [`InvalidIndexLength`] unless `bytes` is 8 to 32.
    pub fn new(bytes: u32) -> Result<Self, InvalidIndexLength> {
        match u8::try_from(bytes) {
            Ok(bytes @ 8..=32) => Ok(Self(bytes)),
            _ => Err(InvalidIndexLength),
        }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

impl Default for IndexLength {
    /// 16 bytes, which is also the least that a unique index needs.
    fn default() -> Self {
        Self(16)
    }
}

/// Why a value has no index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The value is of another kind than the column.
    #[error("the value is of another kind than the indexed column")]
    Kind,
    /// A normaliser refuses the text.
    #[error(transparent)]
    NoNormalForm(NoNormalForm),
}

impl IndexKey {
    /// The key of the index `index_name` of a column, from the index data key of its domain.
    ///
    /// # Panics
    /// When the index name is 4 GiB or longer.
    #[must_use]
    pub fn derive(
        data_key: &DataKey,
        domain: &Domain,
        column: &ColumnRef,
        index_name: &str,
        definition: &Definition,
    ) -> Self {
        let mut info = kdf::context(domain, Purpose::Index);
        info.extend_from_slice(column.bound());
        lp_into(&mut info, index_name.as_bytes());
        lp_into(&mut info, definition.to_string().as_bytes());
        let key = kdf::expand::<32>(data_key.expose(), &[b"fieldseal/1 index", &info]);
        Self {
            hmac: Hmac::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length"),
            definition: definition.clone(),
        }
    }

    /// What it is an index of.
    #[must_use]
    pub const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The index of a value, to be stored or looked up; nothing (stored as NULL) for NULL and
    /// for what normalises to nothing.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn compute(
        &self,
        value: &Canonical<'_>,
        length: IndexLength,
    ) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self
            .full(value)?
            .map(|hash| hash[..length.bytes()].to_vec()))
    }

    /// Whether `stored` is the index of `value`, compared in constant time; `None` stands for a
    /// stored NULL. One of another length is never right, however it begins: no look-up finds it,
    /// and a unique index lets the same value in beside it.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn verify(
        &self,
        value: &Canonical<'_>,
        length: IndexLength,
        stored: Option<&[u8]>,
    ) -> Result<bool, IndexError> {
        Ok(match (self.full(value)?, stored) {
            (None, None) => true,
            (Some(hash), Some(stored)) => hash[..length.bytes()].ct_eq(stored).into(),
            _ => false,
        })
    }

    fn full(&self, value: &Canonical<'_>) -> Result<Option<[u8; 32]>, IndexError> {
        Ok(self.definition.normalise(value)?.map(|normalised| {
            let mut mac = self.hmac.clone();
            mac.update(&[0x01, self.definition.kind().code()]);
            mac.update(normalised.expose());
            mac.finalize().into_bytes().into()
        }))
    }
}

#[cfg(test)]
mod tests {
    use fieldseal_model::{Kind, Value};

    use super::{IndexKey, IndexLength};
    use crate::{ColumnId, ColumnRef, DataKey, Definition, Normaliser, TableId};

    fn key(index_name: &str) -> IndexKey {
        let column = ColumnRef::new(
            TableId::new("shop.customers").unwrap(),
            ColumnId::new("email").unwrap(),
        );
        let normalisers = [Normaliser::Trim, Normaliser::NfkcCasefold];
        let definition = Definition::new(Kind::Text, normalisers).unwrap();
        let domain = "contact".parse().unwrap();
        let data_key = DataKey::from_bytes(std::array::from_fn(|i| 0x20 + i.to_le_bytes()[0]));
        IndexKey::derive(&data_key, &domain, &column, index_name, &definition)
    }

    #[test]
    fn the_anchor_index() {
        let (key, length) = (key("exact"), IndexLength::default());
        for text in ["ada@example.org", "  ADA@Example.ORG\t"] {
            let index = key.compute(&Value::text(text), length);
            let index = index.unwrap().unwrap();
            assert_eq!(hex::encode(&index), "9fdf12ee58bd694248371cd5f3312684");
            let right = key.verify(&Value::text("ada@example.org"), length, Some(&index));
            assert!(right.unwrap());
        }
    }

    #[test]
    fn another_name_is_another_index() {
        let of = |name| key(name).compute(&Value::text("ada"), IndexLength::default());
        assert_ne!(of("exact"), of("other"));
    }

    #[test]
    fn verifying() {
        let key = key("exact");
        let value = Value::text("ada");
        let lengths = [8, 16, 32].map(|bytes| IndexLength::new(bytes).unwrap());
        let long = key.compute(&value, lengths[2]).unwrap().unwrap();
        for length in lengths {
            let verify =
                |value: &Value, stored: Option<&[u8]>| key.verify(value, length, stored).unwrap();
            for kept in 0..=long.len() {
                let right = kept == length.bytes();
                assert_eq!(verify(&value, Some(&long[..kept])), right, "{kept}");
            }
            let mut index = long[..length.bytes()].to_vec();
            assert!(!verify(&Value::text("bob"), Some(&index)));
            assert!(!verify(&Value::text(" "), Some(&index)));
            assert!(verify(&Value::text(" "), None));
            assert!(!verify(&value, None));
            *index.last_mut().unwrap() ^= 1;
            assert!(!verify(&value, Some(&index)));
        }
    }

    #[test]
    fn lengths_are_checked() {
        assert!(IndexLength::new(7).is_err());
        assert!(IndexLength::new(33).is_err());
        assert!(IndexLength::new(264).is_err());
    }
}
