//! Clearing away what a completed generation left below the floor: rows that were deleted at the
//! source while nobody captured it, and tombstones that no record can reach any more.

use fieldseal_db::{Bind, DbError, Dialect, Sql, Transaction};
use fieldseal_model::RowVersion;

use super::lock_registered;
use crate::locks::version;
use crate::store::Store;
use crate::table::{TargetTable, version_column};

/// What one step of a sweep did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepStep {
    /// Rows deleted.
    pub rows: u64,
    /// Tombstones deleted.
    pub tombstones: u64,
    /// Whether nothing is left below the floor.
    pub done: bool,
}

impl Store {
    /// Deletes up to `limit` rows, then tombstones, that lie below the table's floor, in one
    /// transaction under the table's lock. The store must have been described.
    ///
    /// # Errors
    /// [`DbError`]; nothing was deleted.
    pub async fn sweep_step(&self, table: &str, limit: u32) -> Result<SweepStep, DbError> {
        let tables = self.tables().map_err(|_| DbError::unexpected())?;
        let target = tables
            .iter()
            .find(|target| target.layout.table.as_str() == table)
            .ok_or(DbError::unexpected())?;
        let mut tx = self.database.begin().await?;
        if lock_registered(&mut tx, &[table.to_owned()])
            .await?
            .is_err()
        {
            tx.rollback().await?;
            return Err(DbError::unexpected());
        }
        let floor = floor(&mut tx, table).await?;
        let rows = delete_rows(&mut tx, target, floor, limit).await?;
        let tombstones = if rows < u64::from(limit) {
            delete_tombstones(&mut tx, target, floor, limit).await?
        } else {
            0
        };
        let done = rows < u64::from(limit) && tombstones < u64::from(limit);
        if done {
            tx.execute(
                "UPDATE fieldseal_generations SET state = 'swept' WHERE table_id = ? AND state = 'complete'",
                &[Bind::from(table)],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(SweepStep {
            rows,
            tombstones,
            done,
        })
    }
}

async fn floor(tx: &mut Transaction, table: &str) -> Result<RowVersion, DbError> {
    let rows = tx
        .query(
            "SELECT floor FROM fieldseal_tables WHERE table_id = ?",
            &[Bind::from(table)],
        )
        .await?;
    version(&rows.first().ok_or(DbError::unexpected())?.bytes(0)?)
}

/// The version test stands in the outermost WHERE: in a sub-select alone, PostgreSQL deleted a
/// row that had been refreshed in between.
async fn delete_rows(
    tx: &mut Transaction,
    table: &TargetTable,
    floor: RowVersion,
    limit: u32,
) -> Result<u64, DbError> {
    let dialect = tx.dialect();
    let (name, version) = (table.name(dialect), version_column(dialect));
    let below = Bind::from(floor.as_bytes());
    let keys = table.quoted_keys(dialect).join(", ");
    match dialect {
        Dialect::MySql => {
            let sql = format!("DELETE FROM {name} WHERE {version} < ? LIMIT {limit}");
            tx.execute(Sql::dynamic(sql), &[below]).await
        }
        Dialect::Postgres | Dialect::Sqlite => {
            let sql = format!(
                "DELETE FROM {name} WHERE {version} < ? AND ({keys}) IN (SELECT {keys} FROM {name} WHERE {version} < ? LIMIT {limit})"
            );
            tx.execute(Sql::dynamic(sql), &[below, below]).await
        }
    }
}

async fn delete_tombstones(
    tx: &mut Transaction,
    table: &TargetTable,
    floor: RowVersion,
    limit: u32,
) -> Result<u64, DbError> {
    let (number, below) = (Bind::from(table.number), Bind::from(floor.as_bytes()));
    if tx.dialect() == Dialect::MySql {
        let sql = format!(
            "DELETE FROM fieldseal_tombstones WHERE table_number = ? AND version < ? LIMIT {limit}"
        );
        return tx.execute(Sql::dynamic(sql), &[number, below]).await;
    }
    let sql = format!(
        "DELETE FROM fieldseal_tombstones WHERE table_number = ? AND version < ? AND digest IN \
         (SELECT digest FROM fieldseal_tombstones WHERE table_number = ? AND version < ? LIMIT {limit})"
    );
    tx.execute(Sql::dynamic(sql), &[number, below, number, below])
        .await
}
