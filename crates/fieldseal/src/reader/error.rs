//! What can go wrong when a row is opened. Owns the texts; they hold names and key ids only.

use fieldseal_db::DbError;

/// Why one cell was not opened. The rest of its row still is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenFailure {
    /// The column holds something that no seal made: perhaps a value in clear.
    #[error("not a sealed value")]
    NotSealed,
    /// It was sealed for another row, column or table, or is damaged.
    #[error("does not open here")]
    DoesNotOpen,
    /// Its key cannot be had.
    #[error("its key cannot be had: {0}")]
    Key(String),
    /// The blind index beside it belongs to another value.
    #[error("the blind index in column {column} belongs to another value")]
    IndexMismatch {
        /// The index column.
        column: String,
    },
    /// The row's key columns, as they are stored, make no row key.
    #[error("the row's key columns make no row key")]
    RowKey,
}

/// Why no rows were read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database failed.
    #[error("reading {table} failed")]
    Database {
        /// The target table.
        table: String,
        /// What the database said.
        #[source]
        source: DbError,
    },
    /// The policy has no such table.
    #[error("the policy has no table with the id or name {0}")]
    NoTable(String),
    /// The column has no such blind index.
    #[error("column {column} of {table} has no blind index of that name")]
    NoIndex {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A row has the index that was looked for, but its value cannot be compared with the query.
    #[error(
        "column {column} of a row found in {table} by its index: {failure}; look at that table with `fieldseal open`"
    )]
    FoundDoesNotOpen {
        /// The target table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong with its value.
        failure: OpenFailure,
    },
    /// A key value that is not of its column's kind, or too few of them.
    #[error("a key of {table} is {wanted}")]
    OddKey {
        /// The table.
        table: String,
        /// What it takes.
        wanted: String,
    },
    /// The value looked for has no normal form.
    #[error("the value looked for cannot be normalised")]
    OddQuery,
    /// The keys failed.
    #[error("the keys failed: {0}")]
    Keys(String),
}
