//! Opening many values of one column with one key. Owns the AAD that stays from one row to the next:
//! what does not change is written once, which counts where many rows are opened.

use fieldseal_model::{Kind, RowKey};

use crate::layout::{COLUMN_AAD_BYTES, Prefix};
use crate::{ColumnRef, Expected, KeyId, OpenError, Purpose, SealingKey};

/// Opens the values of one column that one key sealed, each in its own memory. No `Debug`.
pub struct ColumnOpener<'k> {
    key: &'k SealingKey,
    expected: Expected,
    aad: Vec<u8>,
    /// Where the row's key begins.
    row: usize,
}

impl<'k> ColumnOpener<'k> {
    pub(crate) fn new(key: &'k SealingKey, column: &ColumnRef, expected: Expected) -> Self {
        let mut aad = Vec::with_capacity(COLUMN_AAD_BYTES + column.bound().len() + 64);
        // No value has this header: the first one's is laid out.
        aad.extend_from_slice(&[0; COLUMN_AAD_BYTES]);
        aad.extend_from_slice(column.bound());
        Self {
            key,
            expected,
            row: aad.len(),
            aad,
        }
    }

    /// The id of the values it opens.
    #[must_use]
    #[inline]
    pub const fn id(&self) -> &'k KeyId {
        self.key.id_ref()
    }

    /// Opens a value in the memory of the sealed one, which then holds its bytes, and answers its
    /// kind. Whether the bytes are canonical is left to
    /// [`Value::from_canonical`](fieldseal_model::Value::from_canonical).
    ///
    /// # Errors
    /// As [`SealingKey::open_column`]; `sealed` is lost then, and may hold plaintext, so that it
    /// must be wiped as after a success.
    pub fn open(&mut self, row: &RowKey, sealed: &mut Vec<u8>) -> Result<Kind, OpenError> {
        let prefix = Prefix::split(sealed)?;
        let padded = prefix.padded;
        if !self.aad[..COLUMN_AAD_BYTES].ends_with(prefix.header) {
            let header = self.key.header_of(Purpose::Seal, &prefix)?;
            self.aad[..COLUMN_AAD_BYTES].copy_from_slice(header.column_aad());
        }
        self.aad.truncate(self.row);
        self.aad.extend_from_slice(row.as_bytes());
        let kind = self.key.open(padded, &self.aad, sealed)?;
        self.expected.check(kind)
    }
}
