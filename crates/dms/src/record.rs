//! What one DMS object can be: a row's change, a control record, or something of DMS's own.

use std::fmt;

use fieldseal_model::{Change, Operation, TableName};

/// One decoded DMS object.
#[derive(Debug)]
pub enum Record<'a> {
    /// A row was loaded, inserted, updated or deleted.
    Row(Change<'a>),
    /// The shape of a table changed, or DMS says that it (re)makes a table.
    Control(Control),
    /// A record of one of DMS's own tables (`awsdms_…`), or of the heartbeat that Fieldseal
    /// commits at the source. Its cells are not decoded.
    Internal(Internal),
}

/// A control record. Never an order to do something to the target: DMS sends `drop-table` and
/// `create-table` before each full load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// What DMS says happened.
    pub operation: ControlOperation,
    /// To which table.
    pub table: TableName,
    /// When DMS built the record: its own text, ISO-8601 UTC. Not an order.
    pub stamp: String,
    /// The column names of the table definition, in the record's order; empty when the record
    /// carries none (`IncludeControlDetails` is off, or the operation has none).
    pub columns: Vec<String>,
}

/// DMS's control operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlOperation {
    /// `create-table`
    CreateTable,
    /// `drop-table`
    DropTable,
    /// `rename-table`
    RenameTable,
    /// `change-columns`
    ChangeColumns,
    /// `add-column`
    AddColumn,
    /// `drop-column`
    DropColumn,
    /// `rename-column`
    RenameColumn,
    /// `column-type-change`
    ColumnTypeChange,
    /// A word that the documentation does not list.
    Other,
}

impl ControlOperation {
    /// All operations with DMS's words.
    const NAMED: [(&'static str, Self); 8] = [
        ("create-table", Self::CreateTable),
        ("drop-table", Self::DropTable),
        ("rename-table", Self::RenameTable),
        ("change-columns", Self::ChangeColumns),
        ("add-column", Self::AddColumn),
        ("drop-column", Self::DropColumn),
        ("rename-column", Self::RenameColumn),
        ("column-type-change", Self::ColumnTypeChange),
    ];

    /// The operation of a word; `DropTable` is the spelling of the documentation of 2019.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        if word == "DropTable" {
            return Self::DropTable;
        }
        Self::NAMED
            .iter()
            .find(|(name, _)| *name == word)
            .map_or(Self::Other, |(_, operation)| *operation)
    }

    /// DMS's word; `other` for a word that it does not list.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED
            .iter()
            .find(|(_, operation)| *operation == self)
            .map_or("other", |(name, _)| name)
    }
}

impl fmt::Display for ControlOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record of one of DMS's own tables. It is only counted: its cells may hold statements with
/// plaintext in them and are never decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Internal {
    /// The table; the schema is usually empty.
    pub table: TableName,
    /// What happened to the table or to a row of it.
    pub operation: InternalOperation,
    /// When DMS built the record.
    pub stamp: String,
}

/// The operation of a record of one of DMS's own tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InternalOperation {
    /// A data record.
    Data(Operation),
    /// A control record.
    Control(ControlOperation),
    /// Fieldseal's own marker, [`MARK`](crate::MARK).
    Mark,
}

impl InternalOperation {
    /// DMS's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Data(operation) => operation.name(),
            Self::Control(operation) => operation.name(),
            Self::Mark => "mark",
        }
    }
}
