//! The words every other crate speaks: names, kinds and canonical values, row keys, positions,
//! row versions with their one comparison, and changes.
//!
//! This crate owns what a value *is* (`docs/FORMAT.md`, sections 2 and 3) and what orders two
//! changes of one row (`docs/ORDERING.md`). It knows no I/O, no async, no JSON, no cipher.
//!
//! Cells and values are plaintext. Their types have no `Debug`, `Display`, `Clone` or
//! `Serialize`, and their bytes are wiped when they are dropped; reading them takes the word
//! [`Plaintext::expose`].

mod canonical;
mod change;
mod kind;
mod place;
mod plaintext;
mod position;
mod row_key;
mod temporal;
mod value;
mod values;
mod version;

pub use canonical::NotCanonical;
pub use change::{Cell, Change, Engine, Operation, Row, SourceOrder, TableName, TableRef};
pub use kind::{Kind, UnknownKind, ValueType, ZeroDate};
pub use place::{InvalidSequence, Place, SequenceNumber};
pub use plaintext::{Piece, Plaintext, wipe};
pub use position::{InvalidPosition, Position};
pub use row_key::{InvalidRowKey, RowKey};
pub use value::{Canonical, Value};
pub use values::{Slot, Values};
pub use version::{Epoch, Generation, RowVersion};
