//! Reading sealed rows by a policy that is known only at run time: what `fieldseal open` does.
//!
//! Owns reading rows of the sealed database by the policy: which column is bound to which row
//! key, opening every sealed value under the domain that the policy names, and checking blind
//! indexes. It knows no Rust type of the application's: an opened row is a list of cells.
//!
//! The row key always comes from the row as it was fetched, never from what was asked for, and a
//! second binding is never tried.

mod error;
mod lookup;
mod open;
mod row;
mod stored;

pub use error::{OpenFailure, ReadError};
pub use open::Reader;
pub use row::{OpenedCell, OpenedRow};
