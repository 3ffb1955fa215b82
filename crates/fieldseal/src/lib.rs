//! What an application links to read sealed data: open rows, look one up.
//!
//! This crate owns reading rows of the sealed database by the policy: which column is bound to
//! which row key, opening every sealed value under the domain that the policy names, checking
//! blind indexes, and errors that say table, column and key but never a value. It knows no
//! pipeline, no stream and no DMS.
//!
//! The row key always comes from the row as it was fetched, never from what was asked for, and a
//! second binding is never tried.

mod error;
mod lookup;
mod row;
mod stored;
mod vault;

pub use error::{OpenFailure, VaultError};
pub use row::{OpenedCell, OpenedRow};
pub use vault::Vault;
