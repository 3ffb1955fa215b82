//! How far each shard is applied: its checkpoint and the highest position seen in it, and whether
//! that position is of the present epoch. Reads `fieldseal_shards`, which `checkpoint` writes.

use fieldseal_db::{Bind, DbError, Transaction};
use fieldseal_model::{Position, SequenceNumber};

use crate::checkpoint::{position, sequence};
use crate::store::Store;

impl Store {
    /// Puts an epoch's marks to where each shard is applied to: a shard stopped before the first
    /// position that fell back, and one that was never read begins with the new lineage. So does
    /// what is left of a shard that was closed meanwhile.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn move_to_checkpoints(
        &self,
        marks: &mut [(String, Option<SequenceNumber>)],
    ) -> Result<(), DbError> {
        let checkpoints = self.checkpoints().await?;
        for (shard, mark) in marks {
            let applied = checkpoints.iter().find(|(name, _)| name == shard);
            let place = applied.map_or_else(SequenceNumber::start, |(_, place)| place.clone());
            *mark = Some(place);
        }
        Ok(())
    }

    /// Where every shard is applied to.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn checkpoints(&self) -> Result<Vec<(String, SequenceNumber)>, DbError> {
        let rows = self
            .database
            .query("SELECT shard, sequence FROM fieldseal_shards", &[])
            .await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, sequence(&row.text(1)?)?)))
            .collect()
    }

    /// The highest source position that was applied in the present epoch, and its shard.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn highest_position(&self) -> Result<Option<(String, Position)>, DbError> {
        let mut tx = self.database.begin().await?;
        let mut highest: Option<(String, Position)> = None;
        for reach in reached(&mut tx).await? {
            if let Some(high) = reach.high
                && highest.as_ref().is_none_or(|(_, found)| high > *found)
                && in_present_epoch(&mut tx, &reach.shard, &reach.checkpoint).await?
            {
                highest = Some((reach.shard, high));
            }
        }
        tx.rollback().await?;
        Ok(highest)
    }
}

/// How far a shard is applied.
pub(super) struct Reach {
    pub(super) shard: String,
    pub(super) checkpoint: SequenceNumber,
    pub(super) high: Option<Position>,
}

pub(super) async fn reached(tx: &mut Transaction) -> Result<Vec<Reach>, DbError> {
    let sql = "SELECT shard, sequence, high FROM fieldseal_shards";
    let rows = tx.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Reach {
                shard: row.text(0)?,
                checkpoint: sequence(&row.text(1)?)?,
                high: row.opt_text(2)?.map(|text| position(&text)).transpose()?,
            })
        })
        .collect()
}

/// Whether the shard was read into the present epoch: positions of an earlier one say nothing.
pub(super) async fn in_present_epoch(
    tx: &mut Transaction,
    shard: &str,
    checkpoint: &SequenceNumber,
) -> Result<bool, DbError> {
    let marks = tx
        .query(
            "SELECT sequence FROM fieldseal_marks WHERE kind = 'epoch' AND shard = ? AND number = (SELECT MAX(epoch) FROM fieldseal_epochs)",
            &[Bind::from(shard)],
        )
        .await?;
    // A shard without a mark inherits from its start; one that was closed never gets there.
    let Some(mark) = marks.first() else {
        return Ok(true);
    };
    let mark = mark.opt_text(0)?.map(|text| sequence(&text)).transpose()?;
    Ok(mark.is_some_and(|mark| *checkpoint > mark))
}
