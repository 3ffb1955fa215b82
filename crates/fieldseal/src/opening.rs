//! Opening one row with keys that are there. Owns the failing closed: what was not sealed, was
//! sealed for another place, or stands beside another value's index is never returned as data.

use std::sync::Arc;

use fieldseal_model::{Kind, Plaintext, Value, wipe};

use crate::column_keys::ColumnKeys;
use crate::column_opening::{ColumnOpening, Opened, Stop};
use crate::field::Found;
use crate::index::Wanted;
use crate::table::Binding;
use crate::{At, Beside, Cell, Column, Denied, Error, Field, FieldValue, OddValue, Sealed, Table};

/// Everything that opening some rows of one table needs.
pub(crate) struct Opening {
    table: &'static Table,
    /// None: the plaintext database.
    keys: Option<Vec<ColumnKeys>>,
    wanted: Option<Arc<Wanted>>,
}

impl Opening {
    pub(crate) const fn new(
        table: &'static Table,
        keys: Option<Vec<ColumnKeys>>,
        wanted: Option<Arc<Wanted>>,
    ) -> Self {
        Self {
            table,
            keys,
            wanted,
        }
    }

    /// Opens rows, one after the other.
    pub(crate) fn rows(&self) -> RowOpening<'_> {
        let keys = self.keys.iter().flatten();
        let columns = self.table.columns.iter().zip(keys);
        RowOpening {
            all: self,
            binding: Binding::of(self.table),
            columns: columns
                .map(|(column, keys)| ColumnOpening::of(column, keys))
                .collect(),
            matches: true,
        }
    }
}

/// Opens the fields of one row, and then those of the next.
pub struct RowOpening<'a> {
    all: &'a Opening,
    binding: Binding,
    /// None in the plaintext database.
    columns: Vec<ColumnOpening<'a>>,
    matches: bool,
}

impl<'a> RowOpening<'a> {
    /// The row, unless it is not what was wanted.
    pub(crate) fn open<T: Sealed>(&mut self, row: T::Row) -> Option<Result<T, Error>> {
        self.binding.clear();
        self.matches = true;
        let opened = T::open(row, self);
        (self.matches || opened.is_err()).then_some(opened)
    }

    /// The next column that the row's values are bound to; all of them come before the first
    /// field.
    ///
    /// # Errors
    /// [`Error`] for a value that is no key.
    pub fn bind<V: FieldValue>(&mut self, value: &V) -> Result<(), Error> {
        if self.all.keys.is_some() {
            self.binding.push(value)
        } else {
            Ok(())
        }
    }

    /// Opens the field of the column with this number.
    ///
    /// # Errors
    /// [`Error`].
    #[inline]
    pub fn field<F: Field>(
        &mut self,
        number: usize,
        cell: &mut Cell<F::Value>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<F, Error> {
        let column = &self.all.table.columns[number];
        if self.all.keys.is_none() {
            return self.in_clear(number, std::mem::replace(cell, Cell::Sealed(None)));
        }
        let sealed = match cell {
            Cell::Sealed(sealed) => sealed,
            Cell::Plain(None) => &mut None,
            Cell::Plain(Some(_)) => return Err(not_sealed(column)),
        };
        let opened = self.opened(number, sealed.as_mut(), indexes);
        of_opened(column, opened, sealed.take())
    }

    /// Never inlined, so that what is, for every field of a struct, stays small.
    #[inline(never)]
    fn opened(
        &mut self,
        number: usize,
        mut sealed: Option<&mut Vec<u8>>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<Option<Opened<'a>>, Box<Stop>> {
        let row = self.binding.row_key()?;
        let opening = &mut self.columns[number];
        let wanted = self.all.wanted.as_ref().filter(|w| w.column == number);
        let Some(wanted) = wanted else {
            return opening.open(row, sealed, indexes);
        };
        let column = &self.all.table.columns[number];
        let opened = opening.open(row, sealed.as_deref_mut(), indexes);
        self.matches = match (&opened, sealed) {
            (Ok(Some(opened)), Some(bytes)) => match opened.lend(column, bytes) {
                Ok(value) => wanted.is(&value),
                Err(error) => {
                    wipe(bytes);
                    return Err(error.into());
                }
            },
            (Ok(_), _) => false,
            (Err(stop), _) => match stop.as_ref() {
                // A row that was found and cannot be compared is no reason to say that there is none.
                Stop::Denied(denied) => return Err(denied_at(column, denied).into()),
                Stop::Failed(_) => return opened,
            },
        };
        opened
    }

    /// What a cell of the plaintext database holds.
    fn in_clear<F: Field>(&mut self, number: usize, cell: Cell<F::Value>) -> Result<F, Error> {
        let column = &self.all.table.columns[number];
        let (found, value) = in_clear(column, cell)?;
        if let Some(wanted) = self.all.wanted.as_ref().filter(|w| w.column == number) {
            self.matches = value.is_some_and(|value| wanted.is(&value));
        }
        of_found(column, found)
    }
}

#[cold]
fn not_sealed(column: &Column) -> Error {
    Error::NotSealed {
        at: At::column(column, None),
    }
}

/// The field's own type of what was opened in the memory of `bytes`.
#[inline]
pub(crate) fn of_opened<F: Field>(
    column: &Column,
    opened: Result<Option<Opened<'_>>, Box<Stop>>,
    bytes: Option<Vec<u8>>,
) -> Result<F, Error> {
    let found = match (opened, bytes) {
        (Ok(Some(opened)), Some(bytes)) => {
            let value = F::Value::take_opened(opened.kind, Plaintext::new(bytes));
            let mut value = value.map_err(|error| match error {
                OddValue::NotCanonical { .. } => opened.not_canonical(column),
                error => wrong_kind(column, &error),
            })?;
            fill_scale(column, &mut value);
            Found::Value(value)
        }
        (Ok(_), _) => Found::Null,
        (Err(stop), _) => stop.found()?,
    };
    of_found(column, found)
}

/// The zeros that the canonical form does not have.
#[inline]
fn fill_scale<V: FieldValue>(column: &Column, value: &mut V) {
    // Known when it is compiled: no other kind pays for it.
    if V::KIND == Kind::Decimal
        && let Some(scale) = column.ty.scale
    {
        value.fill_scale(scale);
    }
}

/// The field's own type of what was found.
#[inline]
fn of_found<F: Field>(column: &Column, found: Found<F::Value>) -> Result<F, Error> {
    F::of(found).map_err(|found| match found {
        Found::Denied(denied) => denied_at(column, &denied),
        Found::Null | Found::Value(_) => Error::Null {
            at: At::column(column, None),
        },
    })
}

#[cold]
fn denied_at(column: &Column, denied: &Denied) -> Error {
    Error::Denied {
        at: At::column(column, Some(denied.key)),
        reason: denied.to_string(),
    }
}

#[cold]
fn wrong_kind(column: &Column, error: &OddValue) -> Error {
    Error::WrongKind {
        at: At::column(column, None),
        reason: error.to_string(),
    }
}

/// What a cell of the plaintext database holds, and its canonical form: bytes only where the
/// field's own form is bytes.
fn in_clear<V: FieldValue>(
    column: &Column,
    cell: Cell<V>,
) -> Result<(Found<V>, Option<Value>), Error> {
    let mut value = match cell {
        Cell::Sealed(None) | Cell::Plain(None) => return Ok((Found::Null, None)),
        Cell::Plain(Some(value)) => value,
        Cell::Sealed(Some(bytes)) => {
            let value = match V::KIND {
                Kind::Bytes | Kind::Uuid => Value::from_canonical(V::KIND, bytes).ok(),
                _ => None,
            };
            let value = value.ok_or_else(|| Error::NotPlaintext {
                at: At::column(column, None),
            })?;
            V::from_value(&value).map_err(|error| wrong_kind(column, &error))?
        }
    };
    let canonical = value.to_value();
    let canonical = canonical.map_err(|error| wrong_kind(column, &error))?;
    // SQLite keeps none: the same is shown before the move and after.
    fill_scale(column, &mut value);
    Ok((Found::Value(value), Some(canonical)))
}
