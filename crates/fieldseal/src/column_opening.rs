//! Opening the values of one column, row after row, with keys that are there. Owns that an index
//! which was fetched is compared, and what is said of a value that does not open.

use fieldseal_envelope::{ColumnOpener, Expected, KeyId, OpenError, names_key, sealed_key_id};
use fieldseal_keys::KeyringError;
use fieldseal_model::{Canonical, Kind, RowKey, wipe};

use crate::column_keys::ColumnKeys;
use crate::error::is_denied;
use crate::field::Found;
use crate::{At, Beside, Column, Denied, Error};

/// Opens values of one column.
pub(crate) struct ColumnOpening<'a> {
    column: &'a Column,
    keys: &'a ColumnKeys,
    /// Of the keys that could be had.
    openers: Vec<ColumnOpener<'a>>,
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
    #[cold]
    pub(crate) fn not_canonical(&self, column: &Column) -> Error {
        Error::DoesNotOpen {
            at: At::column(column, Some(*self.key)),
        }
    }
}

/// Why a column was not opened. Boxed wherever it is returned, so that what is opened comes back in
/// registers: a page has hundreds of fields.
pub(crate) enum Stop {
    Denied(Denied),
    Failed(Error),
}

impl Stop {
    /// What the field is then, if its type has a place for it.
    pub(crate) fn found<V>(self) -> Result<Found<V>, Error> {
        match self {
            Self::Denied(denied) => Ok(Found::Denied(denied)),
            Self::Failed(error) => Err(error),
        }
    }
}

impl From<Error> for Box<Stop> {
    fn from(error: Error) -> Self {
        Self::new(Stop::Failed(error))
    }
}

impl<'a> ColumnOpening<'a> {
    pub(crate) fn of(column: &'a Column, keys: &'a ColumnKeys) -> Self {
        let expected = Expected {
            kind: column.ty.kind,
            seal_null: column.seal_null,
        };
        let had = keys.openers.values().filter_map(|key| key.as_ref().ok());
        let openers = had.map(|key| key.column_opener(&column.reference, expected));
        Self {
            column,
            keys,
            openers: openers.collect(),
        }
    }

    /// Opens a sealed value in its own memory, and compares the indexes that were fetched with it;
    /// `None` is NULL.
    pub(crate) fn open(
        &mut self,
        row: &RowKey,
        mut sealed: Option<&mut Vec<u8>>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<Option<Opened<'a>>, Box<Stop>> {
        let opened = self.checked(row, sealed.as_deref_mut(), indexes);
        if opened.is_err() {
            // It may be opened.
            sealed.map(wipe);
        }
        opened
    }

    fn checked(
        &mut self,
        row: &RowKey,
        mut sealed: Option<&mut Vec<u8>>,
        indexes: &[&Beside<Vec<u8>>],
    ) -> Result<Option<Opened<'a>>, Box<Stop>> {
        let opened = match sealed.as_deref_mut() {
            Some(sealed) => self.opened(row, sealed)?,
            None => None,
        };
        if indexes.iter().any(|index| **index != Beside::Absent) {
            let bytes = sealed.as_deref().map(Vec::as_slice);
            self.check_indexes(opened.as_ref().zip(bytes), indexes)?;
        }
        Ok(opened)
    }

    fn opened(
        &mut self,
        row: &RowKey,
        sealed: &mut Vec<u8>,
    ) -> Result<Option<Opened<'a>>, Box<Stop>> {
        let mut openers = self.openers.iter_mut();
        let Some(opener) = openers.find(|opener| names_key(sealed, opener.id())) else {
            return Err(self.no_opener(sealed));
        };
        let key = opener.id();
        match opener.open(row, sealed) {
            Ok(Kind::Null) if sealed.is_empty() => Ok(None),
            Ok(Kind::Null) => Err(self.unopened(*key, OpenError::DoesNotOpen)),
            Ok(kind) => Ok(Some(Opened { kind, key })),
            Err(error) => Err(self.unopened(*key, error)),
        }
    }

    /// Why there is no key that opens the value.
    #[cold]
    fn no_opener(&self, sealed: &[u8]) -> Box<Stop> {
        let column = self.column;
        let id = match sealed_key_id(sealed) {
            Ok(id) => id,
            Err(error) => return open_error(At::column(column, None), error).into(),
        };
        match self.keys.openers.get(&id) {
            Some(Err(error)) => stop(column, id, error),
            _ => Error::KeyUnknown {
                at: At::column(column, Some(id)),
            }
            .into(),
        }
    }

    /// Why a key that is there does not open the value.
    #[cold]
    fn unopened(&self, key: KeyId, error: OpenError) -> Box<Stop> {
        // What is no sealed value names no key.
        let key = (error != OpenError::NotSealed).then_some(key);
        open_error(At::column(self.column, key), error).into()
    }

    /// Whether the indexes that were fetched are those of the value.
    fn check_indexes(
        &self,
        value: Option<(&Opened<'_>, &[u8])>,
        fetched: &[&Beside<Vec<u8>>],
    ) -> Result<(), Box<Stop>> {
        let column = self.column;
        let value = match value {
            Some((opened, bytes)) => Some((opened.lend(column, bytes)?, *opened.key)),
            None => None,
        };
        for (number, (index, stored)) in column.indexes.iter().zip(fetched).enumerate() {
            let Beside::Stored(stored) = stored else {
                continue;
            };
            let right = match (&value, &self.keys.indexes) {
                (None, _) => stored.is_none(),
                (Some((value, _)), Ok(keys)) => keys.get(number).is_some_and(|key| {
                    let right = key.verify(value, index.length, stored.as_deref());
                    right.unwrap_or(false)
                }),
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

#[cold]
fn stop(column: &Column, key: KeyId, error: &KeyringError) -> Box<Stop> {
    if is_denied(error) {
        return Box::new(Stop::Denied(Denied {
            domain: column.domain.to_string(),
            key,
        }));
    }
    Error::of_key(At::column(column, Some(key)), error).into()
}

pub(crate) const fn open_error(at: At, error: OpenError) -> Error {
    match error {
        OpenError::NotSealed => Error::NotSealed { at },
        OpenError::DoesNotOpen => Error::DoesNotOpen { at },
    }
}
