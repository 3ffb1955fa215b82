//! An opened row. Owns its shape; its cells are plaintext and print nothing.

use std::fmt;

use fieldseal_model::{Plaintext, Value};

use super::OpenFailure;

/// One cell of an opened row.
pub enum OpenedCell {
    /// NULL.
    Null,
    /// A key column or a column that the policy keeps, as the database prints it.
    Kept(Plaintext),
    /// A sealed value, opened, in its canonical form: a decimal lacks the zeros that the policy's
    /// `scale` gives it.
    Opened(Value),
    /// A sealed value that could not be opened.
    Failed(OpenFailure),
}

/// One row: cells by target column name, key columns first.
pub struct OpenedRow {
    /// How many of the cells are key columns.
    pub keys: usize,
    /// The cells.
    pub cells: Vec<(String, OpenedCell)>,
}

impl OpenedRow {
    /// The cell of a target column.
    #[must_use]
    pub fn cell(&self, column: &str) -> Option<&OpenedCell> {
        self.cells
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, cell)| cell)
    }

    /// Every cell that could not be opened, with its column.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &OpenFailure)> {
        self.cells.iter().filter_map(|(name, cell)| match cell {
            OpenedCell::Failed(failure) => Some((name.as_str(), failure)),
            _ => None,
        })
    }
}

impl fmt::Debug for OpenedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OpenedRow({} columns, {} failed)",
            self.cells.len(),
            self.failures().count()
        )
    }
}
