//! One decoded row record. Owns its shape and what may be printed of it; does not know how DMS
//! spells it or what the policy says of it.

use std::fmt;

use crate::{Plaintext, Position};

/// The kind of database that DMS reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// MySQL or MariaDB: positions are (binlog file, offset).
    MySql,
    /// PostgreSQL: positions are LSNs.
    Postgres,
}

/// Schema and table as the record names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The schema; a MySQL database's name.
    pub schema: String,
    /// The table.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// What happened to the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A row of a full load; carries no position.
    Load,
    /// An insert.
    Insert,
    /// An update.
    Update,
    /// A delete.
    Delete,
}

impl Operation {
    /// DMS's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One cell as it arrived, before the policy's kind is known. Numbers keep every digit.
/// No `Debug`, no `Clone`.
pub enum Cell {
    /// JSON null.
    Null,
    /// JSON true or false.
    Boolean(bool),
    /// A JSON number's own characters.
    Number(Plaintext),
    /// A JSON string, unescaped.
    Text(Plaintext),
}

/// Cells by column name, in the record's order; no name twice.
#[derive(Default)]
pub struct Row {
    /// Every name, one behind the other: one allocation, however many columns.
    names: String,
    /// Each cell with where its name ends.
    cells: Vec<(usize, Cell)>,
}

impl Row {
    /// Takes cells whose names the decoder has found to be distinct.
    #[must_use]
    pub fn new(cells: Vec<(String, Cell)>) -> Self {
        let mut row = Self::default();
        for (name, cell) in cells {
            row.push(&name, cell);
        }
        row
    }

    /// A row with no cell yet, and room for `cells`.
    #[must_use]
    pub fn with_capacity(cells: usize) -> Self {
        Self {
            // Names are seldom longer; if they are, it grows.
            names: String::with_capacity(cells * 16),
            cells: Vec::with_capacity(cells),
        }
    }

    /// Adds a cell whose name the row does not have yet.
    pub fn push(&mut self, name: &str, cell: Cell) {
        self.names.push_str(name);
        self.cells.push((self.names.len(), cell));
    }

    /// The cell of `column`; `None` when the record lacks it.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Cell> {
        self.iter()
            .find(|(name, _)| *name == column)
            .map(|(_, cell)| cell)
    }

    /// As [`get`](Self::get), with the cell's number; looked for first where `near` says. Whoever
    /// asks for one column after the other, in the record's own order, finds each at once.
    #[must_use]
    pub fn get_near(&self, column: &str, near: usize) -> Option<(usize, &Cell)> {
        let named = |number: &usize| self.name(*number) == column;
        let number = (near..self.cells.len())
            .find(named)
            .or_else(|| (0..near.min(self.cells.len())).find(named))?;
        Some((number, &self.cells[number].1))
    }

    fn name(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |n| self.cells[n].0);
        &self.names[start..self.cells[number].0]
    }

    /// The cells in the record's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Cell)> {
        let mut start = 0;
        self.cells.iter().map(move |(end, cell)| {
            let name = &self.names[start..*end];
            start = *end;
            (name, cell)
        })
    }

    /// How many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// What orders a change among all changes of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceOrder {
    /// Which engine's position it is.
    pub engine: Engine,
    /// Where the transaction starts (MySQL) or the record's LSN (PostgreSQL).
    pub position: Position,
    /// `transaction-record-id`, from 1.
    pub record: u32,
}

/// One row record: load, insert, update or delete of one row.
pub struct Change {
    /// The table as the record names it.
    pub table: TableName,
    /// What happened.
    pub operation: Operation,
    /// Its order; loads have none.
    pub order: Option<SourceOrder>,
    /// When DMS built the record: its own text, ISO-8601 UTC. Not an order.
    pub stamp: String,
    /// The row after the change; of a delete, the old row or only its key.
    pub row: Row,
    /// The before-image: absent, empty (`{}`: nothing of it changed), or the old cells.
    pub before: Option<Row>,
}

impl fmt::Debug for Change {
    /// Table, operation, order and the count of columns; never a cell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("table", &self.table)
            .field("operation", &self.operation)
            .field("order", &self.order)
            .field("columns", &self.row.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Change, Operation, Row, TableName};

    #[test]
    fn a_cell_is_found_wherever_it_is_looked_for_first() {
        let cell = |name: &str| (name.to_owned(), Cell::Text(name.into()));
        let row = Row::new(["id", "name", "mail"].into_iter().map(cell).collect());
        for (number, name) in ["id", "name", "mail"].into_iter().enumerate() {
            for near in 0..5 {
                let (at, found) = row.get_near(name, near).unwrap();
                assert!(matches!(found, Cell::Text(text) if text.expose() == name.as_bytes()));
                assert_eq!(at, number);
            }
        }
        assert!(row.get_near("nam", 1).is_none() && row.get_near("", 0).is_none());
        assert!(Row::default().get_near("id", 0).is_none());
    }

    #[test]
    fn debug_of_a_change_shows_no_cell() {
        let change = Change {
            table: TableName {
                schema: "shop".to_owned(),
                table: "customers".to_owned(),
            },
            operation: Operation::Insert,
            order: None,
            stamp: String::new(),
            row: Row::new(vec![(
                "email".to_owned(),
                Cell::Text("ada@example.org".into()),
            )]),
            before: None,
        };
        let shown = format!("{change:?}");
        assert!(shown.contains("customers") && shown.contains("columns: 1"));
        assert!(!shown.contains("ada"));
    }
}
