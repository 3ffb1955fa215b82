//! Completing a generation: what must be true first, and raising the floor.

use fieldseal_db::{Bind, DbError, Transaction};
use fieldseal_model::{Epoch, Generation, Position, RowVersion, SequenceNumber};

use super::{ShardMarks, bump, lock_registered, write_marks};
use crate::checkpoint::{position, sequence};
use crate::labels::narrow;
use crate::locks::version;
use crate::store::Store;

/// What completing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The floor is raised; rows below it wait for the sweep.
    Complete(Generation),
    /// Not yet, for each of these reasons.
    NotYet(Vec<String>),
}

impl Store {
    /// Completes the newest generation of `table`: every shard is applied to the end given in
    /// `ends`, nothing of the generation is held, and the table is not tainted. One transaction
    /// raises the floor, notes where the generation ends, and clears the debts it has paid.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed.
    pub async fn complete_generation(
        &self,
        table: &str,
        ends: &ShardMarks,
    ) -> Result<Completion, DbError> {
        let mut tx = self.database.begin().await?;
        if lock_registered(&mut tx, &[table.to_owned()])
            .await?
            .is_err()
        {
            tx.rollback().await?;
            return Ok(Completion::NotYet(vec![format!(
                "table {table} is not registered"
            )]));
        }
        let Some(open) = newest_open(&mut tx, table).await? else {
            tx.rollback().await?;
            return Ok(Completion::NotYet(vec![format!(
                "table {table} has no open generation"
            )]));
        };
        let reasons = reasons(&mut tx, table, &open, ends).await?;
        if !reasons.is_empty() {
            tx.rollback().await?;
            return Ok(Completion::NotYet(reasons));
        }
        raise_floor(&mut tx, table, &open).await?;
        close(&mut tx, table, &open, ends).await?;
        clear_debts(&mut tx, table, &open).await?;
        bump(&mut tx, table).await?;
        tx.commit().await?;
        Ok(Completion::Complete(Generation(narrow(open.number)?)))
    }
}

struct Open {
    number: i64,
    epoch: Epoch,
    position: Position,
}

async fn newest_open(tx: &mut Transaction, table: &str) -> Result<Option<Open>, DbError> {
    let rows = tx
        .query(
            "SELECT generation, epoch, position FROM fieldseal_generations WHERE table_id = ? AND state = 'open' ORDER BY generation DESC",
            &[Bind::from(table)],
        )
        .await?;
    rows.first()
        .map(|row| {
            Ok(Open {
                number: row.int(0)?,
                epoch: Epoch(narrow(row.int(1)?)?),
                position: position(&row.text(2)?)?,
            })
        })
        .transpose()
}

async fn reasons(
    tx: &mut Transaction,
    table: &str,
    open: &Open,
    ends: &ShardMarks,
) -> Result<Vec<String>, DbError> {
    let mut reasons = Vec::new();
    let rows = tx
        .query(
            "SELECT taint FROM fieldseal_tables WHERE table_id = ?",
            &[Bind::from(table)],
        )
        .await?;
    if let Some(taint) = rows.first().ok_or(DbError::unexpected())?.opt_text(0)? {
        reasons.push(format!(
            "the table is tainted ({taint}); begin a new generation"
        ));
    }
    for (shard, end) in ends {
        let rows = tx
            .query(
                "SELECT sequence, closed FROM fieldseal_shards WHERE shard = ?",
                &[Bind::from(shard)],
            )
            .await?;
        let done = match (rows.first(), end) {
            (Some(row), Some(end)) => sequence(&row.text(0)?)? >= *end,
            (Some(row), None) => row.int(1)? != 0,
            (None, Some(end)) => *end == SequenceNumber::start(),
            (None, None) => false,
        };
        if !done {
            reasons.push(format!("shard {shard} is not applied to its end yet"));
        }
    }
    // A record that could not be read may be a load of this table.
    let rows = tx
        .query(
            "SELECT COUNT(*) FROM fieldseal_quarantine WHERE generation = ? OR table_id IS NULL OR (table_id = ? AND operation IS NULL)",
            &[Bind::from(open.number), Bind::from(table)],
        )
        .await?;
    let held = rows.first().ok_or(DbError::unexpected())?.int(0)?;
    if held > 0 {
        reasons.push(format!(
            "{held} records that are, or may be, of this load are held; see `fieldseal quarantine list`"
        ));
    }
    Ok(reasons)
}

/// The floor never falls.
async fn raise_floor(tx: &mut Transaction, table: &str, open: &Open) -> Result<(), DbError> {
    let rows = tx
        .query(
            "SELECT floor FROM fieldseal_tables WHERE table_id = ?",
            &[Bind::from(table)],
        )
        .await?;
    let floor = version(&rows.first().ok_or(DbError::unexpected())?.bytes(0)?)?;
    let raised = floor.max(RowVersion::of_load(open.epoch, open.position));
    tx.execute(
        "UPDATE fieldseal_tables SET floor = ? WHERE table_id = ?",
        &[Bind::from(raised.as_bytes()), Bind::from(table)],
    )
    .await?;
    Ok(())
}

/// Earlier generations that were never completed end with this one.
async fn close(
    tx: &mut Transaction,
    table: &str,
    open: &Open,
    ends: &ShardMarks,
) -> Result<(), DbError> {
    let rows = tx
        .query(
            "SELECT generation FROM fieldseal_generations WHERE table_id = ? AND state = 'open' AND generation <= ?",
            &[Bind::from(table), Bind::from(open.number)],
        )
        .await?;
    for row in &rows {
        write_marks(tx, "end", row.int(0)?, ends).await?;
    }
    tx.execute(
        "UPDATE fieldseal_generations SET state = 'complete' WHERE table_id = ? AND state = 'open' AND generation <= ?",
        &[Bind::from(table), Bind::from(open.number)],
    )
    .await?;
    Ok(())
}

/// A discarded record that stands before the generation's beginning is made good by the load; one
/// behind it is not, nor is one of no known table.
async fn clear_debts(tx: &mut Transaction, table: &str, open: &Open) -> Result<(), DbError> {
    let debts = tx
        .query(
            "SELECT id, shard, sequence FROM fieldseal_debts WHERE table_id = ?",
            &[Bind::from(table)],
        )
        .await?;
    for debt in &debts {
        let marks = tx
            .query(
                "SELECT sequence FROM fieldseal_marks WHERE kind = 'begin' AND number = ? AND shard = ?",
                &[Bind::from(open.number), Bind::from(&debt.text(1)?)],
            )
            .await?;
        let paid = match marks.first().map(|row| row.opt_text(0)).transpose()? {
            Some(Some(mark)) => sequence(&debt.text(2)?)? <= sequence(&mark)?,
            Some(None) => true,
            None => false,
        };
        if paid {
            tx.execute(
                "DELETE FROM fieldseal_debts WHERE id = ?",
                &[Bind::from(debt.int(0)?)],
            )
            .await?;
        }
    }
    Ok(())
}
