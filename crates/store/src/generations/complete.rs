//! Completing a generation: what must be true first, and raising the floor.

use fieldseal_db::{Bind, DbError, Sql, Transaction};
use fieldseal_model::{Epoch, Generation, Position, RowVersion, SequenceNumber};

use super::marks::{ShardMarks, write_marks};
use super::{bump, lock_registered};
use crate::checkpoint::{position, sequence};
use crate::labels::narrow;
use crate::locks::version;
use crate::store::Store;
use crate::table::version_column;

/// What completing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The floor is raised; rows below it wait for the sweep.
    Complete(Generation),
    /// Not yet, for each of these reasons.
    NotYet(Vec<String>),
}

/// What must be seen of a load before it can be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Something at or above L, unless the target has no row at all: otherwise the load has not
    /// even begun, and the sweep would empty the table.
    Something,
    /// Nothing: the operator says that the source's table is empty.
    Nothing,
}

/// What it means that the source has a shard no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Its records were dropped, unread unless it was applied to its end: loads may be among them.
    Dropped,
    /// A file that was put away, which may be done.
    PutAway,
}

impl Store {
    /// Completes the newest generation of `table`: every shard is applied to the end given in
    /// `ends`, none that the generation reaches into was dropped unread (`gone`), nothing of the
    /// generation is held, the table is not tainted, and what `seen` asks for is there. The store
    /// must have been described. One transaction raises the floor, notes where the generation
    /// ends, and clears the debts it has paid.
    ///
    /// # Errors
    /// [`DbError`]; nothing has changed.
    pub async fn complete_generation(
        &self,
        table: &str,
        ends: &ShardMarks,
        gone: Gone,
        seen: Seen,
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
        let mut reasons = reasons(&mut tx, table, &open, ends).await?;
        if gone == Gone::Dropped {
            reasons.extend(dropped(&mut tx, &open, ends).await?);
        }
        if seen == Seen::Something && self.nothing_loaded(&mut tx, table, &open).await? {
            reasons.push(
                "no row of this load is in the target yet, and the sweep would delete every row that is there; wait for the load, or say that the source's table is empty"
                    .to_owned(),
            );
        }
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

impl Store {
    /// Whether the table has rows, and none of them came at or after the generation's L.
    async fn nothing_loaded(
        &self,
        tx: &mut Transaction,
        table: &str,
        open: &Open,
    ) -> Result<bool, DbError> {
        let tables = self.tables().map_err(|_| DbError::unexpected())?;
        let target = tables
            .iter()
            .find(|target| target.layout.table.as_str() == table)
            .ok_or(DbError::unexpected())?;
        let (name, column) = (target.name(tx.dialect()), version_column(tx.dialect()));
        let (l, foreign) = (
            RowVersion::of_load(open.epoch, open.position),
            RowVersion::FOREIGN,
        );
        let loaded = format!("SELECT 1 FROM {name} WHERE {column} >= ? AND {column} < ? LIMIT 1");
        let binds = [Bind::from(l.as_bytes()), Bind::from(foreign.as_bytes())];
        if !tx.query(Sql::dynamic(loaded), &binds).await?.is_empty() {
            return Ok(false);
        }
        let older = format!("SELECT 1 FROM {name} WHERE {column} < ? LIMIT 1");
        Ok(!tx.query(Sql::dynamic(older), &binds[..1]).await?.is_empty())
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
            "records in quarantine that are, or may be, of this load: {held}; replay or discard them, see `fieldseal quarantine list`"
        ));
    }
    Ok(reasons)
}

/// The shards that were not applied to their end, are in no `ends`, and may hold loads of the
/// generation: it does not begin behind everything in them.
async fn dropped(
    tx: &mut Transaction,
    open: &Open,
    ends: &ShardMarks,
) -> Result<Vec<String>, DbError> {
    let rows = tx
        .query(
            "SELECT s.shard FROM fieldseal_shards s WHERE s.closed = 0 AND NOT EXISTS (SELECT 1 FROM fieldseal_marks m WHERE m.kind = 'begin' AND m.number = ? AND m.shard = s.shard AND m.sequence IS NULL) ORDER BY s.shard",
            &[Bind::from(open.number)],
        )
        .await?;
    let mut reasons = Vec::new();
    for row in &rows {
        let shard = row.text(0)?;
        if !ends.iter().any(|(listed, _)| *listed == shard) {
            reasons.push(format!(
                "the source no longer lists shard {shard}, which was not read to its end, so loads may be lost; if `fieldseal run` says so too, begin a new generation and load again"
            ));
        }
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
/// behind it is not. One of no known table is made good when every table has had such a load.
async fn clear_debts(tx: &mut Transaction, table: &str, open: &Open) -> Result<(), DbError> {
    let debts = tx
        .query(
            "SELECT id, table_id, shard, sequence FROM fieldseal_debts WHERE table_id = ? OR table_id IS NULL",
            &[Bind::from(table)],
        )
        .await?;
    for debt in &debts {
        let place = Place {
            shard: debt.text(2)?,
            sequence: sequence(&debt.text(3)?)?,
        };
        let paid = if debt.opt_text(1)?.is_some() {
            begins_behind(tx, open.number, &place).await?
        } else {
            every_table_begins_behind(tx, &place).await?
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

struct Place {
    shard: String,
    sequence: SequenceNumber,
}

/// Whether a generation begins behind a place, so that its load has read what stood there.
async fn begins_behind(
    tx: &mut Transaction,
    generation: i64,
    place: &Place,
) -> Result<bool, DbError> {
    let marks = tx
        .query(
            "SELECT sequence FROM fieldseal_marks WHERE kind = 'begin' AND number = ? AND shard = ?",
            &[Bind::from(generation), Bind::from(&place.shard)],
        )
        .await?;
    match marks.first().map(|row| row.opt_text(0)).transpose()? {
        Some(Some(mark)) => Ok(place.sequence <= sequence(&mark)?),
        Some(None) => Ok(true),
        None => Ok(false),
    }
}

async fn every_table_begins_behind(tx: &mut Transaction, place: &Place) -> Result<bool, DbError> {
    for table in tx
        .query("SELECT table_id FROM fieldseal_tables", &[])
        .await?
    {
        let generations = tx
            .query(
                "SELECT generation FROM fieldseal_generations WHERE table_id = ? AND state <> 'open'",
                &[Bind::from(&table.text(0)?)],
            )
            .await?;
        let mut paid = false;
        for generation in &generations {
            paid |= begins_behind(tx, generation.int(0)?, place).await?;
        }
        if !paid {
            return Ok(false);
        }
    }
    Ok(true)
}
