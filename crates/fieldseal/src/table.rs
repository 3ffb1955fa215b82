//! One table as the application knows it, and the trait that ties a struct to it. Owns what sealed
//! values are bound to; its columns are `column`'s.

use fieldseal_model::{Kind, RowKey, Value, ValueType};

use crate::conform::{Misfit, conform};
use crate::opening::{Cells, RowOpening};
use crate::seal::{Fields, Values};
use crate::{At, Column, Error, FieldValue, InvalidTable};

/// A table: its name in the database, its key, what its sealed values are bound to, and its sealed
/// columns in the order of the struct's fields.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) name: String,
    pub(crate) key: Vec<String>,
    bound: Vec<(String, ValueType)>,
    pub(crate) columns: Vec<Column>,
}

impl Table {
    /// A table by its name in the database.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: Vec::new(),
            bound: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// A column of the row key.
    #[must_use]
    pub fn key(mut self, column: &str) -> Self {
        self.key.push(column.to_owned());
        self
    }

    /// A column that sealed values are bound to; in the policy's order. A moment must be given as
    /// precisely as its column keeps it (a MySQL `DATETIME`: whole seconds), for values are sealed
    /// for what is given; more than six digits behind the second are refused.
    ///
    /// # Errors
    /// [`InvalidTable`] for a kind that no key may have.
    pub fn bound(mut self, column: &str, ty: ValueType) -> Result<Self, InvalidTable> {
        if !ty.kind.may_be_key() {
            let place = format!("{}.{column}", self.name);
            let reason = format!("a key column cannot be of kind {}", ty.kind);
            return Err(InvalidTable::at(&place)(reason));
        }
        self.bound.push((column.to_owned(), ty));
        Ok(self)
    }

    /// Whether sealed values are bound to the column.
    pub(crate) fn binds(&self, column: &str) -> bool {
        self.bound.iter().any(|(bound, _)| bound == column)
    }

    /// A sealed column.
    #[must_use]
    pub fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// Its name in the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A struct whose fields are the columns of a sealed table. Derive it.
pub trait Sealed: Sized + Send + 'static {
    /// The row that sqlx fetches and binds: sealed fields are [`Cell`](crate::Cell)s, and what
    /// stands beside them has fields of its own.
    type Row: Send + 'static;

    /// The table.
    fn table() -> &'static Table;

    /// What is to be sealed.
    #[doc(hidden)]
    fn values(&self, values: &mut Values) -> Result<(), Error>;

    /// The row, with its sealed fields.
    #[doc(hidden)]
    fn row(&self, fields: &mut Fields) -> Result<Self::Row, Error>;

    /// What is to be opened.
    #[doc(hidden)]
    fn cells(row: &Self::Row, cells: &mut Cells);

    /// The struct, opened.
    #[doc(hidden)]
    fn open(row: Self::Row, opening: &mut RowOpening<'_>) -> Result<Self, Error>;
}

/// Collects the values that a row's sealed fields are bound to.
pub struct Binding {
    table: &'static Table,
    values: Vec<Value>,
}

impl Binding {
    pub(crate) const fn of(table: &'static Table) -> Self {
        Self {
            table,
            values: Vec::new(),
        }
    }

    /// The next bound column's value.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::TooWide`].
    pub fn push<V: FieldValue>(&mut self, value: &V) -> Result<(), Error> {
        let Some((column, ty)) = self.table.bound.get(self.values.len()) else {
            return Err(self.no_key("it has more values than the table has key columns"));
        };
        let at = || At {
            table: self.table.name.clone(),
            column: column.clone(),
            key: None,
        };
        let value = value.to_value().map_err(|error| Error::WrongKind {
            at: at(),
            reason: error.to_string(),
        })?;
        let value = conform(value, ty).map_err(|misfit| misfit.error(at(), ty))?;
        if is_finer_than_columns(&value) {
            return Err(Misfit::TooWide.error(at(), ty));
        }
        self.values.push(value);
        Ok(())
    }

    pub(crate) fn row_key(&self) -> Result<RowKey, Error> {
        if self.table.bound.len() != self.values.len() {
            return Err(self.no_key("it lacks a value"));
        }
        if self.values.is_empty() {
            return Ok(RowKey::unbound());
        }
        RowKey::new(&self.values).map_err(|error| self.no_key(&error.to_string()))
    }

    fn no_key(&self, reason: &str) -> Error {
        Error::RowKey {
            table: self.table.name.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether it is a moment with more digits than any database keeps: the row would come back with
/// another key than the one its values are sealed for.
fn is_finer_than_columns(value: &Value) -> bool {
    const DIGITS: usize = 6;
    let is_moment = matches!(value.kind(), Kind::DateTime | Kind::Timestamp);
    let fraction = value.expose_text().and_then(|text| text.split_once('.'));
    is_moment && fraction.is_some_and(|(_, rest)| rest.trim_end_matches('Z').len() > DIGITS)
}

impl Misfit {
    pub(crate) fn error(&self, at: At, ty: &ValueType) -> Error {
        match self {
            Self::Kind => Error::WrongKind {
                at,
                reason: format!("the value is not of the column's kind, {}", ty.kind),
            },
            Self::TooWide => Error::TooWide { at },
        }
    }
}
