//! Opening one row with keys that are there. Owns the failing closed: what was not sealed, was
//! sealed for another place, or stands beside another value's index is never returned as data.

use std::sync::Arc;

use fieldseal_envelope::{
    Expected, IndexKey, KeyId, OpenError, OpeningKey, Purpose, sealed_key_id,
};
use fieldseal_keys::{KeyRef, Keyring, KeyringError};
use fieldseal_model::{Kind, RowKey, Value};

use crate::error::is_denied;
use crate::field::Found;
use crate::index::Wanted;
use crate::table::Binding;
use crate::{At, Beside, Cell, Column, Denied, Error, Field, FieldValue, Sealed, Table};

/// The keys that sealed columns of some rows name.
pub struct Cells(Vec<ColumnUse>);

#[derive(Clone, Default)]
struct ColumnUse {
    keys: Vec<KeyId>,
    indexed: bool,
}

impl Cells {
    pub(crate) fn of(columns: usize) -> Self {
        Self(vec![ColumnUse::default(); columns])
    }

    /// One cell of the column with this number, and whether an index was fetched with it.
    pub fn push(&mut self, column: usize, sealed: Option<&[u8]>, indexed: bool) {
        let used = &mut self.0[column];
        used.indexed |= indexed;
        if let Some(Ok(id)) = sealed.map(sealed_key_id)
            && !used.keys.contains(&id)
        {
            used.keys.push(id);
        }
    }
}

/// The keys of one column, as far as they can be had.
pub(crate) struct ColumnKeys {
    openers: Vec<(KeyId, Result<OpeningKey, KeyringError>)>,
    /// Empty where no index was fetched.
    indexes: Result<Vec<IndexKey>, KeyringError>,
}

/// Why a column was not opened.
pub(crate) enum Stop {
    Denied(Denied),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl ColumnKeys {
    /// The keys of all `columns` that `cells` name: those of the store in one query.
    pub(crate) async fn fetch(
        keyring: &Keyring,
        columns: &[Column],
        cells: Cells,
    ) -> Result<Vec<Self>, Error> {
        let wanted = columns.iter().zip(&cells.0).flat_map(|(column, used)| {
            used.keys.iter().map(|id| KeyRef {
                id: *id,
                domain: column.domain.clone(),
                purpose: Purpose::Seal,
            })
        });
        let wanted: Vec<KeyRef> = wanted.collect();
        let opened = keyring.openers(&wanted).await;
        let mut opened = opened
            .map_err(|error| Error::of_key(first(columns), &error))?
            .into_iter();
        let mut keys = Vec::with_capacity(columns.len());
        for (column, used) in columns.iter().zip(cells.0) {
            let indexes = if used.indexed {
                let data_key = keyring.index_key(&column.domain).await;
                let of = |index| data_key.as_ref().map(|key| column.index_key(index, key));
                let keys: Result<Vec<_>, _> = column.indexes.iter().map(of).collect();
                keys.map_err(Clone::clone)
            } else {
                Ok(Vec::new())
            };
            keys.push(Self {
                openers: used.keys.into_iter().zip(opened.by_ref()).collect(),
                indexes,
            });
        }
        Ok(keys)
    }

    /// What a cell of a sealed database holds: the field's value, and the same in canonical form.
    pub(crate) fn found<V: FieldValue>(
        &self,
        column: &Column,
        row: &RowKey,
        cell: Cell<V>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<(Found<V>, Option<Value>), Error> {
        let checked = self.value(column, row, cell).and_then(|value| {
            self.check_indexes(column, value.as_ref(), indexes)?;
            Ok(value.map(|(value, _)| value))
        });
        match checked {
            Ok(Some(value)) => Ok((Found::Value(typed(column, &value)?), Some(value))),
            Ok(None) => Ok((Found::Null, None)),
            Err(Stop::Denied(denied)) => Ok((Found::Denied(denied), None)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// The opened value and the key that it was sealed with.
    fn value<V>(
        &self,
        column: &Column,
        row: &RowKey,
        cell: Cell<V>,
    ) -> Result<Option<(Value, KeyId)>, Stop> {
        let sealed = match cell {
            Cell::Sealed(Some(sealed)) => sealed,
            Cell::Sealed(None) | Cell::Plain(None) => return Ok(None),
            Cell::Plain(Some(_)) => {
                let at = At::column(column, None);
                return Err(Error::NotSealed { at }.into());
            }
        };
        let id = sealed_key_id(&sealed);
        let id = id.map_err(|error| open_error(At::column(column, None), error))?;
        let opener = self.openers.iter().find(|(key, _)| *key == id);
        let at = || At::column(column, Some(id));
        let opener = match opener {
            Some((_, Ok(opener))) => opener,
            Some((_, Err(error))) => return Err(stop(column, id, error)),
            None => return Err(Error::KeyUnknown { at: at() }.into()),
        };
        let expected = Expected {
            kind: column.ty.kind,
            seal_null: column.seal_null,
        };
        let opened = opener.open_column(&column.reference, row, expected, &sealed);
        let value = opened.map_err(|error| open_error(at(), error))?;
        Ok((!value.is_null()).then_some((value, id)))
    }

    fn check_indexes(
        &self,
        column: &Column,
        value: Option<&(Value, KeyId)>,
        fetched: &[&Beside<Vec<u8>>],
    ) -> Result<(), Stop> {
        for (number, (index, stored)) in column.indexes.iter().zip(fetched).enumerate() {
            let Beside::Stored(stored) = stored else {
                continue;
            };
            let right = match (value, &self.indexes) {
                (None, _) => stored.is_none(),
                (Some((value, _)), Ok(keys)) => keys
                    .get(number)
                    .is_some_and(|key| key.verify(value, stored.as_deref()).unwrap_or(false)),
                (Some((_, id)), Err(error)) => return Err(stop(column, *id, error)),
            };
            if !right {
                let at = At::column(column, value.map(|(_, id)| *id));
                let index = index.column.clone();
                return Err(Error::IndexMismatch { at, index }.into());
            }
        }
        Ok(())
    }
}

/// Where the key store is asked for the keys of several columns.
fn first(columns: &[Column]) -> At {
    columns.first().map_or_else(
        || At {
            table: String::new(),
            column: String::new(),
            key: None,
        },
        |column| At::column(column, None),
    )
}

fn stop(column: &Column, key: KeyId, error: &KeyringError) -> Stop {
    if is_denied(error) {
        return Stop::Denied(Denied {
            domain: column.domain.to_string(),
            key,
        });
    }
    Stop::Failed(Error::of_key(At::column(column, Some(key)), error))
}

pub(crate) const fn open_error(at: At, error: OpenError) -> Error {
    match error {
        OpenError::NotSealed => Error::NotSealed { at },
        OpenError::DoesNotOpen => Error::DoesNotOpen { at },
    }
}

fn typed<V: FieldValue>(column: &Column, value: &Value) -> Result<V, Error> {
    V::from_value(value).map_err(|error| Error::WrongKind {
        at: At::column(column, None),
        reason: error.to_string(),
    })
}

/// The field's own type of what was found.
pub(crate) fn of_found<F: Field>(column: &Column, found: Found<F::Value>) -> Result<F, Error> {
    F::of(found).map_err(|found| match found {
        Found::Denied(denied) => denied_at(column, &denied),
        Found::Null | Found::Value(_) => Error::Null {
            at: At::column(column, None),
        },
    })
}

fn denied_at(column: &Column, denied: &Denied) -> Error {
    Error::Denied {
        at: At::column(column, Some(denied.key)),
        reason: denied.to_string(),
    }
}

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

    /// The row, unless it is not what was wanted.
    pub(crate) fn open<T: Sealed>(&self, row: T::Row) -> Result<Option<T>, Error> {
        let mut opening = RowOpening {
            all: self,
            binding: Binding::of(self.table),
            row: None,
            matches: true,
        };
        let opened = T::open(row, &mut opening)?;
        Ok(opening.matches.then_some(opened))
    }
}

/// Opens the fields of one row.
pub struct RowOpening<'a> {
    all: &'a Opening,
    binding: Binding,
    row: Option<RowKey>,
    matches: bool,
}

impl RowOpening<'_> {
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
    pub fn field<F: Field>(
        &mut self,
        number: usize,
        cell: Cell<F::Value>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<F, Error> {
        let all = self.all;
        let column = &all.table.columns[number];
        let (found, value) = match &all.keys {
            Some(keys) => keys[number].found(column, self.row()?, cell, indexes)?,
            None => in_clear(column, cell)?,
        };
        if let Some(wanted) = all.wanted.as_ref().filter(|w| w.column == number) {
            // A row that was found and cannot be compared is no reason to say that there is none.
            if let Found::Denied(denied) = found {
                return Err(denied_at(column, &denied));
            }
            self.matches = value.is_some_and(|value| wanted.is(&value));
        }
        of_found(column, found)
    }

    fn row(&mut self) -> Result<&RowKey, Error> {
        if self.row.is_none() {
            self.row = Some(self.binding.row_key()?);
        }
        self.row.as_ref().ok_or(Error::Threads)
    }
}

/// What a cell of the plaintext database holds: bytes only where the field's own form is bytes.
fn in_clear<V: FieldValue>(
    column: &Column,
    cell: Cell<V>,
) -> Result<(Found<V>, Option<Value>), Error> {
    let value = match cell {
        Cell::Sealed(None) | Cell::Plain(None) => return Ok((Found::Null, None)),
        Cell::Plain(Some(value)) => {
            let canonical = value.to_value().map_err(|error| Error::WrongKind {
                at: At::column(column, None),
                reason: error.to_string(),
            })?;
            return Ok((Found::Value(value), Some(canonical)));
        }
        Cell::Sealed(Some(bytes)) => match V::KIND {
            Kind::Bytes | Kind::Uuid => Value::from_canonical(V::KIND, bytes).ok(),
            _ => None,
        },
    };
    let at = || At::column(column, None);
    let value = value.ok_or_else(|| Error::NotPlaintext { at: at() })?;
    Ok((Found::Value(typed(column, &value)?), Some(value)))
}
