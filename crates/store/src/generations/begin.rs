//! Beginning a generation or an epoch: under which locks, what refuses it, and what it writes.

use fieldseal_db::{Bind, DbError, Transaction};
use fieldseal_model::{Epoch, Generation, Position, SequenceNumber};
use fieldseal_pipeline::Capture;

use super::marks::{KnownShards, ShardMarks, write_marks};
use super::reach::{Reach, in_present_epoch, reached};
use super::{bump, lock_registered};
use crate::checkpoint::position;
use crate::labels::narrow;
use crate::store::Store;

/// Why a beginning was refused, or what it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning<T> {
    /// It is begun.
    Begun(T),
    /// A shard was read beyond its mark: records behind the mark already have the old label.
    ReadBeyondMark {
        /// The shard.
        shard: String,
    },
    /// A change at or beyond the position was applied already: the task had not stopped, or the
    /// position is another server's.
    PositionPassed {
        /// The shard.
        shard: String,
        /// The highest position seen in it.
        high: Position,
    },
    /// The table has a generation of this epoch that began at the position or behind it: two
    /// loads of one position could not be told apart.
    PositionNotNew {
        /// The table's id.
        table: String,
        /// Where the earlier generation began.
        earlier: Position,
    },
    /// A table that is not registered; run `migrate`.
    UnknownTable {
        /// The table's id.
        table: String,
    },
}

impl Store {
    /// Begins a generation for each of `tables`: under their locks, one mark per shard, and a
    /// taint of an earlier load is cleared, since this one replaces it.
    ///
    /// # Errors
    /// [`DbError`]; nothing has begun.
    pub async fn begin_generations(
        &self,
        tables: &[String],
        at: Position,
        capture: Capture,
        started: &str,
        known: &KnownShards,
        marks: &ShardMarks,
    ) -> Result<Beginning<Vec<Generation>>, DbError> {
        let marks = &known.with_gone(marks);
        let mut tx = self.database.begin().await?;
        let locked = match lock_registered(&mut tx, tables).await? {
            Ok(locked) => locked,
            Err(table) => return refuse(tx, Beginning::UnknownTable { table }).await,
        };
        if let Some(refusal) = passed(&mut tx, marks, Some((at, capture))).await? {
            return refuse(tx, refusal).await;
        }
        let epoch = latest(&mut tx, "SELECT MAX(epoch) FROM fieldseal_epochs").await?;
        if let Some(refusal) = not_new(&mut tx, &locked, epoch, at).await? {
            return refuse(tx, refusal).await;
        }
        let mut next = latest(
            &mut tx,
            "SELECT COALESCE(MAX(generation), 0) FROM fieldseal_generations",
        )
        .await?;
        let mut begun = Vec::with_capacity(locked.len());
        for table in &locked {
            next += 1;
            insert_generation(&mut tx, next, table, epoch, at, capture, started).await?;
            write_marks(&mut tx, "begin", next, marks).await?;
            begun.push(Generation(narrow(next)?));
        }
        tx.commit().await?;
        Ok(Beginning::Begun(begun))
    }

    /// Begins a new epoch: under every table's lock, one mark per shard. The caller has made
    /// every sealing key open-only before.
    ///
    /// # Errors
    /// [`DbError`]; nothing has begun.
    pub async fn begin_epoch(
        &self,
        known: &KnownShards,
        marks: &ShardMarks,
    ) -> Result<Beginning<Epoch>, DbError> {
        let marks = &known.with_gone(marks);
        let mut tx = self.database.begin().await?;
        let locked = match lock_registered(&mut tx, &self.table_ids).await? {
            Ok(locked) => locked,
            Err(table) => return refuse(tx, Beginning::UnknownTable { table }).await,
        };
        if let Some(refusal) = passed(&mut tx, marks, None).await? {
            return refuse(tx, refusal).await;
        }
        let epoch = latest(&mut tx, "SELECT MAX(epoch) FROM fieldseal_epochs").await? + 1;
        tx.execute(
            "INSERT INTO fieldseal_epochs (epoch) VALUES (?)",
            &[Bind::from(epoch)],
        )
        .await?;
        // A mark before the first record is none: the shard inherits. So its children see that it
        // begins in this epoch.
        let is_inside = |(_, mark): &&(String, Option<SequenceNumber>)| {
            mark.as_ref() != Some(&SequenceNumber::start())
        };
        let marks: Vec<_> = marks.iter().filter(is_inside).cloned().collect();
        write_marks(&mut tx, "epoch", epoch, &marks).await?;
        for table in &locked {
            bump(&mut tx, table).await?;
        }
        tx.commit().await?;
        Ok(Beginning::Begun(Epoch(narrow(epoch)?)))
    }
}

async fn refuse<T>(tx: Transaction, refusal: Beginning<T>) -> Result<Beginning<T>, DbError> {
    tx.rollback().await?;
    Ok(refusal)
}

/// Whether some shard was applied beyond its mark, or (after a stop) beyond the position.
async fn passed<T>(
    tx: &mut Transaction,
    marks: &ShardMarks,
    at: Option<(Position, Capture)>,
) -> Result<Option<Beginning<T>>, DbError> {
    for Reach {
        shard,
        checkpoint,
        high,
    } in reached(tx).await?
    {
        let mark = marks.iter().find(|(name, _)| *name == shard);
        if let Some((_, Some(mark))) = mark
            && checkpoint > *mark
        {
            return Ok(Some(Beginning::ReadBeyondMark { shard }));
        }
        if let (Some((at, Capture::Stopped)), Some(high)) = (at, high)
            && high >= at
            && in_present_epoch(tx, &shard, &checkpoint).await?
        {
            return Ok(Some(Beginning::PositionPassed { shard, high }));
        }
    }
    Ok(None)
}

/// Whether some table has a generation of this epoch that began at `at` or later. What happens
/// after L and before the load is in no record: with one L for two loads, the older row would stay.
async fn not_new<T>(
    tx: &mut Transaction,
    tables: &[String],
    epoch: i64,
    at: Position,
) -> Result<Option<Beginning<T>>, DbError> {
    for table in tables {
        let rows = tx
            .query(
                "SELECT position FROM fieldseal_generations WHERE table_id = ? AND epoch = ?",
                &[Bind::from(table), Bind::from(epoch)],
            )
            .await?;
        for row in &rows {
            let earlier = position(&row.text(0)?)?;
            if earlier >= at {
                let table = table.clone();
                return Ok(Some(Beginning::PositionNotNew { table, earlier }));
            }
        }
    }
    Ok(None)
}

async fn insert_generation(
    tx: &mut Transaction,
    number: i64,
    table: &str,
    epoch: i64,
    at: Position,
    capture: Capture,
    started: &str,
) -> Result<(), DbError> {
    let capture = match capture {
        Capture::Stopped => "stopped",
        Capture::Unbroken => "unbroken",
    };
    let at = at.0.to_string();
    tx.execute(
        "INSERT INTO fieldseal_generations (generation, table_id, epoch, position, capture, started, load_stamp, state) VALUES (?,?,?,?,?,?,NULL,'open')",
        &[
            Bind::from(number),
            Bind::from(table),
            Bind::from(epoch),
            Bind::from(&at),
            Bind::from(capture),
            Bind::from(started),
        ],
    )
    .await?;
    tx.execute(
        "UPDATE fieldseal_tables SET taint = NULL WHERE table_id = ?",
        &[Bind::from(table)],
    )
    .await?;
    bump(tx, table).await
}

async fn latest(tx: &mut Transaction, sql: &'static str) -> Result<i64, DbError> {
    tx.query(sql, &[])
        .await?
        .first()
        .ok_or(DbError::unexpected())?
        .int(0)
}
