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
    if tx.dialect() == Dialect::Postgres {
        advisory(tx, tables, mode).await?;
    }
    let rows = read(tx, tables, mode).await?;
    if rows.len() != tables.len() {
        return Err(DbError::unexpected());
    }
    rows.iter().map(locked_table).collect()
}

/// Advisory locks wait shorter than row locks and leave no dead row versions behind.
async fn advisory(tx: &mut Transaction, tables: &[(&str, i64)], mode: Mode) -> Result<(), DbError> {
    let sql = match mode {
        Mode::Shared => "SELECT COUNT(pg_advisory_xact_lock_shared(?))",
        Mode::Exclusive => "SELECT COUNT(pg_advisory_xact_lock(?))",
    };
    for (_, number) in tables {
        tx.query(sql, &[Bind::from(ADVISORY_CLASS | number)])
            .await?;
    }
    Ok(())
}

/// On MySQL this statement is the lock. On PostgreSQL it comes after the lock, in a statement of
/// its own: at READ COMMITTED a statement sees what was committed when it began, and the lock's
/// own statement began before the wait. On SQLite, BEGIN IMMEDIATE was the lock.
async fn read(
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
