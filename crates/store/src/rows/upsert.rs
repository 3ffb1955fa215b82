//! Writing rows on SQLite and MySQL: multi-row inserts whose conflict clause holds the guard.
//! Owns the statements.

use fieldseal_db::{Bind, DbError, Dialect, Encoded, Sql};
use fieldseal_pipeline::{RowChange, SealedRow};

use super::bind;
use crate::ready::Statement;
use crate::sizes::step;
use crate::table::{TargetTable, marks, version_column};

/// Parameters of one statement: SQLite takes 32,766, MySQL 65,535.
const MAX_PARAMETERS: usize = 30_000;

/// Rows of one statement, and about how many bytes; fewer where the server's packets are smaller.
const MAX_ROWS: usize = 512;
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// What a packet has before its parameters, and at most around each of them.
const HEAD: usize = 16;
const AROUND: usize = 12;

/// The statements that write rows, each whole, unless a newer version is stored meanwhile.
pub(super) fn statements(
    dialect: Dialect,
    max_packet: usize,
    table: &TargetTable,
    rows: &[&SealedRow],
) -> Result<Vec<Statement>, DbError> {
    let bytes = MAX_BYTES.min(max_packet.saturating_sub(HEAD));
    let width = table.layout.columns.len() + 1;
    let most = (MAX_PARAMETERS / width).clamp(1, MAX_ROWS);
    let mut statements = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(step(fitting(rest, most, bytes), most));
        rest = behind;
        let versions: Vec<_> = chunk.iter().map(|row| row.version()).collect();
        let mut binds: Vec<Bind<'_>> = Vec::with_capacity(chunk.len() * width);
        for (row, version) in chunk.iter().zip(&versions) {
            let RowChange::Upsert(values) = row.change() else {
                return Err(DbError::unexpected());
            };
            binds.extend(row.key_columns().iter().chain(values).map(bind));
            binds.push(Bind::from(version.as_bytes()));
        }
        statements.push(Statement {
            sql: text(dialect, table, chunk.len()),
            parameters: Encoded::new(dialect, &binds)?,
        });
    }
    Ok(statements)
}

/// How many of the first rows fit into one statement; at least one.
fn fitting(rows: &[&SealedRow], most: usize, max_bytes: usize) -> usize {
    let mut bytes = 0;
    for (count, row) in rows.iter().take(most).enumerate() {
        bytes += row_bytes(row);
        if bytes > max_bytes && count > 0 {
            return count;
        }
    }
    rows.len().min(most)
}

fn row_bytes(row: &SealedRow) -> usize {
    use fieldseal_pipeline::Bound;
    let RowChange::Upsert(values) = row.change() else {
        return 0;
    };
    let version = AROUND + row.version().as_bytes().len();
    let values = row.key_columns().iter().chain(values);
    let values = values.map(|bound| match bound {
        Bound::Text(text) => AROUND + text.len(),
        Bound::Bytes(bytes) => AROUND + bytes.len(),
        Bound::Null | Bound::Int(_) | Bound::Unsigned(_) => AROUND + 8,
    });
    version + values.sum::<usize>()
}

fn text(dialect: Dialect, table: &TargetTable, rows: usize) -> Sql {
    let name = table.name(dialect);
    let version = version_column(dialect);
    let columns = table.quoted_columns(dialect);
    let tuple = format!("({})", marks(columns.len() + 1));
    let values = vec![tuple; rows].join(",");
    let written = &columns[table.layout.keys..];
    let guard = match dialect {
        Dialect::MySql => mysql_guard(written, &version),
        _ => {
            let mut set: Vec<String> = written
                .iter()
                .map(|c| format!("{c} = EXCLUDED.{c}"))
                .collect();
            set.push(format!("{version} = EXCLUDED.{version}"));
            format!(
                "ON CONFLICT ({}) DO UPDATE SET {} WHERE {name}.{version} < EXCLUDED.{version}",
                table.quoted_keys(dialect).join(","),
                set.join(", ")
            )
        }
    };
    Sql::dynamic(format!(
        "INSERT INTO {name} ({},{version}) VALUES {values} {guard}",
        columns.join(",")
    ))
}

/// MySQL has no WHERE here: each assignment carries the guard, and since a later assignment sees
/// what an earlier one assigned, the version comes last.
fn mysql_guard(written: &[String], version: &str) -> String {
    let newer = format!("{version} < VALUES({version})");
    let mut set: Vec<String> = written
        .iter()
        .map(|c| format!("{c} = IF({newer}, VALUES({c}), {c})"))
        .collect();
    set.push(format!(
        "{version} = IF({newer}, VALUES({version}), {version})"
    ));
    format!("ON DUPLICATE KEY UPDATE {}", set.join(", "))
}
