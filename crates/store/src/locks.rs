//! The table locks every transaction takes before it reads anything (`docs/ORDERING.md`,
//! point 6). Owns their order, their mode, and reading floors and revisions under them.

use fieldseal_db::{Bind, DbError, Dialect, Row, Sql, Transaction};
use fieldseal_model::RowVersion;

use crate::table::marks;

/// What a locked table's row says.
pub(crate) struct LockedTable {
    pub(crate) table_id: String,
    pub(crate) floor: RowVersion,
    pub(crate) revision: i64,
}

/// In which mode the tables of a transaction are locked: once, never upgraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Other batches that only write rows may run beside it.
    Shared,
    /// Nothing else touches these tables.
    Exclusive,
}

/// PostgreSQL's advisory keys: the upper half says whose they are.
const ADVISORY_CLASS: i64 = 0x4653 << 32;

/// Locks `tables` (id and number, in table-id order) and reads them.
///
/// A missing row is an error: without it there would be no lock.
pub(crate) async fn lock_tables(
    tx: &mut Transaction,
    tables: &[(&str, i64)],
    mode: Mode,
) -> Result<Vec<LockedTable>, DbError> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    debug_assert!(
        tables.is_sorted_by(|a, b| a.0 < b.0),
        "locks are taken in one order"
    );
    let rows = if tx.dialect() == Dialect::Postgres {
        locked_by_number(tx, tables, mode).await?
    } else {
        locked_by_row(tx, tables, mode).await?
    };
    if rows.len() != tables.len() {
        return Err(DbError::unexpected());
    }
    rows.iter().map(locked_table).collect()
}

/// PostgreSQL: advisory locks wait shorter than row locks and leave no dead row versions behind.
/// They are sent together with the statement that reads: every round trip of a transaction is a
/// wait of its own. The read is a statement behind them, since at READ COMMITTED a statement sees
/// what was committed when it began, and a lock's own statement began before its wait.
async fn locked_by_number(
    tx: &mut Transaction,
    tables: &[(&str, i64)],
    mode: Mode,
) -> Result<Vec<Row>, DbError> {
    let mut statements = advisory(tables, mode);
    statements.push(read(tables));
    let mut rows = tx.query_together(&statements).await?;
    // One row for each lock, then what was read.
    rows.drain(..rows.len().min(tables.len()));
    Ok(rows)
}

fn advisory(tables: &[(&str, i64)], mode: Mode) -> Vec<Sql> {
    let lock = match mode {
        Mode::Shared => "pg_advisory_xact_lock_shared",
        Mode::Exclusive => "pg_advisory_xact_lock",
    };
    let of = |(_, number): &(&str, i64)| {
        Sql::dynamic(format!("SELECT COUNT({lock}({}))", ADVISORY_CLASS | number))
    };
    tables.iter().map(of).collect()
}

fn read(tables: &[(&str, i64)]) -> Sql {
    let numbers: Vec<String> = tables
        .iter()
        .map(|(_, number)| number.to_string())
        .collect();
    Sql::dynamic(format!(
        "SELECT table_id, floor, revision FROM fieldseal_tables WHERE number IN ({}) ORDER BY table_id",
        numbers.join(",")
    ))
}

/// On MySQL the statement that reads is the lock. On SQLite, BEGIN IMMEDIATE was the lock.
async fn locked_by_row(
    tx: &mut Transaction,
    tables: &[(&str, i64)],
    mode: Mode,
) -> Result<Vec<Row>, DbError> {
    let suffix = match (tx.dialect(), mode) {
        // `FOR SHARE` is a syntax error on MariaDB 10.11.
        (Dialect::MySql, Mode::Shared) => " LOCK IN SHARE MODE",
        (Dialect::MySql, Mode::Exclusive) => " FOR UPDATE",
        _ => "",
    };
    let sql = Sql::dynamic(format!(
        "SELECT table_id, floor, revision FROM fieldseal_tables WHERE table_id IN ({}) ORDER BY table_id{suffix}",
        marks(tables.len())
    ));
    let binds: Vec<Bind<'_>> = tables.iter().map(|(id, _)| Bind::from(*id)).collect();
    tx.query(sql, &binds).await
}

fn locked_table(row: &Row) -> Result<LockedTable, DbError> {
    Ok(LockedTable {
        table_id: row.text(0)?,
        floor: version(&row.bytes(1)?)?,
        revision: row.int(2)?,
    })
}

/// Sixteen stored bytes to a version.
pub(crate) fn version(bytes: &[u8]) -> Result<RowVersion, DbError> {
    bytes
        .try_into()
        .map(RowVersion::from_bytes)
        .map_err(|_| DbError::unexpected())
}
