//! Sealing rows. Owns that what is sealed is exactly what the pipeline seals: the same binding,
//! padding, indexes and masks; keys and their budget are the keyring's.

use fieldseal_envelope::{Domain, Grant, IndexKey, Purpose, SealError};
use fieldseal_keys::Keyring;
use fieldseal_model::{RowKey, Value};

use crate::conform::conform;
use crate::table::Binding;
use crate::vault::Mode;
use crate::{At, Beside, Cell, Column, Error, Field, FieldValue, Sealed, Table, Vault};

/// A sealed value with what stands beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedField {
    /// The sealed bytes; `None` for NULL.
    pub sealed: Option<Vec<u8>>,
    /// Its blind indexes, in the column's order.
    pub indexes: Vec<Option<Vec<u8>>>,
    /// Its masks, in the column's order.
    pub masks: Vec<Option<String>>,
}

impl std::fmt::Debug for SealedField {
    /// Never the masks: they are parts of the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = self.sealed.as_ref().map_or(0, Vec::len);
        write!(f, "SealedField({length} bytes)")
    }
}

impl Vault {
    /// The row to bind for INSERT or UPDATE.
    ///
    /// # Errors
    /// [`Error`]; nothing of it may be written then.
    pub async fn seal<T: Sealed + Sync>(&self, row: &T) -> Result<T::Row, Error> {
        let mut rows = self.seal_all(std::slice::from_ref(row)).await?;
        rows.pop().ok_or(Error::Threads)
    }

    /// The same for many rows, quicker than one by one.
    ///
    /// # Errors
    /// [`Error`] of the first that cannot be sealed.
    pub async fn seal_all<T: Sealed + Sync>(&self, rows: &[T]) -> Result<Vec<T::Row>, Error> {
        let table = T::table();
        let Mode::Sealed(keyring) = &self.mode else {
            let plain = |row: &T| row.row(&mut Fields(Source::Plain(table, 0)));
            return rows.iter().map(plain).collect();
        };
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let mut of = Values::of(table);
            row.values(&mut of)?;
            values.push((of.binding.row_key()?, of.fields));
        }
        let sealed = seal_columns(keyring, &table.columns, values).await?;
        rows.iter()
            .zip(sealed)
            .map(|(row, fields)| row.row(&mut Fields(Source::Sealed(fields.into_iter()))))
            .collect()
    }

    /// Seals one value of a column for the row with this key; `None` is NULL.
    ///
    /// # Errors
    /// [`Error`]. In plaintext mode too: there is nothing to seal for.
    pub async fn seal_field<V: FieldValue>(
        &self,
        column: &Column,
        row: &RowKey,
        value: Option<&V>,
    ) -> Result<SealedField, Error> {
        let Mode::Sealed(keyring) = &self.mode else {
            return Err(Error::no_keys(At::column(column, None)));
        };
        let value = value.map(|value| of_column(column, value)).transpose()?;
        let columns = std::slice::from_ref(column);
        let sealed = seal_columns(keyring, columns, vec![(row.clone(), vec![value])]).await?;
        let field = sealed.into_iter().flatten().next();
        field.ok_or(Error::Threads)
    }
}

/// Collects what is to be sealed of one row, in the order of the table's columns.
pub struct Values {
    table: &'static Table,
    /// What it is bound to.
    pub binding: Binding,
    fields: Vec<Option<Value>>,
}

impl Values {
    fn of(table: &'static Table) -> Self {
        Self {
            table,
            binding: Binding::of(table),
            fields: Vec::with_capacity(table.columns.len()),
        }
    }

    /// The next sealed column's field.
    ///
    /// # Errors
    /// [`Error`] for a value that its column cannot hold.
    pub fn push<F: Field>(&mut self, field: &F) -> Result<(), Error> {
        let column = &self.table.columns[self.fields.len()];
        let value = field.value().map_err(|denied| Error::NeverOpened {
            at: At::column(column, Some(denied.key)),
        })?;
        let value = value.map(|value| of_column(column, value)).transpose()?;
        self.fields.push(value);
        Ok(())
    }
}

fn of_column<V: FieldValue>(column: &Column, value: &V) -> Result<Value, Error> {
    let at = || At::column(column, None);
    let value = value.to_value().map_err(|error| Error::WrongKind {
        at: at(),
        reason: error.to_string(),
    })?;
    conform(value, &column.ty).map_err(|misfit| misfit.error(at(), &column.ty))
}

/// Hands the fields of one row out, in the order of the table's columns.
pub struct Fields(Source);

enum Source {
    Sealed(std::vec::IntoIter<SealedField>),
    /// The table, and the number of the next column.
    Plain(&'static Table, usize),
}

/// One field of a row that is to be bound, and what stands beside it.
pub struct FieldCells<V> {
    /// The column itself.
    pub cell: Cell<V>,
    indexes: std::vec::IntoIter<Option<Vec<u8>>>,
    masks: std::vec::IntoIter<Option<String>>,
}

impl Fields {
    /// The next field.
    ///
    /// # Errors
    /// [`Error`] for a field that was never opened.
    pub fn next<F: Field>(&mut self, field: &F) -> Result<FieldCells<F::Value>, Error> {
        match &mut self.0 {
            Source::Sealed(fields) => {
                let sealed = fields.next().ok_or(Error::Threads)?;
                Ok(FieldCells {
                    cell: Cell::Sealed(sealed.sealed),
                    indexes: sealed.indexes.into_iter(),
                    masks: sealed.masks.into_iter(),
                })
            }
            Source::Plain(table, number) => {
                let column = &table.columns[*number];
                *number += 1;
                Ok(FieldCells {
                    cell: Cell::Plain(plain(column, field)?),
                    indexes: Vec::new().into_iter(),
                    masks: Vec::new().into_iter(),
                })
            }
        }
    }
}

/// A copy of the field's value for a plaintext column.
fn plain<F: Field>(column: &Column, field: &F) -> Result<Option<F::Value>, Error> {
    let value = field.value().map_err(|denied| Error::NeverOpened {
        at: At::column(column, Some(denied.key)),
    })?;
    let copy = |value: &F::Value| {
        F::Value::from_value(&of_column(column, value)?).map_err(|error| Error::WrongKind {
            at: At::column(column, None),
            reason: error.to_string(),
        })
    };
    value.map(copy).transpose()
}

impl<V> FieldCells<V> {
    /// The next blind index.
    pub fn index(&mut self) -> Beside<Vec<u8>> {
        self.indexes.next().map_or(Beside::Absent, Beside::Stored)
    }

    /// The next mask.
    pub fn mask(&mut self) -> Beside<String> {
        self.masks.next().map_or(Beside::Absent, Beside::Stored)
    }
}

/// What is sealed of each row: its key, and a value for each column.
type Rows = Vec<(RowKey, Vec<Option<Value>>)>;

/// Seals `rows`, whose values stand in the order of `columns`.
async fn seal_columns(
    keyring: &Keyring,
    columns: &[Column],
    mut rows: Rows,
) -> Result<Vec<Vec<SealedField>>, Error> {
    let mut beside: Vec<Vec<SealedField>> = Vec::with_capacity(rows.len());
    let keys = index_keys(keyring, columns).await?;
    for (_, values) in &mut rows {
        let fields = columns.iter().zip(values).zip(&keys);
        let fields = fields.map(|((column, value), keys)| {
            let field = stand_beside(column, value.as_ref(), keys)?;
            if column.seal_null && value.is_none() {
                *value = Some(Value::null());
            }
            Ok(field)
        });
        beside.push(fields.collect::<Result<_, Error>>()?);
    }
    let mut domains: Vec<&Domain> = columns.iter().map(|column| &column.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    for domain in domains {
        seal_domain(keyring, domain, columns, &rows, &mut beside).await?;
    }
    Ok(beside)
}

/// Seals every value of one domain.
async fn seal_domain(
    keyring: &Keyring,
    domain: &Domain,
    columns: &[Column],
    rows: &Rows,
    sealed: &mut [Vec<SealedField>],
) -> Result<(), Error> {
    let places: Vec<(usize, usize)> = (0..rows.len())
        .flat_map(|row| (0..columns.len()).map(move |column| (row, column)))
        .filter(|(row, column)| {
            columns[*column].domain == *domain && rows[*row].1[*column].is_some()
        })
        .collect();
    let Some((_, first)) = places.first() else {
        return Ok(());
    };
    let at = || At::column(&columns[*first], None);
    let wanted = u32::try_from(places.len()).map_err(|_| Error::Sealing {
        at: at(),
        reason: "too many values in one call".to_owned(),
    })?;
    let grants = keyring.grant(domain, Purpose::Seal, wanted).await;
    let grants = grants.map_err(|error| Error::of_key(at(), &error))?;
    let mut grants = grants.iter();
    let mut grant = grants.next();
    for (row, column) in places {
        while grant.is_some_and(|grant| grant.left() == 0) {
            grant = grants.next();
        }
        let value = rows[row].1[column].as_ref();
        let value = draw(grant, &columns[column], &rows[row].0, value);
        sealed[row][column].sealed = Some(value.map_err(|error| Error::Sealing {
            at: At::column(&columns[column], None),
            reason: error.to_string(),
        })?);
    }
    Ok(())
}

fn draw(
    grant: Option<&Grant>,
    column: &Column,
    row: &RowKey,
    value: Option<&Value>,
) -> Result<Vec<u8>, SealError> {
    let (Some(grant), Some(value)) = (grant, value) else {
        return Err(SealError::Used);
    };
    let mut sealed = Vec::new();
    grant.seal_column(&column.reference, row, value, column.pad, &mut sealed)?;
    Ok(sealed)
}

/// The keys of each column's blind indexes.
async fn index_keys(keyring: &Keyring, columns: &[Column]) -> Result<Vec<Vec<IndexKey>>, Error> {
    let mut keys = Vec::with_capacity(columns.len());
    for column in columns {
        if column.indexes.is_empty() {
            keys.push(Vec::new());
            continue;
        }
        let data_key = keyring.index_key(&column.domain).await;
        let data_key = data_key.map_err(|e| Error::of_key(At::column(column, None), &e))?;
        let of = |index| column.index_key(index, &data_key);
        keys.push(column.indexes.iter().map(of).collect());
    }
    Ok(keys)
}

/// The indexes and masks of a value; its sealed bytes come later.
fn stand_beside(
    column: &Column,
    value: Option<&Value>,
    keys: &[IndexKey],
) -> Result<SealedField, Error> {
    let mut indexes = Vec::with_capacity(keys.len());
    for (index, key) in column.indexes.iter().zip(keys) {
        let computed = value.map(|value| key.compute(value, index.length));
        let computed = computed.transpose().map_err(|_| Error::NoNormalForm {
            at: At::column(column, None),
            index: index.column.clone(),
        })?;
        indexes.push(computed.flatten());
    }
    let masks = column.masks.iter();
    Ok(SealedField {
        sealed: None,
        indexes,
        masks: masks
            .map(|mask| value.and_then(|value| mask.apply(value)))
            .collect(),
    })
}
