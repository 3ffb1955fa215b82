//! One batch, one transaction: locks, guarded writes, tombstones, taints, quarantine, counters,
//! and last the checkpoint. Owns that order.

use fieldseal_db::{Bind, DbError, Transaction};
use fieldseal_pipeline::{Committed, LoadStart, Origin, SealedBatch, Taint, TargetError};

use crate::checkpoint::{self, Advance};
use crate::counters::Tallies;
use crate::error::target_error;
use crate::locks::{LockedTable, Mode, lock_tables};
use crate::ready::ReadyBatch;
use crate::store::Store;
use crate::table::TargetTable;
use crate::{generations, quarantine, rows};

/// How the transaction's body ended.
enum Body {
    Done(Tallies),
    AlreadyCommitted,
    Stale,
    Fenced,
}

/// Applies a batch. Every way out but the commit rolls back by name: MySQL's lock wait time-out
/// leaves the transaction open.
pub(crate) async fn apply(store: &Store, ready: &ReadyBatch) -> Result<Committed, TargetError> {
    let (tx, body) = run(store, ready).await?;
    if let Ok(Body::Done(tallies)) = body {
        warn_of_taints(store, &tallies);
        // No answer to the commit is an error like any other: the batch is applied again,
        // and the checkpoint tells whether this commit took place.
        tx.commit().await.map_err(|error| target_error(&error))?;
        return Ok(Committed::after_commit(tallies.applied()).with_outcomes(tallies.outcomes()));
    }
    rollback(tx).await;
    not_refused(body, ready)?;
    Ok(Committed::after_commit(0))
}

/// The same without the commit.
pub(crate) async fn try_out(store: &Store, ready: &ReadyBatch) -> Result<(), TargetError> {
    let (tx, body) = run(store, ready).await?;
    rollback(tx).await;
    not_refused(body, ready)
}

async fn run(
    store: &Store,
    ready: &ReadyBatch,
) -> Result<(Transaction, Result<Body, DbError>), TargetError> {
    let tables = store.tables()?;
    let begun = store.database.begin().await;
    let mut tx = begun.map_err(|error| target_error(&error))?;
    let body = body(&mut tx, store, tables, ready).await;
    Ok((tx, body))
}

fn not_refused(body: Result<Body, DbError>, ready: &ReadyBatch) -> Result<(), TargetError> {
    match body {
        Ok(Body::Done(_) | Body::AlreadyCommitted) => Ok(()),
        Ok(Body::Stale) => Err(TargetError::StaleLabels),
        Ok(Body::Fenced) => Err(TargetError::Fenced {
            shard: ready.batch().origin().shard().to_owned(),
        }),
        Err(error) => Err(target_error(&error)),
    }
}

/// A rollback that fails finds the connection gone, and the server has rolled back by itself.
async fn rollback(tx: Transaction) {
    if let Err(error) = tx.rollback().await {
        tracing::debug!(%error, "the connection was gone before the rollback");
    }
}

async fn body(
    tx: &mut Transaction,
    store: &Store,
    tables: &[TargetTable],
    ready: &ReadyBatch,
) -> Result<Body, DbError> {
    let batch = ready.batch();
    let locked = lock(tx, store, tables, batch).await?;
    let fresh = batch.tables().iter().zip(&locked).all(|(used, row)| {
        debug_assert_eq!(store.table_ids[used.table], row.table_id);
        used.revision == row.revision
    });
    if !fresh {
        return Ok(Body::Stale);
    }
    let mut tallies = Tallies::of(batch);
    for group in ready.groups() {
        let number = group.table;
        let floor = batch
            .tables()
            .iter()
            .position(|used| used.table == number)
            .and_then(|at| locked.get(at))
            .ok_or(DbError::unexpected())?
            .floor;
        rows::write(tx, &tables[number], group, floor, &mut tallies).await?;
    }
    for taint in batch.taints() {
        write_taint(tx, store, taint, &mut tallies).await?;
    }
    for start in batch.load_starts() {
        load_start(tx, store, start, &mut tallies).await?;
    }
    quarantine::insert(tx, store, batch).await?;
    finish(tx, store, batch.origin(), tallies).await
}

async fn lock(
    tx: &mut Transaction,
    store: &Store,
    tables: &[TargetTable],
    batch: &SealedBatch,
) -> Result<Vec<LockedTable>, DbError> {
    let wanted: Vec<(&str, i64)> = batch
        .tables()
        .iter()
        .map(|used| {
            (
                store.table_ids[used.table].as_str(),
                tables[used.table].number,
            )
        })
        .collect();
    let mode = if batch.needs_exclusive() {
        Mode::Exclusive
    } else {
        Mode::Shared
    };
    lock_tables(tx, &wanted, mode).await
}

/// The counters and the origin's own step, last: it decides whether all of this counts.
async fn finish(
    tx: &mut Transaction,
    store: &Store,
    origin: &Origin,
    tallies: Tallies,
) -> Result<Body, DbError> {
    let counters = tallies.adding(tx.dialect(), origin.shard(), &store.table_ids);
    match origin {
        Origin::Shard {
            shard,
            fence,
            from,
            to,
            high,
        } => match checkpoint::advance(tx, shard, *fence, from, to, *high, counters).await? {
            Advance::Done => Ok(Body::Done(tallies)),
            Advance::Already => Ok(Body::AlreadyCommitted),
            Advance::Fenced => Ok(Body::Fenced),
        },
        Origin::Held { id, .. } => {
            if let Some((add, binds)) = counters {
                tx.execute(add, &binds).await?;
            }
            let gone = quarantine::remove(tx, *id).await?;
            Ok(if gone {
                Body::Done(tallies)
            } else {
                Body::AlreadyCommitted
            })
        }
    }
}

/// The first taint stays: it is the one to look for.
async fn write_taint(
    tx: &mut Transaction,
    store: &Store,
    taint: &Taint,
    tallies: &mut Tallies,
) -> Result<(), DbError> {
    let written = tx
        .execute(
            "UPDATE fieldseal_tables SET taint = ?, revision = revision + 1 WHERE table_id = ? AND taint IS NULL",
            &[Bind::from(taint.reason), Bind::from(&store.table_ids[taint.table])],
        )
        .await?;
    if written > 0 {
        tallies.tainted.push(taint.clone());
    }
    Ok(())
}

/// Before the commit, whose answer may be lost; a batch that is only tried out says nothing.
fn warn_of_taints(store: &Store, tallies: &Tallies) {
    for taint in &tallies.tainted {
        tracing::error!(
            table = %store.table_ids[taint.table],
            reason = taint.reason,
            "the table is tainted: its order can no longer be trusted; begin a new generation"
        );
    }
}

async fn load_start(
    tx: &mut Transaction,
    store: &Store,
    start: &LoadStart,
    tallies: &mut Tallies,
) -> Result<(), DbError> {
    let restarted = generations::note_load_start(tx, start).await?;
    if restarted {
        let taint = Taint {
            table: start.table,
            reason: "load-started-again",
        };
        write_taint(tx, store, &taint, tallies).await?;
    }
    Ok(())
}
