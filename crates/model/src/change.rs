//! One decoded row record. Owns its shape and what may be printed of it; does not know how DMS
//! spells it or what the policy says of it.

use std::borrow::Cow;
use std::fmt;

use crate::{Piece, Position};

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

/// A [`TableName`] that lies in the record it was decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRef<'a> {
    /// The schema; a MySQL database's name.
    pub schema: Cow<'a, str>,
    /// The table.
    pub table: Cow<'a, str>,
}

impl TableRef<'_> {
    /// The same name, independent of the record.
    #[must_use]
    pub fn to_name(&self) -> TableName {
        TableName {
            schema: self.schema.to_string(),
            table: self.table.to_string(),
        }
    }
}

impl fmt::Display for TableRef<'_> {
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
pub enum Cell<'a> {
    /// JSON null.
    Null,
    /// JSON true or false.
    Boolean(bool),
    /// A JSON number's own characters.
    Number(Piece<'a>),
    /// A JSON string, unescaped.
    Text(Piece<'a>),
}

/// Cells by column name, in the record's order; no name twice.
#[derive(Default)]
pub struct Row<'a>(Vec<(Cow<'a, str>, Cell<'a>)>);

impl<'a> Row<'a> {
    /// Takes cells whose names the decoder has found to be distinct.
    #[must_use]
    pub const fn new(cells: Vec<(Cow<'a, str>, Cell<'a>)>) -> Self {
        Self(cells)
    }

    /// The cell of `column`; `None` when the record lacks it.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Cell<'a>> {
        self.get_near(column, 0).map(|(_, cell)| cell)
    }

    /// As [`get`](Self::get), with the cell's number; looked for first where `near` says. Whoever
    /// asks for one column after the other, in the record's own order, finds each at once.
    #[must_use]
    pub fn get_near(&self, column: &str, near: usize) -> Option<(usize, &Cell<'a>)> {
        let (before, behind) = self.0.split_at(near.min(self.0.len()));
        let find = |cells: &[(Cow<'a, str>, _)]| cells.iter().position(|(name, _)| name == column);
        let number = find(behind)
            .map(|number| before.len() + number)
            .or_else(|| find(before))?;
        Some((number, &self.0[number].1))
    }

    /// The cells in the record's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Cell<'a>)> {
        self.0.iter().map(|(name, cell)| (name.as_ref(), cell))
    }

    /// How many cells there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no cell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
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

/// One row record: load, insert, update or delete of one row. Most of it lies in the bytes it was
/// decoded from.
pub struct Change<'a> {
    /// The table as the record names it.
    pub table: TableRef<'a>,
    /// What happened.
    pub operation: Operation,
    /// Its order; loads have none.
    pub order: Option<SourceOrder>,
    /// When DMS built the record: its own text, ISO-8601 UTC. Not an order.
    pub stamp: Cow<'a, str>,
    /// The row after the change; of a delete, the old row or only its key.
    pub row: Row<'a>,
    /// The before-image: absent, empty (`{}`: nothing of it changed), or the old cells.
    pub before: Option<Row<'a>>,
}

impl fmt::Debug for Change<'_> {
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
    use super::{Cell, Change, Operation, Row, TableRef};

    #[test]
    fn a_cell_is_found_wherever_it_is_looked_for_first() {
        let cell = |name: &'static str| (name.into(), Cell::Text(name.into()));
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
            table: TableRef {
                schema: "shop".into(),
                table: "customers".into(),
            },
            operation: Operation::Insert,
            order: None,
            stamp: "".into(),
            row: Row::new(vec![("email".into(), Cell::Text("ada@example.org".into()))]),
            before: None,
        };
        let shown = format!("{change:?}");
        assert!(shown.contains("customers") && shown.contains("columns: 1"));
        assert!(!shown.contains("ada"));
    }
}
