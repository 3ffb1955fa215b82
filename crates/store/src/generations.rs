//! Generations and epochs: their marks, floors, completion and sweep (`docs/ORDERING.md`, points
//! 3 to 5). Owns `fieldseal_generations` and `fieldseal_epochs`; its modules own the steps, and
//! `fieldseal_marks`.

mod begin;
mod complete;
mod marks;
mod reach;
mod sweep;

use fieldseal_db::{Bind, DbError, Transaction};
use fieldseal_model::{Epoch, Generation, Position};
use fieldseal_pipeline::LoadStart;

use crate::checkpoint::position;
use crate::labels::narrow;
use crate::locks::{Mode, lock_tables};
use crate::store::Store;

pub use begin::Beginning;
pub use complete::{Completion, Gone, Seen};
pub use marks::{KnownShards, ShardMarks};
pub use sweep::SweepStep;

/// One generation, for lists.
#[derive(Clone, Debug)]
pub struct GenerationState {
    /// Its number.
    pub generation: Generation,
    /// Its table.
    pub table: String,
    /// Its epoch.
    pub epoch: Epoch,
    /// L.
    pub position: Position,
    /// `stopped` or `unbroken`.
    pub capture: String,
    /// When DMS was told to start.
    pub started: Option<String>,
    /// `open`, `complete` or `swept`.
    pub state: String,
}

impl Store {
    /// Every generation, oldest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn generations(&self) -> Result<Vec<GenerationState>, DbError> {
        let rows = self
            .database
            .query(
                "SELECT generation, table_id, epoch, position, capture, started, state FROM fieldseal_generations ORDER BY generation",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(GenerationState {
                    generation: Generation(narrow(row.int(0)?)?),
                    table: row.text(1)?,
                    epoch: Epoch(narrow(row.int(2)?)?),
                    position: position(&row.text(3)?)?,
                    capture: row.text(4)?,
                    started: row.opt_text(5)?,
                    state: row.text(6)?,
                })
            })
            .collect()
    }
}

/// Notes the stamp of the record that opened a generation's load; answers whether the load had
/// been opened before by another one. The same record twice has the same stamp.
pub(crate) async fn note_load_start(
    tx: &mut Transaction,
    start: &LoadStart,
) -> Result<bool, DbError> {
    let generation = Bind::from(start.generation.0);
    tx.execute(
        "UPDATE fieldseal_generations SET load_stamp = ? WHERE generation = ? AND load_stamp IS NULL",
        &[Bind::from(&start.stamp), generation],
    )
    .await?;
    let rows = tx
        .query(
            "SELECT load_stamp FROM fieldseal_generations WHERE generation = ?",
            &[generation],
        )
        .await?;
    let noted = rows.first().ok_or(DbError::unexpected())?.opt_text(0)?;
    Ok(noted.as_deref() != Some(start.stamp.as_str()))
}

/// Locks these tables exclusively, in id order; the inner error names one that is not registered.
async fn lock_registered(
    tx: &mut Transaction,
    tables: &[String],
) -> Result<Result<Vec<String>, String>, DbError> {
    let mut ids = tables.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut numbered = Vec::with_capacity(ids.len());
    for id in &ids {
        let rows = tx
            .query(
                "SELECT number FROM fieldseal_tables WHERE table_id = ?",
                &[Bind::from(id)],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(Err(id.clone()));
        };
        numbered.push((id.as_str(), row.int(0)?));
    }
    lock_tables(tx, &numbered, Mode::Exclusive).await?;
    Ok(Ok(ids))
}

/// Batches planned before this are planned again.
async fn bump(tx: &mut Transaction, table: &str) -> Result<(), DbError> {
    tx.execute(
        "UPDATE fieldseal_tables SET revision = revision + 1 WHERE table_id = ?",
        &[Bind::from(table)],
    )
    .await?;
    Ok(())
}
