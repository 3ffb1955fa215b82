//! A key that opens and never seals: what everyone gets who reads. Owns nothing but that
//! promise; opening itself is in `sealing_key`.

use std::sync::Arc;

use fieldseal_model::{Plaintext, RowKey, Value};

use crate::{ColumnOpener, ColumnRef, Expected, KeyId, OpenError, Purpose, SealingKey};

/// A share in a [`SealingKey`] from which no [`Grant`](crate::Grant) can be had, so that holding
/// one is leave to read and not to write. No `Debug`.
///
/// ```compile_fail
/// fn seal(key: &fieldseal_envelope::OpeningKey) {
///     let _ = key.grant(1);
/// }
/// ```
#[derive(Clone)]
pub struct OpeningKey(Arc<SealingKey>);

impl OpeningKey {
    /// The part of `key` that opens. There is no way back.
    #[must_use]
    pub const fn of(key: Arc<SealingKey>) -> Self {
        Self(key)
    }

    /// The id of the values it opens.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.0.id()
    }

    /// What the key is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.0.purpose()
    }

    /// See [`SealingKey::open_column`].
    ///
    /// # Errors
    /// As there.
    pub fn open_column(
        &self,
        column: &ColumnRef,
        row: &RowKey,
        expected: Expected,
        sealed: &[u8],
    ) -> Result<Value, OpenError> {
        self.0.open_column(column, row, expected, sealed)
    }

    /// See [`SealingKey::column_opener`].
    #[must_use]
    pub fn column_opener(&self, column: &ColumnRef, expected: Expected) -> ColumnOpener<'_> {
        self.0.column_opener(column, expected)
    }

    /// See [`SealingKey::open_value`].
    ///
    /// # Errors
    /// As there.
    pub fn open_value(&self, parts: &[&[u8]], sealed: &[u8]) -> Result<Plaintext, OpenError> {
        self.0.open_value(parts, sealed)
    }
}
