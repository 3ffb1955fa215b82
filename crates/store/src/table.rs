//! One table of the target as the writers need it: names, columns and statements spelled once.
//! Owns no statement's execution.

use fieldseal_db::{Dialect, quote};
use fieldseal_pipeline::{TableLayout, TargetColumn};

/// The column that holds a row's version.
pub(crate) const VERSION_COLUMN: &str = "_fieldseal_version";

/// A table of the target.
pub(crate) struct TargetTable {
    pub(crate) layout: TableLayout,
    pub(crate) columns: Vec<TargetColumn>,
    /// PostgreSQL: each column's type, to cast the staged text to.
    pub(crate) casts: Vec<String>,
    /// Its number in `fieldseal_tables`.
    pub(crate) number: i64,
}

impl TargetTable {
    /// The table's name, quoted.
    pub(crate) fn name(&self, dialect: Dialect) -> String {
        quote(dialect, &self.layout.target)
    }

    /// Every column's name, quoted, key columns first.
    pub(crate) fn quoted_columns(&self, dialect: Dialect) -> Vec<String> {
        self.layout
            .columns
            .iter()
            .map(|(name, _)| quote(dialect, name))
            .collect()
    }

    /// The key columns' names, quoted.
    pub(crate) fn quoted_keys(&self, dialect: Dialect) -> Vec<String> {
        self.layout.columns[..self.layout.keys]
            .iter()
            .map(|(name, _)| quote(dialect, name))
            .collect()
    }
}

/// The version column, quoted.
pub(crate) fn version_column(dialect: Dialect) -> String {
    quote(dialect, VERSION_COLUMN)
}

/// `count` question marks with commas between.
pub(crate) fn marks(count: usize) -> String {
    let mut out = String::with_capacity(count * 2);
    for index in 0..count {
        out.push_str(if index == 0 { "?" } else { ",?" });
    }
    out
}
