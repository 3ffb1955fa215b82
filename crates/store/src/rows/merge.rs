//! Writing rows on PostgreSQL: one guarded statement over arrays, a column each. Owns the
//! statement, and finding out who lost.
//!
//! Not COPY: its end is a small packet behind a large one with no answer in between, and sqlx
//! leaves Nagle's algorithm on, so that each batch would wait for the server's delayed
//! acknowledgement (40 ms). It would need a temporary table besides.

use fieldseal_db::{Bind, DbError, Dialect, Encoded, Sql, Transaction};
use fieldseal_pipeline::{Bound, RowChange, SealedRow, TargetType};

use super::run;
use crate::ready::Statement;
use crate::table::{TargetTable, version_column};

/// Merges rows; answers for each whether a newer or equal version was stored already.
pub(super) async fn merge(
    tx: &mut Transaction,
    table: &TargetTable,
    rows: &[&SealedRow],
    ready: Option<Vec<Statement>>,
) -> Result<Vec<bool>, DbError> {
    let written = run(tx, table, rows, ready).await?;
    if written == rows.len() as u64 {
        return Ok(vec![false; rows.len()]);
    }
    let columns = columns(table, rows)?;
    losers(tx, table, &columns[..table.layout.keys], rows.len()).await
}

/// The statement that merges rows.
pub(super) fn statement(table: &TargetTable, rows: &[&SealedRow]) -> Result<Statement, DbError> {
    let versions: Vec<_> = rows.iter().map(|row| row.version()).collect();
    let versions: Vec<Option<&[u8]>> = versions
        .iter()
        .map(|version| Some(version.as_bytes().as_slice()))
        .collect();
    let columns = columns(table, rows)?;
    let mut binds = vec![Bind::ByteStrings(&versions)];
    binds.extend(columns.iter().map(Column::bind));
    Ok(Statement {
        sql: text(table),
        parameters: Encoded::new(Dialect::Postgres, &binds)?,
    })
}

/// The rows that this transaction has not written: a row that it has bears its number.
async fn losers(
    tx: &mut Transaction,
    table: &TargetTable,
    keys: &[Column<'_>],
    rows: usize,
) -> Result<Vec<bool>, DbError> {
    let binds: Vec<Bind<'_>> = keys.iter().map(Column::bind).collect();
    let mut lost = vec![true; rows];
    for row in tx.query(written_by_us(table), &binds).await? {
        let ordinal = usize::try_from(row.int(0)? - 1).map_err(|_| DbError::unexpected())?;
        *lost.get_mut(ordinal).ok_or(DbError::unexpected())? = false;
    }
    Ok(lost)
}

/// One column of the batch: integers and bytes as they are, everything else as the text that the
/// server's own input function reads exactly.
enum Column<'a> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl<'a> Column<'a> {
    fn new(ty: &TargetType, rows: usize) -> Self {
        match ty {
            TargetType::Integer { .. } => Self::Ints(Vec::with_capacity(rows)),
            TargetType::Bytes { .. } => Self::Bytes(Vec::with_capacity(rows)),
            _ => Self::Texts(Vec::with_capacity(rows)),
        }
    }

    /// The array's type.
    const fn array(ty: &TargetType) -> &'static str {
        match ty {
            TargetType::Integer { .. } => "bigint[]",
            TargetType::Bytes { .. } => "bytea[]",
            _ => "text[]",
        }
    }

    fn push(&mut self, bound: &'a Bound) -> Result<(), DbError> {
        match (self, bound) {
            (Self::Ints(column), Bound::Null) => column.push(None),
            (Self::Ints(column), Bound::Int(number)) => column.push(Some(*number)),
            (Self::Texts(column), Bound::Null) => column.push(None),
            (Self::Texts(column), Bound::Text(text)) => column.push(Some(text)),
            (Self::Bytes(column), Bound::Null) => column.push(None),
            (Self::Bytes(column), Bound::Bytes(bytes)) => column.push(Some(bytes)),
            // Planning bound the value for another type than the column's.
            _ => return Err(DbError::unexpected()),
        }
        Ok(())
    }

    fn bind(&self) -> Bind<'_> {
        match self {
            Self::Ints(column) => Bind::Ints(column),
            Self::Texts(column) => Bind::Texts(column),
            Self::Bytes(column) => Bind::ByteStrings(column),
        }
    }
}

fn columns<'a>(table: &TargetTable, rows: &[&'a SealedRow]) -> Result<Vec<Column<'a>>, DbError> {
    let mut columns: Vec<Column<'a>> = table
        .columns
        .iter()
        .map(|column| Column::new(&column.ty, rows.len()))
        .collect();
    for row in rows {
        let RowChange::Upsert(values) = row.change() else {
            return Err(DbError::unexpected());
        };
        for (column, bound) in columns
            .iter_mut()
            .zip(row.key_columns().iter().chain(values))
        {
            column.push(bound)?;
        }
    }
    Ok(columns)
}

/// `CAST(? AS bigint[]), …`: the first `count` columns of the table as arrays.
fn arrays(table: &TargetTable, count: usize) -> String {
    let array = |number: usize| format!("CAST(? AS {})", Column::array(&table.columns[number].ty));
    (0..count).map(array).collect::<Vec<_>>().join(", ")
}

/// `c0, c1, …`
fn names(count: usize) -> String {
    (0..count)
        .map(|number| format!("c{number}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A staged value as the column's own type.
fn cast(table: &TargetTable, number: usize) -> String {
    match table.columns[number].ty {
        TargetType::Bytes { .. } => format!("b.c{number}"),
        _ => format!("CAST(b.c{number} AS {})", table.casts[number]),
    }
}

/// The guard is in the conflict clause, which sees the row as it is when its lock is held.
fn text(table: &TargetTable) -> Sql {
    let dialect = Dialect::Postgres;
    let (name, version) = (table.name(dialect), version_column(dialect));
    let columns = table.quoted_columns(dialect);
    let keys = table.quoted_keys(dialect);
    let values: Vec<String> = (0..columns.len())
        .map(|number| cast(table, number))
        .collect();
    let set: Vec<String> = columns[keys.len()..]
        .iter()
        .chain([&version])
        .map(|column| format!("{column} = EXCLUDED.{column}"))
        .collect();
    Sql::dynamic(format!(
        "INSERT INTO {name} ({columns}, {version}) SELECT {values}, b.version \
         FROM UNNEST(CAST(? AS bytea[]), {arrays}) WITH ORDINALITY AS b (version, {staged}, ordinal) \
         ORDER BY b.ordinal \
         ON CONFLICT ({keys}) DO UPDATE SET {set} WHERE {name}.{version} < EXCLUDED.{version}",
        columns = columns.join(", "),
        values = values.join(", "),
        arrays = arrays(table, columns.len()),
        staged = names(columns.len()),
        keys = keys.join(", "),
        set = set.join(", "),
    ))
}

/// Which rows of the batch bear this transaction's number.
fn written_by_us(table: &TargetTable) -> Sql {
    let dialect = Dialect::Postgres;
    let keys = table.quoted_keys(dialect);
    let matched: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| format!("t.{key} = {}", cast(table, number)))
        .collect();
    Sql::dynamic(format!(
        "SELECT b.ordinal FROM UNNEST({arrays}) WITH ORDINALITY AS b ({staged}, ordinal) \
         JOIN {name} t ON {matched} WHERE t.xmin = CAST(pg_current_xact_id() AS xid)",
        arrays = arrays(table, keys.len()),
        staged = names(keys.len()),
        name = table.name(dialect),
        matched = matched.join(" AND "),
    ))
}
