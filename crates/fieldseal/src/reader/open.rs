//! Reading sealed tables. Owns the queries and the opening of rows; keys come from the keyring.

use std::sync::Arc;

use fieldseal_db::{Bind, Database, DbError, Dialect, Row, Sql, quote};
use fieldseal_envelope::{
    ColumnRef, Expected, KeyId, OpenError, OpeningKey, Purpose, sealed_key_id,
};
use fieldseal_keys::{KeyRef, Keyring};
use fieldseal_model::{Plaintext, RowKey, Value};
use fieldseal_policy::{Column, KeyColumn, Policy, Seal, Table, Treatment};

use super::lookup::IndexKeys;
use super::{OpenFailure, OpenedCell, OpenedRow, ReadError, stored};

/// Opens rows of a sealed database.
pub struct Reader {
    pub(super) database: Database,
    pub(super) keyring: Arc<Keyring>,
    pub(super) policy: Arc<Policy>,
}

/// How the columns of a table are selected: key columns, bind columns, then one or more per
/// policy column.
struct Selection<'a> {
    table: &'a Table,
    select: Vec<String>,
}

/// One fetched row before its keys are there.
struct Fetched {
    row: Row,
    bound_to: Option<RowKey>,
}

impl Reader {
    /// A reader over a sealed database.
    #[must_use]
    pub const fn new(database: Database, keyring: Arc<Keyring>, policy: Arc<Policy>) -> Self {
        Self {
            database,
            keyring,
            policy,
        }
    }

    /// The policy's table with this id, source name (`schema.table`) or target name.
    ///
    /// # Errors
    /// [`ReadError::NoTable`].
    pub fn table(&self, name: &str) -> Result<&Table, ReadError> {
        self.policy
            .tables()
            .iter()
            .find(|t| t.id.as_str() == name || t.source.to_string() == name || t.target == name)
            .ok_or_else(|| ReadError::NoTable(name.to_owned()))
    }

    /// A page of rows in the order of their keys, those behind `after` (the texts of a row's key
    /// columns) if it is given.
    ///
    /// # Errors
    /// [`ReadError`]; what is wrong with one cell is in the cell.
    pub async fn page(
        &self,
        table: &Table,
        after: Option<&[String]>,
        limit: u32,
    ) -> Result<Vec<OpenedRow>, ReadError> {
        let dialect = self.database.dialect();
        // With the table's name: PostgreSQL takes a bare name in ORDER BY for the selected text of
        // the column, and "10" comes before "9".
        let of = quote(dialect, &table.target);
        let keys: Vec<String> = table
            .key
            .iter()
            .map(|key| format!("{of}.{}", quote(dialect, &key.target)))
            .collect();
        let mut condition = String::new();
        let mut values = Vec::new();
        if let Some(after) = after {
            values = self.key_values(table, after)?;
            let marks: Vec<&str> = table
                .key
                .iter()
                .map(|key| parameter(dialect, key))
                .collect();
            condition = if keys.len() == 1 {
                format!("WHERE {} > {}", keys[0], marks[0])
            } else {
                format!("WHERE ({}) > ({})", keys.join(","), marks.join(","))
            };
        }
        let rest = format!("{condition} ORDER BY {} LIMIT {limit}", keys.join(","));
        self.read(table, &rest, &values).await
    }

    /// The row with this key, given as the texts of its key columns in policy order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn by_key(
        &self,
        table: &Table,
        key: &[String],
    ) -> Result<Option<OpenedRow>, ReadError> {
        let dialect = self.database.dialect();
        let values = self.key_values(table, key)?;
        let condition: Vec<String> = table
            .key
            .iter()
            .map(|column| {
                format!(
                    "{} = {}",
                    quote(dialect, &column.target),
                    parameter(dialect, column)
                )
            })
            .collect();
        let rest = format!("WHERE {}", condition.join(" AND "));
        Ok(self.read(table, &rest, &values).await?.pop())
    }

    /// Rows that satisfy `rest`, opened.
    pub(super) async fn read(
        &self,
        table: &Table,
        rest: &str,
        parameters: &[Value],
    ) -> Result<Vec<OpenedRow>, ReadError> {
        let dialect = self.database.dialect();
        let selection = Selection::of(table, dialect);
        let sql = format!(
            "SELECT {} FROM {} {rest}",
            selection.select.join(", "),
            quote(dialect, &table.target)
        );
        let binds = parameters.iter().map(bind).collect::<Vec<_>>();
        let failed = |source| ReadError::Database {
            table: table.target.clone(),
            source,
        };
        let rows = self
            .database
            .query(Sql::dynamic(sql), &binds)
            .await
            .map_err(failed)?;
        let fetched = rows
            .into_iter()
            .map(|row| selection.fetched(row))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let keys = self.keys(table, &selection, &fetched).await?;
        let indexes = IndexKeys::of(self, table).await?;
        fetched
            .iter()
            .map(|fetched| selection.open(fetched, &keys, &indexes))
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    fn key_values(&self, table: &Table, key: &[String]) -> Result<Vec<Value>, ReadError> {
        let odd = || ReadError::OddKey {
            table: table.id.to_string(),
            wanted: table
                .key
                .iter()
                .map(|column| format!("{} ({})", column.name, column.ty.kind))
                .collect::<Vec<_>>()
                .join(", "),
        };
        if key.len() != table.key.len() {
            return Err(odd());
        }
        key.iter()
            .zip(&table.key)
            .map(|(text, column)| stored::parse(text, &column.ty).ok_or_else(odd))
            .collect()
    }

    /// Every data key the rows name, fetched in one go.
    async fn keys(
        &self,
        table: &Table,
        selection: &Selection<'_>,
        rows: &[Fetched],
    ) -> Result<Keys, ReadError> {
        let failed = |source| ReadError::Database {
            table: table.target.clone(),
            source,
        };
        let mut wanted: Vec<KeyRef> = Vec::new();
        for fetched in rows {
            for (index, _, seal) in selection.sealed() {
                let Some(bytes) = fetched.row.opt_bytes(index).map_err(failed)? else {
                    continue;
                };
                let Ok(id) = sealed_key_id(&bytes) else {
                    continue;
                };
                let key = KeyRef {
                    id,
                    domain: seal.domain.clone(),
                    purpose: Purpose::Seal,
                };
                if !wanted.contains(&key) {
                    wanted.push(key);
                }
            }
        }
        let opened = self
            .keyring
            .openers(&wanted)
            .await
            .map_err(|error| ReadError::Keys(error.to_string()))?;
        let opened = opened
            .into_iter()
            .map(|key| key.map_err(|error| OpenFailure::Key(error.to_string())));
        Ok(Keys(wanted.into_iter().zip(opened).collect()))
    }
}

/// Data keys by id, domain and purpose.
struct Keys(Vec<(KeyRef, Result<OpeningKey, OpenFailure>)>);

impl Keys {
    fn get(&self, id: KeyId, seal: &Seal) -> Result<&OpeningKey, OpenFailure> {
        self.0
            .iter()
            .find(|(key, _)| key.id == id && key.domain == seal.domain)
            .map_or(Err(OpenFailure::DoesNotOpen), |(_, key)| {
                key.as_ref().map_err(Clone::clone)
            })
    }
}

impl<'a> Selection<'a> {
    fn of(table: &'a Table, dialect: Dialect) -> Self {
        let mut select: Vec<String> = table
            .key
            .iter()
            .chain(table.bound_columns())
            .map(|column| stored::select(dialect, &column.target, &column.ty))
            .collect();
        for column in &table.columns {
            let name = quote(dialect, &column.target);
            match &column.treatment {
                Treatment::Keep => select.push(stored::select_kept(dialect, &column.target)),
                Treatment::Seal(seal) => {
                    select.push(name);
                    select.extend(
                        seal.indexes
                            .iter()
                            .map(|index| quote(dialect, &index.column)),
                    );
                }
                Treatment::Drop => {}
            }
        }
        Self { table, select }
    }

    /// Policy columns that are not dropped, each with its number in the selection.
    fn columns(&self) -> impl Iterator<Item = (usize, &'a Column)> {
        let mut next = self.table.key.len() + self.table.bound_columns().len();
        self.table.columns.iter().filter_map(move |column| {
            let index = next;
            next += match &column.treatment {
                Treatment::Drop => return None,
                Treatment::Keep => 1,
                Treatment::Seal(seal) => 1 + seal.indexes.len(),
            };
            Some((index, column))
        })
    }

    fn sealed(&self) -> impl Iterator<Item = (usize, &'a Column, &'a Seal)> {
        self.columns()
            .filter_map(|(index, column)| match &column.treatment {
                Treatment::Seal(seal) => Some((index, column, &**seal)),
                Treatment::Keep | Treatment::Drop => None,
            })
    }

    /// The row with what its values are bound to, from the row itself.
    fn fetched(&self, row: Row) -> Result<Fetched, DbError> {
        let first = self.table.key.len();
        let mut values = Vec::new();
        for (number, column) in self.table.bound_columns().iter().enumerate() {
            values.push(stored::key_value(&row, first + number, &column.ty)?);
        }
        let bound_to = if values.is_empty() {
            Some(RowKey::unbound())
        } else {
            values
                .into_iter()
                .collect::<Option<Vec<Value>>>()
                .and_then(|values| RowKey::new(&values).ok())
        };
        Ok(Fetched { row, bound_to })
    }

    fn open(
        &self,
        fetched: &Fetched,
        keys: &Keys,
        indexes: &IndexKeys,
    ) -> Result<OpenedRow, DbError> {
        let mut cells = Vec::with_capacity(self.select.len());
        for (index, column) in self.table.key.iter().enumerate() {
            cells.push((
                column.target.clone(),
                kept(key_text(&fetched.row, index, column)?),
            ));
        }
        for (index, column) in self.columns() {
            let cell = match &column.treatment {
                Treatment::Seal(seal) => {
                    self.open_cell(fetched, index, column, seal, keys, indexes)?
                }
                Treatment::Keep | Treatment::Drop => kept(stored::kept(&fetched.row, index)?),
            };
            cells.push((column.target.clone(), cell));
        }
        Ok(OpenedRow {
            keys: self.table.key.len(),
            cells,
        })
    }

    fn open_cell(
        &self,
        fetched: &Fetched,
        index: usize,
        column: &Column,
        seal: &Seal,
        keys: &Keys,
        indexes: &IndexKeys,
    ) -> Result<OpenedCell, DbError> {
        let value = match fetched.row.opt_bytes(index)? {
            None => None,
            Some(bytes) => match self.open_value(&bytes, fetched, column, seal, keys) {
                Ok(value) if value.is_null() => None,
                Ok(value) => Some(value),
                Err(failure) => return Ok(OpenedCell::Failed(failure)),
            },
        };
        for (offset, blind) in seal.indexes.iter().enumerate() {
            let stored = fetched.row.opt_bytes(index + 1 + offset)?;
            if !indexes.matches(column, blind, value.as_ref(), stored.as_deref()) {
                let column = blind.column.clone();
                return Ok(OpenedCell::Failed(OpenFailure::IndexMismatch { column }));
            }
        }
        Ok(value.map_or(OpenedCell::Null, OpenedCell::Opened))
    }

    fn open_value(
        &self,
        bytes: &[u8],
        fetched: &Fetched,
        column: &Column,
        seal: &Seal,
        keys: &Keys,
    ) -> Result<Value, OpenFailure> {
        let bound_to = fetched.bound_to.as_ref().ok_or(OpenFailure::RowKey)?;
        let failure = |error| match error {
            OpenError::NotSealed => OpenFailure::NotSealed,
            OpenError::DoesNotOpen => OpenFailure::DoesNotOpen,
        };
        let id = sealed_key_id(bytes).map_err(failure)?;
        let expected = Expected {
            kind: seal.ty.kind,
            seal_null: seal.seal_null,
        };
        let reference = ColumnRef::new(self.table.id.clone(), column.id.clone());
        keys.get(id, seal)?
            .open_column(&reference, bound_to, expected, bytes)
            .map_err(failure)
    }
}

fn kept(text: Option<Plaintext>) -> OpenedCell {
    text.map_or(OpenedCell::Null, OpenedCell::Kept)
}

/// A key column's text; bytes as hex.
fn key_text(row: &Row, index: usize, column: &KeyColumn) -> Result<Option<Plaintext>, DbError> {
    match column.ty.kind {
        fieldseal_model::Kind::Bytes => {}
        fieldseal_model::Kind::Uuid => {
            let digits = row.opt_text(index)?;
            return Ok(digits.map(|text| Plaintext::new(stored::uuid_text(&text).into_bytes())));
        }
        _ => return stored::kept(row, index),
    }
    let hex = |bytes: Vec<u8>| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    Ok(row
        .opt_bytes(index)?
        .map(|bytes| Plaintext::new(hex(bytes).into_bytes())))
}

/// A parameter for a key column, compared as the column stores it: PostgreSQL reads the text as
/// the column's own type, and SQLite has moments as text with a space.
fn parameter(dialect: Dialect, column: &KeyColumn) -> &'static str {
    use fieldseal_model::Kind;
    match (dialect, column.ty.kind) {
        (Dialect::Sqlite, Kind::DateTime | Kind::Timestamp) => "REPLACE(?, 'T', ' ')",
        (Dialect::Postgres, Kind::Decimal) => "CAST(? AS NUMERIC)",
        (Dialect::Postgres, Kind::Date) => "CAST(? AS DATE)",
        (Dialect::Postgres, Kind::DateTime) => "CAST(? AS TIMESTAMP)",
        (Dialect::Postgres, Kind::Timestamp) => "CAST(? AS TIMESTAMPTZ)",
        // Bound as its 16 bytes.
        (Dialect::Postgres, Kind::Uuid) => "CAST(ENCODE(?, 'hex') AS UUID)",
        _ => "?",
    }
}

pub(super) fn bind(value: &Value) -> Bind<'_> {
    match value.expose_text() {
        Some(text) => match (value.kind(), text.parse::<i64>(), text.parse::<u64>()) {
            (fieldseal_model::Kind::Integer, Ok(number), _) => Bind::from(number),
            (fieldseal_model::Kind::Integer, _, Ok(number)) => Bind::Unsigned(number),
            _ => Bind::from(text),
        },
        None => Bind::from(value.expose()),
    }
}
