//! What the policy says of one table and of each of its columns. Owns the shape; what is allowed
//! is decided in `check`.

use fieldseal_envelope::{ColumnId, Definition, Domain, IndexLength, Mask, Pad, TableId};
use fieldseal_model::{TableName, ValueType, ZeroDate};

/// One table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// Permanent logical id; part of every sealed value's AAD.
    pub id: TableId,
    /// The table as records name it.
    pub source: TableName,
    /// The table's name in the new database.
    pub target: String,
    /// The row key's columns, in order: 1 to 255.
    pub key: Vec<KeyColumn>,
    /// What ties a sealed value to its row.
    pub bind: Bind,
    /// What a column becomes that a record lacks, where the column does not say otherwise.
    pub absent: Absent,
    /// How a changed key is noticed.
    pub key_change: KeyChange,
    /// Which loads are taken.
    pub first_load: FirstLoad,
    /// What becomes of a record with a column that the policy does not list.
    pub unlisted: Unlisted,
    /// Cascading foreign keys on the source's table that the operator has accepted: their changes
    /// are not in the binlog.
    pub accept_cascades: Vec<String>,
    /// Every column that is no key column, in the file's order.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of this source name; key columns are not among them.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The key column of this source name.
    #[must_use]
    pub fn key_column(&self, name: &str) -> Option<&KeyColumn> {
        self.key.iter().find(|column| column.name == name)
    }

    /// The columns that sealed values are bound to, in order; empty for [`Bind::Column`].
    #[must_use]
    pub fn bound_columns(&self) -> &[KeyColumn] {
        match &self.bind {
            Bind::Row => &self.key,
            Bind::Columns(columns) => columns,
            Bind::Column => &[],
        }
    }

    /// What the values of the kept column of this source name are, where sealed values are bound to
    /// it; a key column's are in `key`.
    #[must_use]
    pub fn bound_type(&self, name: &str) -> Option<&ValueType> {
        let Bind::Columns(columns) = &self.bind else {
            return None;
        };
        let bound = columns.iter().find(|column| column.name == name)?;
        Some(&bound.ty)
    }

    /// Every sealed column with how it is sealed.
    pub fn sealed(&self) -> impl Iterator<Item = (&Column, &Seal)> {
        self.columns
            .iter()
            .filter_map(|column| match &column.treatment {
                Treatment::Seal(seal) => Some((column, &**seal)),
                Treatment::Keep | Treatment::Drop => None,
            })
    }
}

/// A column of the row key, or one that sealed values are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyColumn {
    /// Its name in records.
    pub name: String,
    /// Its name in the new database.
    pub target: String,
    /// Its kind, one of those that [`fieldseal_model::Kind::may_be_key`] allows.
    pub ty: ValueType,
}

/// What ties a sealed value to its row (`docs/FORMAT.md`, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// The key columns.
    Row,
    /// These columns: never NULL, never changed, kept in clear.
    Columns(Vec<KeyColumn>),
    /// Only table and column: values can be swapped between rows.
    Column,
}

/// What a column becomes that a record lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absent {
    /// The record goes to quarantine.
    #[default]
    Quarantine,
    /// NULL.
    Null,
    /// The empty text or the empty bytes.
    Empty,
}

/// How a changed row key is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyChange {
    /// By the before-image; an update without one is quarantined.
    #[default]
    BeforeImage,
    /// Keys of this table never change: the operator's promise.
    Never,
}

/// Which loads are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstLoad {
    /// Only loads of a generation that was begun; others are held in quarantine.
    #[default]
    Registered,
    /// A load of no generation counts as the first and only load of its epoch.
    Unregistered,
}

/// What becomes of a record with a column that the policy does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// The record goes to quarantine.
    #[default]
    Quarantine,
    /// The column is left out, and counted.
    Drop,
}

/// One column that is no key column.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Column {
    /// Its name in records.
    pub name: String,
    /// Permanent logical id; part of the AAD of the values sealed in it.
    pub id: ColumnId,
    /// Its name in the new database.
    pub target: String,
    /// What happens to its values.
    pub treatment: Treatment,
    /// What it becomes when a record lacks it: its own word or the table's.
    pub absent: Absent,
    /// What a zero or partial date becomes; the same as in the seal's type.
    pub zero_date: ZeroDate,
    /// Kept: n of the source's BINARY(n), to which values are padded on the right with 00. A sealed
    /// column has it in its type.
    pub width: Option<u32>,
}

/// What happens to a column's values.
#[derive(Clone, Debug)]
pub enum Treatment {
    /// Written in clear.
    Keep,
    /// Sealed.
    Seal(Box<Seal>),
    /// Never written.
    Drop,
}

/// How a column is sealed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seal {
    /// The class of data, each with keys of its own.
    pub domain: Domain,
    /// The kind with what conversion needs.
    pub ty: ValueType,
    /// Lengths are hidden up to multiples of this.
    pub pad: Option<Pad>,
    /// Whether NULL is sealed too, instead of staying NULL.
    pub seal_null: bool,
    /// Blind indexes.
    pub indexes: Vec<BlindIndex>,
    /// Masks in clear.
    pub masks: Vec<MaskColumn>,
}

/// A keyed hash beside the sealed value, for equality look-up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlindIndex {
    /// Permanent name; part of the index key.
    pub name: String,
    /// Kind and normalisers.
    pub definition: Definition,
    /// Bytes kept of the hash.
    pub bytes: IndexLength,
    /// The column in the new database that holds it.
    pub column: String,
    /// Whether the new database is to hold every index value once only, after cutover.
    pub unique: bool,
    /// Whether the operator accepts that this index betrays values of few choices.
    pub accept_leak: bool,
}

/// A part of the value in clear, in a column of its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MaskColumn {
    /// Which part.
    pub mask: Mask,
    /// The column in the new database that holds it.
    pub column: String,
}
