//! Opening rows. Owns fetching every key that some rows name in one go, and who opens them: one
//! core or all; opening one row is `opening`'s.

use std::sync::Arc;

use fieldseal_model::RowKey;
use rayon::prelude::*;

use crate::index::Wanted;
use crate::opening::{Cells, ColumnKeys, Opening, of_found};
use crate::vault::Mode;
use crate::{At, Cell, Column, Error, Field, Sealed, Vault};

/// From this many rows on they are opened by all cores, away from the task's own thread. A page of
/// rows is opened where it is: a chunk of work for another core should outweigh waking it.
const PARALLEL_ROWS: usize = 256;

impl Vault {
    /// Opens a row.
    ///
    /// # Errors
    /// [`Error`] of the first field that does not open.
    pub async fn open<T: Sealed>(&self, row: T::Row) -> Result<T, Error> {
        let mut rows = self.open_each(vec![row]).await?;
        rows.pop().ok_or(Error::Threads)?
    }

    /// Opens rows in their order: every missing data key is fetched in one go.
    ///
    /// # Errors
    /// [`Error`] of the first field that does not open.
    pub async fn open_all<T: Sealed>(&self, rows: Vec<T::Row>) -> Result<Vec<T>, Error> {
        self.open_each(rows).await?.into_iter().collect()
    }

    /// The same, with what is wrong with one row in its place.
    ///
    /// # Errors
    /// [`Error`]: no key could be looked for, since the key store did not answer.
    pub async fn open_each<T: Sealed>(
        &self,
        rows: Vec<T::Row>,
    ) -> Result<Vec<Result<T, Error>>, Error> {
        let opened = self.open_rows(rows, None).await?;
        Ok(opened.into_iter().filter_map(Result::transpose).collect())
    }

    /// Opens rows; `None` for those that are not what was wanted.
    pub(crate) async fn open_rows<T: Sealed>(
        &self,
        rows: Vec<T::Row>,
        wanted: Option<Arc<Wanted>>,
    ) -> Result<Vec<Result<Option<T>, Error>>, Error> {
        let table = T::table();
        let keyring = self.keyring();
        let mut cells = Cells::of(table.columns.len());
        if keyring.is_some() {
            rows.iter().for_each(|row| T::cells(row, &mut cells));
        }
        let keys = match keyring {
            Some(keyring) => Some(ColumnKeys::fetch(keyring, &table.columns, cells).await?),
            None => None,
        };
        let opening = Opening::new(table, keys, wanted);
        if rows.len() < PARALLEL_ROWS {
            return Ok(rows.into_iter().map(|row| opening.open(row)).collect());
        }
        // On rayon's threads, so that this one goes on with its other tasks meanwhile.
        let (done, opened) = tokio::sync::oneshot::channel();
        rayon::spawn(move || {
            let rows = rows.into_par_iter().with_min_len(64);
            // Nobody waits any more if this fails.
            let _ = done.send(rows.map(|row| opening.open(row)).collect());
        });
        opened.await.map_err(|_| Error::Threads)
    }

    /// Opens one value of a column, from the row with this key: the key as it was fetched, never
    /// as it was asked for.
    ///
    /// # Errors
    /// [`Error`]. In plaintext mode too: there is nothing to open.
    pub async fn open_field<F: Field>(
        &self,
        column: &Column,
        row: &RowKey,
        sealed: Option<Vec<u8>>,
    ) -> Result<F, Error> {
        let Some(keyring) = self.keyring() else {
            return Err(Error::no_keys(At::column(column, None)));
        };
        let mut cells = Cells::of(1);
        cells.push(0, sealed.as_deref(), false);
        let keys = ColumnKeys::fetch(keyring, std::slice::from_ref(column), cells).await?;
        let found = keys[0].found(column, row, Cell::Sealed(sealed), &[])?;
        of_found(column, found.0)
    }

    const fn keyring(&self) -> Option<&fieldseal_keys::Keyring> {
        match &self.mode {
            Mode::Sealed(keyring) => Some(keyring),
            Mode::Plaintext => None,
        }
    }
}
