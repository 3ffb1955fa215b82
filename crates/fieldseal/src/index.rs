//! Looking rows up by a blind index. Owns that a row found by its index is an answer only if its
//! opened value normalises to what was asked; the hash is the envelope's.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use fieldseal_envelope::Definition;
use fieldseal_model::{Canonical, Value};

use crate::conform::conform;
use crate::open::All;
use crate::vault::Mode;
use crate::{At, Cell, Error, FieldValue, Sealed, Vault};

/// A blind index of a table; `#[derive(Sealed)]` makes a constant for each.
pub struct Index<T> {
    column: usize,
    index: usize,
    of: PhantomData<fn() -> T>,
}

impl<T> Index<T> {
    /// The index with this number of the column with this number.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(column: usize, index: usize) -> Self {
        Self {
            column,
            index,
            of: PhantomData,
        }
    }
}

/// A look-up, ready to be bound: `WHERE column = value`.
pub struct Lookup<T, V> {
    column: &'static str,
    value: Cell<V>,
    wanted: Arc<Wanted>,
    of: PhantomData<fn() -> T>,
}

impl<T, V> Lookup<T, V> {
    /// The column to compare: the index's, or in the plaintext database the column itself.
    #[must_use]
    pub const fn column(&self) -> &'static str {
        self.column
    }

    /// The value to bind. NULL, which equals nothing, where what was asked normalises to nothing.
    #[must_use]
    pub const fn value(&self) -> &Cell<V> {
        &self.value
    }
}

impl<T, V> fmt::Debug for Lookup<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lookup({})", self.column)
    }
}

/// What a found row must hold.
pub(crate) struct Wanted {
    /// Number of the column.
    pub(crate) column: usize,
    definition: Definition,
    value: Value,
}

impl Wanted {
    /// Whether a value has the normal form that was asked for.
    pub(crate) fn is(&self, value: &Canonical<'_>) -> bool {
        self.definition.matches(value, &self.value).unwrap_or(false)
    }
}

impl Vault {
    /// What to compare the index's column with to find rows that hold `value`: the same
    /// normalisers and key as the pipeline's.
    ///
    /// # Errors
    /// [`Error`]: the value is of another kind than the column, has no normal form, or the
    /// domain's index key cannot be had.
    pub async fn lookup<T: Sealed, V: FieldValue>(
        &self,
        index: Index<T>,
        value: V,
    ) -> Result<Lookup<T, V>, Error> {
        let column = &T::table().columns[index.column];
        let blind = &column.indexes[index.index];
        let at = || At::column(column, None);
        let asked = value.to_value().map_err(|error| Error::WrongKind {
            at: at(),
            reason: error.to_string(),
        })?;
        let asked = conform(asked, &column.ty).map_err(|misfit| misfit.error(at(), &column.ty))?;
        let (name, cell) = match &self.mode {
            Mode::Plaintext => (column.name.as_str(), Cell::Plain(Some(value))),
            Mode::Sealed(keyring) => {
                let key = keyring.index_key(&column.domain).await;
                let key = key.map_err(|error| Error::of_key(at(), &error))?;
                let computed = column.index_key(blind, &key).compute(&asked, blind.length);
                let computed = computed.map_err(|_| Error::NoNormalForm {
                    at: at(),
                    index: blind.column.clone(),
                })?;
                (blind.column.as_str(), Cell::Sealed(computed))
            }
        };
        Ok(Lookup {
            column: name,
            value: cell,
            wanted: Arc::new(Wanted {
                column: index.column,
                definition: blind.definition.clone(),
                value: asked,
            }),
            of: PhantomData,
        })
    }

    /// Opens the rows that a look-up found, and leaves out those whose value is another one:
    /// several values may share a short index.
    ///
    /// # Errors
    /// [`Error`] of the first row that does not open: perhaps somebody else's with this index put
    /// into it, which is never an answer, and no reason to say that there is none.
    pub async fn open_found<T: Sealed, V>(
        &self,
        lookup: &Lookup<T, V>,
        rows: Vec<T::Row>,
    ) -> Result<Vec<T>, Error> {
        let wanted = Arc::clone(&lookup.wanted);
        self.open_rows::<T, All>(rows, Some(wanted)).await?
    }
}
