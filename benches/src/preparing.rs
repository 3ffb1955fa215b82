//! Decode, plan, coalesce and seal at full speed: the real loop over records in memory, into a
//! target that stores nothing.

use std::sync::Arc;

use fieldseal_pipeline::{BatchLimits, Preparer, Progress, RunOptions, TableLayout, Target, run};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::args::Args;
use crate::null::NullTarget;
use crate::report::{Failure, rounded};
use crate::stopwatch::{Stopwatch, Times, median};
use crate::workload::{Keys, MemorySource, Traffic, policy};

pub(crate) async fn measure(args: &Args) -> Result<Value, Failure> {
    let rows = args.rows.unwrap_or(400_000);
    let keys = Keys::make().await?;
    let mut figures = Vec::new();
    for traffic in [Traffic::Loads, Traffic::Inserts] {
        for shards in &args.shards {
            for batch in &args.batches {
                let source = Arc::new(MemorySource::new(rows, *shards, traffic));
                let mut rounds = Vec::new();
                for _ in 0..args.rounds {
                    rounds.push(round(&source, &keys, *batch, rows).await?);
                }
                figures.push(json!({
                    "records": if traffic == Traffic::Loads { "loads" } else { "inserts" },
                    "bytes_per_record": source.bytes() / rows,
                    "shards": shards,
                    "batch": batch,
                    "rows_per_second": per_second(rows, rounds.iter().map(|t| t.wall)),
                    "cpu_us_per_row": cpu_us(rows, rounds.iter().map(|t| t.cpu)),
                }));
            }
        }
    }
    Ok(json!({
        "rows": rows,
        "rounds": args.rounds,
        "columns": 12,
        "sealed": 6,
        "aim": "at least 200000 rows a second on 2 cores",
        "figures": figures,
    }))
}

async fn round(
    source: &Arc<MemorySource>,
    keys: &Keys,
    batch: usize,
    rows: usize,
) -> Result<Times, Failure> {
    let policy = policy()?;
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    let target = Arc::new(NullTarget::new(&layouts));
    let preparer = preparer(&policy, &*target, keys).await?;
    let watch = Stopwatch::start();
    drive(Arc::clone(source), target, preparer, batch, rows).await?;
    Ok(watch.read())
}

/// A preparer for `target`.
pub(crate) async fn preparer(
    policy: &fieldseal_policy::Policy,
    target: &impl Target,
    keys: &Keys,
) -> Result<Arc<Preparer>, Failure> {
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    let columns = target
        .describe(&layouts)
        .await
        .map_err(|error| Failure::of("describing the target", &error))?;
    Preparer::new(policy, columns, Arc::clone(&keys.keyring))
        .await
        .map(Arc::new)
        .map_err(|error| Failure::of("putting the preparer together", &error))
}

/// Runs `source` into `target` to its end, and makes sure that every row took effect.
pub(crate) async fn drive<S: fieldseal_pipeline::RecordSource, T: Target>(
    source: Arc<S>,
    target: Arc<T>,
    preparer: Arc<Preparer>,
    batch: usize,
    rows: usize,
) -> Result<(), Failure> {
    let options = RunOptions {
        until_idle: true,
        limits: BatchLimits {
            records: batch,
            bytes: 4 << 20,
        },
    };
    let progress = Progress::new();
    let (_stop, stopped) = watch::channel(false);
    let summary = run(
        source,
        target,
        preparer,
        Arc::clone(&progress),
        options,
        stopped,
    )
    .await
    .map_err(|error| Failure::of("running", &error))?;
    if let Some((shard, reason)) = summary.stopped.first_key_value() {
        return Err(Failure(format!("shard {shard} stopped: {reason}")));
    }
    if progress.applied() != rows as u64 {
        return Err(Failure(format!(
            "{} of {rows} rows took effect, {} went to quarantine",
            progress.applied(),
            progress.quarantined()
        )));
    }
    Ok(())
}

/// Rows a second, by the median round.
pub(crate) fn per_second(rows: usize, seconds: impl IntoIterator<Item = f64>) -> f64 {
    rounded(rows as f64 / median(seconds), 0)
}

/// Microseconds of CPU time for one row, by the median round.
pub(crate) fn cpu_us(rows: usize, seconds: impl IntoIterator<Item = f64>) -> f64 {
    rounded(median(seconds) * 1e6 / rows as f64, 2)
}
