//! Generations and epochs: their marks, floors, completion and sweep (`docs/ORDERING.md`, points
//! 3 to 5). Owns `fieldseal_generations`, `fieldseal_epochs` and `fieldseal_marks`.

mod complete;
mod sweep;

use fieldseal_db::{Bind, DbError, Dialect, Transaction};
use fieldseal_model::{Epoch, Generation, Position, SequenceNumber};
use fieldseal_pipeline::{Capture, LoadStart};

use crate::checkpoint::{position, sequence};
use crate::labels::narrow;
use crate::locks::{Mode, lock_tables};
use crate::store::Store;

pub use complete::{Completion, Gone, Seen};
pub use sweep::SweepStep;

/// Where each shard's present end is; `None` for a closed shard.
pub type ShardMarks = [(String, Option<SequenceNumber>)];

/// The shards that were ever read. Asked for before the source lists its own, so that one of
/// these that is not listed is gone, and one that appears meanwhile is not taken for gone.
#[derive(Clone, Debug)]
pub struct KnownShards(Vec<String>);

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
        /// The shard, or the table whose earlier generation began there: rows of two loads with
        /// one position could not be told apart.
        shard: String,
        /// The highest position seen in it, or where that generation began.
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
    /// The shards that were ever read, to be asked for before the source lists its own.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn known_shards(&self) -> Result<KnownShards, DbError> {
        let rows = self
            .database
            .query("SELECT shard FROM fieldseal_shards ORDER BY shard", &[])
            .await?;
        let names: Result<_, DbError> = rows.iter().map(|row| row.text(0)).collect();
        names.map(KnownShards)
    }

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
        for applied in applied(&mut tx).await? {
            if let Some(high) = applied.high
                && highest.as_ref().is_none_or(|(_, found)| high > *found)
                && in_present_epoch(&mut tx, &applied.shard, &applied.checkpoint).await?
            {
                highest = Some((applied.shard, high));
            }
        }
        tx.rollback().await?;
        Ok(highest)
    }

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
    for Applied {
        shard,
        checkpoint,
        high,
    } in applied(tx).await?
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

/// How far a shard is applied.
struct Applied {
    shard: String,
    checkpoint: SequenceNumber,
    high: Option<Position>,
}

async fn applied(tx: &mut Transaction) -> Result<Vec<Applied>, DbError> {
    let sql = "SELECT shard, sequence, high FROM fieldseal_shards";
    let rows = tx.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Applied {
                shard: row.text(0)?,
                checkpoint: sequence(&row.text(1)?)?,
                high: row.opt_text(2)?.map(|text| position(&text)).transpose()?,
            })
        })
        .collect()
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

/// Whether the shard was read into the present epoch: positions of an earlier one say nothing.
async fn in_present_epoch(
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

/// Batches planned before this are planned again.
async fn bump(tx: &mut Transaction, table: &str) -> Result<(), DbError> {
    tx.execute(
        "UPDATE fieldseal_tables SET revision = revision + 1 WHERE table_id = ?",
        &[Bind::from(table)],
    )
    .await?;
    Ok(())
}

impl KnownShards {
    /// The marks, and for every shard that the source has no more: nowhere in it. Without a mark
    /// it would inherit the new label from its start, and what is held of it would lose the label
    /// of first sight.
    fn with_gone(&self, marks: &ShardMarks) -> Vec<(String, Option<SequenceNumber>)> {
        let listed = |shard: &String| marks.iter().any(|(name, _)| name == shard);
        let gone = self.0.iter().filter(|shard| !listed(shard));
        let mut all = marks.to_vec();
        all.extend(gone.map(|shard| (shard.clone(), None)));
        all
    }
}

async fn write_marks(
    tx: &mut Transaction,
    kind: &str,
    number: i64,
    marks: &ShardMarks,
) -> Result<(), DbError> {
    // An end mark may be there from a completion that is said again.
    let sql = match tx.dialect() {
        Dialect::MySql => {
            "INSERT INTO fieldseal_marks (kind, number, shard, sequence) VALUES (?,?,?,?) ON DUPLICATE KEY UPDATE sequence = VALUES(sequence)"
        }
        _ => {
            "INSERT INTO fieldseal_marks (kind, number, shard, sequence) VALUES (?,?,?,?) ON CONFLICT (kind, number, shard) DO UPDATE SET sequence = EXCLUDED.sequence"
        }
    };
    for (shard, mark) in marks {
        tx.execute(
            sql,
            &[
                Bind::from(kind),
                Bind::from(number),
                Bind::from(shard),
                Bind::from(mark.as_ref().map(SequenceNumber::as_str)),
            ],
        )
        .await?;
    }
    Ok(())
}

async fn latest(tx: &mut Transaction, sql: &'static str) -> Result<i64, DbError> {
    tx.query(sql, &[])
        .await?
        .first()
        .ok_or(DbError::unexpected())?
        .int(0)
}
