//! Sealing rows. Owns that what is sealed is exactly what the pipeline seals: the same binding,
//! padding, indexes and masks; keys and their budget are the keyring's.

use fieldseal_envelope::{Domain, Field as SealOf, Grant, IndexKey, Purpose, SealError};
use fieldseal_keys::Keyring;
use fieldseal_model::{Canonical, RowKey, Value};

use crate::conform::conform;
use crate::table::Binding;
use crate::vault::Mode;
use crate::{At, Beside, Cell, Column, Error, Field, FieldValue, Sealed, Table, Vault};

/// How many values are sealed at once: their bytes are there twice for a moment.
const AT_ONCE: usize = 384;

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
        let values: Result<Rows, Error> = rows.iter().map(values_of).collect();
        let sealed = seal_columns(keyring, &table.columns, values?, &mut Leave::default()).await?;
        rows.iter()
            .zip(sealed)
            .map(|(row, fields)| row.row(&mut Fields(Source::Sealed(fields.into_iter()))))
            .collect()
    }

    /// A row with nothing in its sealed columns but all that stands beside them, and leave to seal
    /// as many values as it has.
    pub(crate) async fn draft<T: Sealed + Sync>(&self, row: &T) -> Result<(T::Row, Leave), Error> {
        let Mode::Sealed(keyring) = &self.mode else {
            return Ok((self.seal(row).await?, Leave::default()));
        };
        let columns = &T::table().columns;
        let mut rows = vec![values_of(row)?];
        let mut sealed = beside(keyring, columns, &mut rows).await?;
        let mut leave = Leave::default();
        for domain in domains(columns) {
            let places = places(domain, columns, &rows);
            let grants = leave.grants(keyring, domain, columns, &places).await?;
            leave.0.push((domain.clone(), grants));
            for (row, column) in places {
                sealed[row][column].sealed = Some(Vec::new());
            }
        }
        let fields = sealed.pop().unwrap_or_default();
        let draft = row.row(&mut Fields(Source::Sealed(fields.into_iter())))?;
        Ok((draft, leave))
    }

    /// As [`seal`](Self::seal), by leave that was had before.
    pub(crate) async fn seal_by<T: Sealed + Sync>(
        &self,
        row: &T,
        mut leave: Leave,
    ) -> Result<T::Row, Error> {
        let Mode::Sealed(keyring) = &self.mode else {
            return self.seal(row).await;
        };
        let rows = vec![values_of(row)?];
        let mut sealed = seal_columns(keyring, &T::table().columns, rows, &mut leave).await?;
        let fields = sealed.pop().unwrap_or_default();
        row.row(&mut Fields(Source::Sealed(fields.into_iter())))
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
        let rows = vec![(row.clone(), vec![value])];
        let sealed = seal_columns(keyring, columns, rows, &mut Leave::default()).await?;
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

/// Leave to seal, by domains, that was had before it is needed.
#[derive(Default)]
pub(crate) struct Leave(Vec<(Domain, Vec<Grant>)>);

impl Leave {
    /// Grants for these values of a domain: what is there, and what is missing by the keyring.
    async fn grants(
        &mut self,
        keyring: &Keyring,
        domain: &Domain,
        columns: &[Column],
        places: &[(usize, usize)],
    ) -> Result<Vec<Grant>, Error> {
        let Some((_, first)) = places.first() else {
            return Ok(Vec::new());
        };
        let at = || At::column(&columns[*first], None);
        let wanted = u32::try_from(places.len()).map_err(|_| Error::Sealing {
            at: at(),
            reason: "too many values in one call".to_owned(),
        })?;
        let had = self.0.iter().position(|(of, _)| of == domain);
        let mut grants = had.map_or_else(Vec::new, |place| self.0.swap_remove(place).1);
        let missing = wanted.saturating_sub(grants.iter().map(Grant::left).sum());
        if missing > 0 {
            let more = keyring.grant(domain, Purpose::Seal, missing).await;
            grants.extend(more.map_err(|error| Error::of_key(at(), &error))?);
        }
        Ok(grants)
    }
}

/// What is to be sealed of a row.
fn values_of<T: Sealed>(row: &T) -> Result<(RowKey, Vec<Option<Value>>), Error> {
    let mut of = Values::of(T::table());
    row.values(&mut of)?;
    Ok((of.binding.into_row_key()?, of.fields))
}

/// Seals `rows`, whose values stand in the order of `columns`.
async fn seal_columns(
    keyring: &Keyring,
    columns: &[Column],
    mut rows: Rows,
    leave: &mut Leave,
) -> Result<Vec<Vec<SealedField>>, Error> {
    let mut sealed = beside(keyring, columns, &mut rows).await?;
    for domain in domains(columns) {
        let places = places(domain, columns, &rows);
        let grants = leave.grants(keyring, domain, columns, &places).await?;
        seal_domain(&grants, &places, columns, &rows, &mut sealed)?;
    }
    Ok(sealed)
}

/// What stands beside the values of `rows`, among which NULLs that are sealed become values.
async fn beside(
    keyring: &Keyring,
    columns: &[Column],
    rows: &mut Rows,
) -> Result<Vec<Vec<SealedField>>, Error> {
    let mut beside: Vec<Vec<SealedField>> = Vec::with_capacity(rows.len());
    let keys = index_keys(keyring, columns).await?;
    for (_, values) in rows {
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
    Ok(beside)
}

fn domains(columns: &[Column]) -> Vec<&Domain> {
    let mut domains: Vec<&Domain> = columns.iter().map(|column| &column.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    domains
}

/// Where the values of a domain are: row and column.
fn places(domain: &Domain, columns: &[Column], rows: &Rows) -> Vec<(usize, usize)> {
    (0..rows.len())
        .flat_map(|row| (0..columns.len()).map(move |column| (row, column)))
        .filter(|(row, column)| {
            columns[*column].domain == *domain && rows[*row].1[*column].is_some()
        })
        .collect()
}

/// Seals every value of one domain: as many at once as a grant covers, so that nonces come in
/// batches.
fn seal_domain(
    grants: &[Grant],
    mut places: &[(usize, usize)],
    columns: &[Column],
    rows: &Rows,
    sealed: &mut [Vec<SealedField>],
) -> Result<(), Error> {
    let mut grants = grants.iter();
    let mut grant = grants.next();
    let mut bytes = Vec::new();
    while let Some((_, first)) = places.first() {
        let Some(left) = grant.map(Grant::left) else {
            return Err(unsealed(&columns[*first], SealError::Used));
        };
        let (now, later) = places.split_at(places.len().min(AT_ONCE).min(left as usize));
        if now.is_empty() {
            grant = grants.next();
            continue;
        }
        let fields: Vec<SealOf<'_>> = now
            .iter()
            .map(|place| field(*place, columns, rows))
            .collect();
        bytes.clear();
        let done = grant.map_or(Err(SealError::Used), |grant| {
            grant.seal_columns(&fields, &mut bytes)
        });
        done.map_err(|error| {
            let refused = fields.iter().position(|field| field.check().is_err());
            unsealed(&columns[now[refused.unwrap_or(0)].1], error)
        })?;
        let mut rest = bytes.as_slice();
        for ((row, column), field) in now.iter().zip(&fields) {
            let (value, behind) = rest.split_at(field.sealed_len());
            sealed[*row][*column].sealed = Some(value.to_vec());
            rest = behind;
        }
        places = later;
    }
    Ok(())
}

/// The value at this place, which is known to have one.
fn field<'a>((row, column): (usize, usize), columns: &'a [Column], rows: &'a Rows) -> SealOf<'a> {
    let (key, values) = &rows[row];
    let value = values[column].as_ref();
    SealOf {
        column: &columns[column].reference,
        row: key,
        value: value.map_or(Canonical::null(), Canonical::lend),
        pad: columns[column].pad,
    }
}

fn unsealed(column: &Column, error: SealError) -> Error {
    Error::Sealing {
        at: At::column(column, None),
        reason: error.to_string(),
    }
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
