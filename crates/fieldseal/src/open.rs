//! Opening rows. Owns fetching every key that some rows name in one go, and who opens them: one
//! core or all; opening one row is `opening`'s.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use fieldseal_model::RowKey;
use rayon::prelude::*;

use crate::column_keys::{Cells, ColumnKeys};
use crate::column_opening::ColumnOpening;
use crate::index::Wanted;
use crate::opening::{Opening, RowOpening, of_opened};
use crate::vault::Mode;
use crate::{At, Column, Error, Field, Sealed, Table, Vault};

/// From this many rows on they are opened by all cores, away from the task's own thread. Two cores
/// are done sooner from about 64 rows on, but waking them costs CPU time that other requests need:
/// 25 % more at 250 rows, 12 % at 1,000 (`benches/README.md`). A page of rows is opened where it is.
const PARALLEL_ROWS: usize = 256;

/// The fewest rows that one core opens before another may take some of them over.
const ROWS_AT_ONCE: usize = 64;

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
        self.open_rows::<T, All>(rows, None).await?
    }

    /// The same, with what is wrong with one row in its place.
    ///
    /// # Errors
    /// [`Error`]: no key could be looked for, since the key store did not answer.
    pub async fn open_each<T: Sealed>(
        &self,
        rows: Vec<T::Row>,
    ) -> Result<Vec<Result<T, Error>>, Error> {
        self.open_rows::<T, Each>(rows, None).await
    }

    /// Opens rows, and leaves out those that are not what was wanted.
    pub(crate) async fn open_rows<T: Sealed, G: Gather>(
        &self,
        rows: Vec<T::Row>,
        wanted: Option<Arc<Wanted>>,
    ) -> Result<G::Rows<T>, Error> {
        let table = T::table();
        let shared = rows.len() >= PARALLEL_ROWS;
        let (rows, keys) = match self.keyring() {
            Some(keyring) => {
                let (rows, cells) = if shared {
                    on_all_cores(move || cells_of_many::<T>(table, rows)).await?
                } else {
                    let mut cells = Cells::of(table.columns.len());
                    rows.iter().for_each(|row| T::cells(row, &mut cells));
                    (rows, cells)
                };
                let keys = ColumnKeys::fetch(keyring, &table.columns, cells).await?;
                (rows, Some(keys))
            }
            None => (rows, None),
        };
        let opening = Opening::new(table, keys, wanted);
        if shared {
            return on_all_cores(move || {
                let count = rows.len();
                let rows = rows.into_par_iter().with_min_len(ROWS_AT_ONCE);
                let rows = rows.map_init(|| opening.rows(), RowOpening::open);
                let opened: Vec<Option<Result<T, Error>>> = rows.collect();
                G::gather(count, opened.into_iter().flatten())
            })
            .await;
        }
        let mut opening = opening.rows();
        let count = rows.len();
        Ok(G::gather(
            count,
            rows.into_iter().filter_map(|row| opening.open(row)),
        ))
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
        let mut bytes = sealed;
        let opened = ColumnOpening::of(column, &keys[0]).open(row, bytes.as_mut(), &[]);
        of_opened(column, opened, bytes)
    }

    const fn keyring(&self) -> Option<&fieldseal_keys::Keyring> {
        match &self.mode {
            Mode::Sealed(keyring) => Some(keyring),
            Mode::Plaintext => None,
        }
    }
}

/// What is made of rows that were opened one by one.
pub(crate) trait Gather {
    /// What it is.
    type Rows<T: Send + 'static>: Send + 'static;

    fn gather<T: Send + 'static>(
        count: usize,
        rows: impl Iterator<Item = Result<T, Error>>,
    ) -> Self::Rows<T>;
}

/// All rows, or the first error.
pub(crate) struct All;

/// Every row or its error.
struct Each;

impl Gather for All {
    type Rows<T: Send + 'static> = Result<Vec<T>, Error>;

    fn gather<T: Send + 'static>(
        count: usize,
        rows: impl Iterator<Item = Result<T, Error>>,
    ) -> Self::Rows<T> {
        let mut all = Vec::with_capacity(count);
        for row in rows {
            all.push(row?);
        }
        Ok(all)
    }
}

impl Gather for Each {
    type Rows<T: Send + 'static> = Vec<Result<T, Error>>;

    fn gather<T: Send + 'static>(
        _: usize,
        rows: impl Iterator<Item = Result<T, Error>>,
    ) -> Self::Rows<T> {
        rows.collect()
    }
}

/// Which keys many rows name.
fn cells_of_many<T: Sealed>(table: &Table, mut rows: Vec<T::Row>) -> (Vec<T::Row>, Cells) {
    let none = || Cells::of(table.columns.len());
    // Mutable, for a row need not be one that threads may share.
    let cells = rows.par_iter_mut().with_min_len(ROWS_AT_ONCE);
    let cells = cells.fold(none, |mut cells, row| {
        T::cells(row, &mut cells);
        cells
    });
    let cells = cells.reduce(none, Cells::and);
    (rows, cells)
}

/// Runs `work` on rayon's threads, so that this one goes on with its other tasks meanwhile. A panic
/// of an application's own type is one here, as it is where rows are opened in place: rayon would end
/// the process.
async fn on_all_cores<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Error> {
    let (done, result) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        // Nothing that a panic may have left half done is used any more.
        let worked = catch_unwind(AssertUnwindSafe(work));
        // Nobody waits any more if this fails.
        let _ = done.send(worked);
    });
    match result.await {
        Ok(Ok(worked)) => Ok(worked),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(Error::Threads),
    }
}
