//! The keys that some rows need. Owns finding them in one go; opening values with them is
//! `column_opening`'s.

use std::collections::{HashMap, HashSet};

use fieldseal_envelope::{IndexKey, KeyId, OpeningKey, Purpose, names_key, sealed_key_id};
use fieldseal_keys::{KeyRef, Keyring, KeyringError};

use crate::{At, Column, Error};

/// The keys that sealed columns of some rows name.
pub struct Cells(Vec<ColumnUse>);

#[derive(Clone, Default)]
struct ColumnUse {
    /// A set, since whoever can write values can make up an id for each.
    keys: HashSet<KeyId>,
    /// The last of them: most columns are sealed with one key for years.
    last: Option<KeyId>,
    indexed: bool,
}

impl Cells {
    pub(crate) fn of(columns: usize) -> Self {
        Self(vec![ColumnUse::default(); columns])
    }

    /// One cell of the column with this number, and whether an index was fetched with it.
    #[inline]
    pub fn push(&mut self, column: usize, sealed: Option<&[u8]>, indexed: bool) {
        let used = &mut self.0[column];
        used.indexed |= indexed;
        let Some(sealed) = sealed else { return };
        if used.last.is_some_and(|last| names_key(sealed, &last)) {
            return;
        }
        if let Ok(id) = sealed_key_id(sealed) {
            used.keys.insert(id);
            used.last = Some(id);
        }
    }

    /// With those of other rows.
    pub(crate) fn and(mut self, others: Self) -> Self {
        for (used, other) in self.0.iter_mut().zip(others.0) {
            used.indexed |= other.indexed;
            used.keys.extend(other.keys);
        }
        self
    }
}

/// The keys of one column, as far as they can be had.
pub(crate) struct ColumnKeys {
    pub(crate) openers: HashMap<KeyId, Result<OpeningKey, KeyringError>>,
    /// Empty where no index was fetched.
    pub(crate) indexes: Result<Vec<IndexKey>, KeyringError>,
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
        let opened = opened.map_err(|error| Error::of_key(first(columns), &error))?;
        let mut opened = wanted.iter().map(|key| key.id).zip(opened);
        let mut keys = Vec::with_capacity(columns.len());
        for (column, used) in columns.iter().zip(&cells.0) {
            let indexes = if used.indexed {
                let data_key = keyring.index_key(&column.domain).await;
                let of = |index| data_key.as_ref().map(|key| column.index_key(index, key));
                let keys: Result<Vec<_>, _> = column.indexes.iter().map(of).collect();
                keys.map_err(Clone::clone)
            } else {
                Ok(Vec::new())
            };
            keys.push(Self {
                openers: opened.by_ref().take(used.keys.len()).collect(),
                indexes,
            });
        }
        Ok(keys)
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
