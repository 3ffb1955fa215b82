//! Records that could not be applied, kept sealed. Owns `fieldseal_quarantine` and
//! `fieldseal_debts`; opening a record is the pipeline's.

use fieldseal_db::{Bind, DbError, Dialect, Row, Sql, Transaction};
use fieldseal_pipeline::{HeldRecord, SealedBatch};

use crate::checkpoint::sequence;
use crate::store::Store;

/// One held record with everything that is known of it but its contents.
pub struct HeldEntry {
    /// The record, still sealed.
    pub record: HeldRecord,
    /// The table, when the policy knows it.
    pub table: Option<String>,
    /// The operation, when it was read.
    pub operation: Option<String>,
    /// Why it is held.
    pub reason: String,
    /// The column at fault, when the policy knows it.
    pub column: Option<String>,
    /// The generation a load belongs to.
    pub generation: Option<i64>,
    /// Length of the record in bytes.
    pub size: i64,
}

const COLUMNS: &str = "id, shard, sequence, object_index, table_id, operation, reason, column_name, generation, size, payload";

/// Keeps the batch's refused records.
pub(crate) async fn insert(
    tx: &mut Transaction,
    store: &Store,
    batch: &SealedBatch,
) -> Result<(), DbError> {
    let columns = "shard, sequence, object_index, table_id, operation, reason, column_name, generation, size, payload";
    // A shard read again from an older checkpoint brings records that are held already.
    let sql = match tx.dialect() {
        Dialect::MySql => format!(
            "INSERT INTO fieldseal_quarantine ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?) ON DUPLICATE KEY UPDATE reason = VALUES(reason)"
        ),
        _ => format!(
            "INSERT INTO fieldseal_quarantine ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (shard, sequence, object_index) DO UPDATE SET reason = EXCLUDED.reason"
        ),
    };
    let sql = Sql::dynamic(sql);
    for entry in batch.quarantine() {
        let table = entry.table.map(|number| store.table_ids[number].as_str());
        tx.execute(
            &sql,
            &[
                Bind::from(batch.origin().shard()),
                Bind::from(entry.sequence.as_str()),
                Bind::from(entry.index),
                Bind::from(table),
                Bind::from(entry.operation.map(fieldseal_model::Operation::name)),
                Bind::from(entry.reason),
                Bind::from(entry.column.as_deref()),
                Bind::Int(entry.generation.map(|g| i64::from(g.0))),
                Bind::from(i64::try_from(entry.size).unwrap_or(i64::MAX)),
                Bind::from(entry.payload.as_slice()),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Removes a replayed record; answers whether it was still there.
pub(crate) async fn remove(tx: &mut Transaction, id: i64) -> Result<bool, DbError> {
    let removed = tx
        .execute(
            "DELETE FROM fieldseal_quarantine WHERE id = ?",
            &[Bind::from(id)],
        )
        .await?;
    Ok(removed == 1)
}

impl Store {
    /// Held records with numbers above `after`, at most `limit`, in the order they came.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn held(&self, after: i64, limit: u32) -> Result<Vec<HeldEntry>, DbError> {
        let sql = Sql::dynamic(format!(
            "SELECT {COLUMNS} FROM fieldseal_quarantine WHERE id > ? ORDER BY id LIMIT {limit}"
        ));
        self.database
            .query(sql, &[Bind::from(after)])
            .await?
            .iter()
            .map(entry)
            .collect()
    }

    /// One held record.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn held_one(&self, id: i64) -> Result<Option<HeldEntry>, DbError> {
        let sql = Sql::dynamic(format!(
            "SELECT {COLUMNS} FROM fieldseal_quarantine WHERE id = ?"
        ));
        self.database
            .query(sql, &[Bind::from(id)])
            .await?
            .first()
            .map(entry)
            .transpose()
    }

    /// Discards a held record for good and notes the debt it leaves: what it would have changed
    /// is now wrong in the target until a verification or a new generation of its table.
    /// Answers whether it was there.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn discard(&self, id: i64) -> Result<bool, DbError> {
        let mut tx = self.database.begin().await?;
        let noted = tx
            .execute(
                "INSERT INTO fieldseal_debts (table_id, reason, shard, sequence) SELECT table_id, reason, shard, sequence FROM fieldseal_quarantine WHERE id = ?",
                &[Bind::from(id)],
            )
            .await?;
        let removed = remove(&mut tx, id).await?;
        if noted == 1 && removed {
            tx.commit().await?;
            return Ok(true);
        }
        tx.rollback().await?;
        Ok(false)
    }
}

fn entry(row: &Row) -> Result<HeldEntry, DbError> {
    Ok(HeldEntry {
        record: HeldRecord {
            id: row.int(0)?,
            shard: row.text(1)?,
            sequence: sequence(&row.text(2)?)?,
            index: u32::try_from(row.int(3)?).map_err(|_| DbError::unexpected())?,
            payload: row.bytes(10)?,
        },
        table: row.opt_text(4)?,
        operation: row.opt_text(5)?,
        reason: row.text(6)?,
        column: row.opt_text(7)?,
        generation: row.opt_int(8)?,
        size: row.int(9)?,
    })
}
