//! What stands beside a sealed column in a row: blind indexes and masks. Owns that they may be
//! missing; what they hold is the envelope's.

use std::fmt;

/// A blind index (bytes) or a mask (text) as a row holds it.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Beside<T> {
    /// The row has no such column: it was not selected, or the database is the plaintext one.
    #[default]
    Absent,
    /// What the column holds, perhaps NULL.
    Stored(Option<T>),
}

impl<T> Beside<T> {
    /// What is stored, unless that is nothing.
    pub const fn stored(&self) -> Option<&T> {
        match self {
            Self::Stored(Some(value)) => Some(value),
            Self::Stored(None) | Self::Absent => None,
        }
    }

    /// Reads the column `name` of a fetched row, if the row has one.
    #[doc(hidden)]
    pub fn read<'r, R>(row: &'r R, name: &str) -> Result<Self, sqlx::Error>
    where
        R: sqlx::Row,
        for<'n> &'n str: sqlx::ColumnIndex<R>,
        Option<T>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    {
        match row.try_get(name) {
            Ok(value) => Ok(Self::Stored(value)),
            Err(sqlx::Error::ColumnNotFound(_)) => Ok(Self::Absent),
            Err(error) => Err(error),
        }
    }
}

impl<T> fmt::Debug for Beside<T> {
    /// Never the value: a mask is a part of one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Stored(None) => "Stored(None)",
            Self::Stored(Some(_)) => "Stored(..)",
        })
    }
}
