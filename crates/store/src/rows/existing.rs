//! The stored versions of a batch's rows, read under the table's lock. Owns matching a server's
//! answer to the batch's keys.

use fieldseal_db::{Bind, DbError, Dialect, Row, Sql, Transaction, quote};
use fieldseal_model::RowVersion;
use fieldseal_pipeline::{Bound, SealedRow, TargetType};

use super::{bind, by_key};
use crate::locks::version;
use crate::sizes::{padded, step};
use crate::table::{TargetTable, marks, version_column};

/// Keys of one statement.
const CHUNK: usize = 1_024;

/// Parameters of one statement: SQLite takes 32,766, the servers 65,535.
const MAX_PARAMETERS: usize = 30_000;

/// What a packet of MySQL's has before its parameters, and at most around each of them.
const HEAD: usize = 16;
const AROUND: usize = 12;

/// Rows from which on a question before the question pays.
const WORTH_ASKING: usize = 32;

/// For each row, the version that is stored under its key, if there is such a row.
pub(super) async fn versions(
    tx: &mut Transaction,
    table: &TargetTable,
    rows: &[&SealedRow],
) -> Result<Vec<Option<RowVersion>>, DbError> {
    let mut stored = vec![None; rows.len()];
    if nothing_near(tx, table, rows).await? {
        return Ok(stored);
    }
    let mut start = 0;
    for chunk in chunks(tx, table, rows) {
        let known = by_key(
            chunk
                .iter()
                .enumerate()
                .map(|(number, row)| (start + number, key_text(table, row))),
        );
        let binds: Vec<Bind<'_>> = padded(chunk)
            .flat_map(|row| row.key_columns())
            .map(bind)
            .collect();
        for row in tx
            .query(
                select(tx.dialect(), table, chunk.len().next_power_of_two()),
                &binds,
            )
            .await?
        {
            let key = answered_key(table, &row)?;
            let number = *known.get(&key).ok_or(DbError::unexpected())?;
            stored[number] = Some(version(&row.bytes(table.layout.keys)?)?);
        }
        start += chunk.len();
    }
    Ok(stored)
}

/// The rows in lots whose keys, filled up to a power of two, one statement takes.
fn chunks<'a, 'r>(
    tx: &Transaction,
    table: &TargetTable,
    rows: &'a [&'r SealedRow],
) -> impl Iterator<Item = &'a [&'r SealedRow]> + use<'a, 'r> {
    let most = step(CHUNK, MAX_PARAMETERS / table.layout.keys);
    let bytes = tx.max_packet().saturating_sub(HEAD);
    let mut rest = rows;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (first, behind) = rest.split_at(fitting(rest, most, bytes));
        rest = behind;
        Some(first)
    })
}

/// How many of the first rows fit into one statement; at least one.
fn fitting(rows: &[&SealedRow], most: usize, bytes: usize) -> usize {
    let rows = &rows[..rows.len().min(most)];
    if padded(rows).map(|row| key_bytes(row)).sum::<usize>() < bytes {
        return rows.len();
    }
    let mut left = bytes;
    let fit = rows.iter().take_while(|row| {
        let fits = key_bytes(row) < left;
        left = left.saturating_sub(key_bytes(row));
        fits
    });
    // A power of two, so that nothing is added.
    step(fit.count(), most)
}

/// What a key takes of a packet, at most.
fn key_bytes(row: &SealedRow) -> usize {
    let columns = row.key_columns().iter();
    let columns = columns.map(|bound| match bound {
        Bound::Text(text) => AROUND + text.len(),
        Bound::Bytes(bytes) => AROUND + bytes.len(),
        Bound::Null | Bound::Int(_) | Bound::Unsigned(_) => AROUND + 8,
    });
    columns.sum()
}

/// Whether no row is stored between the least and the greatest key: one look-up in place of
/// hundreds, and often true, since loads come in the order of their keys and new rows have the
/// highest. Only for integers, which every server orders as we do.
async fn nothing_near(
    tx: &mut Transaction,
    table: &TargetTable,
    rows: &[&SealedRow],
) -> Result<bool, DbError> {
    let [key] = &table.quoted_keys(tx.dialect())[..] else {
        return Ok(false);
    };
    let numbers = rows.iter().map(|row| match row.key_columns() {
        [Bound::Int(number)] => Some(*number),
        _ => None,
    });
    let numbers: Option<Vec<i64>> = numbers.collect();
    let Some(numbers) = numbers.filter(|numbers| numbers.len() >= WORTH_ASKING) else {
        return Ok(false);
    };
    let bounds = numbers.iter().min().zip(numbers.iter().max());
    let (least, greatest) = bounds.ok_or(DbError::unexpected())?;
    let name = table.name(tx.dialect());
    let sql = format!("SELECT {key} FROM {name} WHERE {key} BETWEEN ? AND ? LIMIT 1");
    let binds = [Bind::from(*least), Bind::from(*greatest)];
    let near = tx.query(Sql::dynamic(sql), &binds).await?;
    Ok(near.is_empty())
}

fn select(dialect: Dialect, table: &TargetTable, rows: usize) -> Sql {
    let keys = table.quoted_keys(dialect);
    let shown: Vec<String> = keys
        .iter()
        .zip(&table.columns)
        .map(|(key, column)| shown(dialect, key, &column.ty))
        .collect();
    let version = version_column(dialect);
    let name = table.name(dialect);
    let wanted = if let [key] = keys.as_slice() {
        let parameter = parameter(dialect, table, 0);
        format!("{key} IN ({})", vec![parameter; rows].join(","))
    } else {
        let one: Vec<String> = (0..keys.len())
            .map(|number| parameter(dialect, table, number))
            .collect();
        let tuple = format!("({})", one.join(","));
        let list = vec![tuple; rows].join(",");
        // SQLite takes a list of tuples only as VALUES.
        let list = if dialect == Dialect::Sqlite {
            format!("VALUES {list}")
        } else {
            list
        };
        format!("({}) IN ({list})", keys.join(","))
    };
    Sql::dynamic(format!(
        "SELECT {}, {version} FROM {name} WHERE {wanted}",
        shown.join(",")
    ))
}

/// PostgreSQL compares only what has one type; the others convert a parameter to the column's.
fn parameter(dialect: Dialect, table: &TargetTable, number: usize) -> String {
    match dialect {
        Dialect::Postgres => format!("CAST(? AS {})", table.casts[number]),
        _ => marks(1),
    }
}

/// A key column as text or bytes, so that any type can be matched.
fn shown(dialect: Dialect, key: &str, ty: &TargetType) -> String {
    match (ty, dialect) {
        (TargetType::Bytes { .. }, _) => key.to_owned(),
        (_, Dialect::MySql) => format!("CAST({key} AS CHAR)"),
        (_, _) => format!("CAST({key} AS TEXT)"),
    }
}

/// The batch's side of the match: each key column's text with its length before it.
fn key_text(table: &TargetTable, row: &SealedRow) -> Vec<u8> {
    let mut out = Vec::new();
    for (bound, column) in row.key_columns().iter().zip(&table.columns) {
        match bound {
            Bound::Null => push(&mut out, &[]),
            Bound::Int(number) => push(&mut out, number.to_string().as_bytes()),
            Bound::Unsigned(number) => push(&mut out, number.to_string().as_bytes()),
            Bound::Text(text) => push(&mut out, normal(text, &column.ty).as_bytes()),
            Bound::Bytes(bytes) => push(&mut out, bytes),
        }
    }
    out
}

/// The server's side of the match.
fn answered_key(table: &TargetTable, row: &Row) -> Result<Vec<u8>, DbError> {
    let mut out = Vec::new();
    for (number, column) in table.columns[..table.layout.keys].iter().enumerate() {
        match column.ty {
            TargetType::Bytes { .. } => push(&mut out, &row.bytes(number)?),
            _ => push(&mut out, normal(&row.text(number)?, &column.ty).as_bytes()),
        }
    }
    Ok(out)
}

/// Servers print a column's full scale: `12.50`, `…:04.000000`, `…+00`.
fn normal<'a>(text: &'a str, ty: &TargetType) -> &'a str {
    if matches!(ty, TargetType::Integer { .. }) {
        return without_zero_fill(text);
    }
    let numeric = matches!(
        ty,
        TargetType::Decimal { .. } | TargetType::DateTime { .. } | TargetType::Timestamp { .. }
    );
    if !numeric {
        return text;
    }
    let text = text.trim_end_matches('Z').trim_end_matches("+00");
    let text = match ty {
        TargetType::Decimal { .. } => without_zero_fill(text),
        _ => text,
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// MySQL prints a ZEROFILL column at its full width; such a column has no negative numbers.
fn without_zero_fill(text: &str) -> &str {
    let bare = text.trim_start_matches('0');
    if bare.len() < text.len() && !bare.starts_with(|first: char| first.is_ascii_digit()) {
        // The zero before the point, or the only digit.
        return &text[text.len() - bare.len() - 1..];
    }
    bare
}

fn push(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u64).to_be_bytes());
    out.extend_from_slice(part);
}

/// The condition that names one row by key: `k1 = ? AND k2 = ?`.
pub(super) fn key_condition(dialect: Dialect, table: &TargetTable) -> String {
    table.layout.columns[..table.layout.keys]
        .iter()
        .enumerate()
        .map(|(number, (name, _))| {
            format!(
                "{} = {}",
                quote(dialect, name),
                parameter(dialect, table, number)
            )
        })
        .collect::<Vec<_>>()
        .join(" AND ")
}
