//! The keys that some rows need, and opening one value with them. Owns finding them in one go, and
//! that an index which was fetched is compared.

use fieldseal_envelope::{
    ColumnPlace, Expected, IndexKey, KeyId, OpenError, OpeningKey, Purpose, sealed_key_id,
};
use fieldseal_keys::{KeyRef, Keyring, KeyringError};
use fieldseal_model::{Canonical, Kind, RowKey, wipe};

use crate::error::is_denied;
use crate::field::Found;
use crate::{At, Beside, Column, Denied, Error};

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

    /// With those of other rows.
    pub(crate) fn and(mut self, others: Self) -> Self {
        for (used, other) in self.0.iter_mut().zip(others.0) {
            used.indexed |= other.indexed;
            let new = other.keys.into_iter();
            let new: Vec<KeyId> = new.filter(|id| !used.keys.contains(id)).collect();
            used.keys.extend(new);
        }
        self
    }
}

/// The keys of one column, as far as they can be had.
pub(crate) struct ColumnKeys {
    openers: Vec<(KeyId, Result<OpeningKey, KeyringError>)>,
    /// Empty where no index was fetched.
    indexes: Result<Vec<IndexKey>, KeyringError>,
}

/// What was opened: its kind, and the key that it was sealed with.
pub(crate) struct Opened<'a> {
    pub(crate) kind: Kind,
    pub(crate) key: &'a KeyId,
}

impl Opened<'_> {
    /// The value that its bytes are.
    pub(crate) fn lend<'v>(
        &self,
        column: &Column,
        bytes: &'v [u8],
    ) -> Result<Canonical<'v>, Error> {
        Canonical::lent_bytes(self.kind, bytes).map_err(|_| self.not_canonical(column))
    }

    /// Nobody seals such bytes who seals by the format.
    pub(crate) fn not_canonical(&self, column: &Column) -> Error {
        Error::DoesNotOpen {
            at: At::column(column, Some(*self.key)),
        }
    }
}

/// Why a column was not opened.
enum Stop {
    Denied(Denied),
    Failed(Error),
}

impl Stop {
    fn found<V>(self) -> Result<Found<V>, Error> {
        match self {
            Self::Denied(denied) => Ok(Found::Denied(denied)),
            Self::Failed(error) => Err(error),
        }
    }
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

    /// Opens a sealed value in its own memory, and compares the indexes that were fetched with it;
    /// `None` is NULL.
    pub(crate) fn opened(
        &self,
        column: &Column,
        place: &mut ColumnPlace,
        row: &RowKey,
        mut sealed: Option<&mut Vec<u8>>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<Found<Opened<'_>>, Error> {
        let found = self.checked(column, place, row, sealed.as_deref_mut(), indexes);
        if !matches!(found, Ok(Found::Value(_) | Found::Null)) {
            // It may be opened.
            sealed.map(wipe);
        }
        found
    }

    fn checked(
        &self,
        column: &Column,
        place: &mut ColumnPlace,
        row: &RowKey,
        sealed: Option<&mut Vec<u8>>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<Found<Opened<'_>>, Error> {
        let opened = match sealed {
            Some(sealed) => match self.open(column, place, row, sealed) {
                Ok(opened) => (opened.kind != Kind::Null).then_some((opened, &*sealed)),
                Err(stop) => return stop.found(),
            },
            None => None,
        };
        if indexes.iter().any(|index| **index != Beside::Absent) {
            let value = opened
                .as_ref()
                .map(|(opened, bytes)| (opened, bytes.as_slice()));
            if let Err(stop) = self.check_indexes(column, value, indexes) {
                return stop.found();
            }
        }
        Ok(opened.map_or(Found::Null, |(opened, _)| Found::Value(opened)))
    }

    fn open(
        &self,
        column: &Column,
        place: &mut ColumnPlace,
        row: &RowKey,
        sealed: &mut Vec<u8>,
    ) -> Result<Opened<'_>, Stop> {
        let id = sealed_key_id(sealed);
        let id = id.map_err(|error| open_error(At::column(column, None), error))?;
        let at = || At::column(column, Some(id));
        let opener = self.openers.iter().find(|(key, _)| *key == id);
        let (key, opener) = match opener {
            Some((key, Ok(opener))) => (key, opener),
            Some((_, Err(error))) => return Err(stop(column, id, error)),
            None => return Err(Error::KeyUnknown { at: at() }.into()),
        };
        let expected = Expected {
            kind: column.ty.kind,
            seal_null: column.seal_null,
        };
        let opened = opener.open_column_in_place(place, row, expected, sealed);
        let kind = opened.map_err(|error| open_error(at(), error))?;
        let opened = Opened { kind, key };
        if kind == Kind::Null && !sealed.is_empty() {
            return Err(opened.not_canonical(column).into());
        }
        Ok(opened)
    }

    /// Whether the indexes that were fetched are those of the value.
    fn check_indexes(
        &self,
        column: &Column,
        value: Option<(&Opened<'_>, &[u8])>,
        fetched: &[&Beside<Vec<u8>>],
    ) -> Result<(), Stop> {
        let value = match value {
            Some((opened, bytes)) => Some((opened.lend(column, bytes)?, *opened.key)),
            None => None,
        };
        for (number, (index, stored)) in column.indexes.iter().zip(fetched).enumerate() {
            let Beside::Stored(stored) = stored else {
                continue;
            };
            let right = match (&value, &self.indexes) {
                (None, _) => stored.is_none(),
                (Some((value, _)), Ok(keys)) => keys
                    .get(number)
                    .is_some_and(|key| key.verify(value, stored.as_deref()).unwrap_or(false)),
                (Some((_, id)), Err(error)) => return Err(stop(column, *id, error)),
            };
            if !right {
                let at = At::column(column, value.map(|(_, id)| id));
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
