//! What the code that `#[derive(Sealed)]` writes names. Not for anybody else: it changes without
//! notice.

pub use fieldseal_model::ValueType;
pub use sqlx;

pub use crate::column_keys::Cells;
pub use crate::opening::RowOpening;
pub use crate::seal::{FieldCells, Fields, Values};
pub use crate::{BindRow, Binds};

use crate::Kind;

/// Refuses to compile a field whose type is of another kind than its column.
pub const fn same_kind(field: Kind, column: Kind) -> bool {
    field.code() == column.code()
}
