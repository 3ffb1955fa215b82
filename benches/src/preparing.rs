//! Decode, plan, coalesce and seal at full speed: the real loop over records in memory, into a
//! target that stores nothing; as it is, and with the meters that a worker has around both ends.

use std::sync::Arc;

use fieldseal_metrics::{MeteredSource, MeteredTarget, Monitor};
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
                let (mut plain, mut metered) = (Vec::new(), Vec::new());
                for number in 0..args.rounds {
                    // Who comes first changes.
                    for with_meters in [number % 2 == 1, number % 2 == 0] {
                        let times = round(&source, &keys, *batch, rows, with_meters).await?;
                        let of_kind = if with_meters {
                            &mut metered
                        } else {
                            &mut plain
                        };
                        of_kind.push(times);
                    }
                }
                let pairs = || plain.iter().zip(&metered);
                let pace = median(pairs().map(|(plain, metered)| plain.wall / metered.wall));
                let cpu = median(pairs().map(|(plain, metered)| metered.cpu / plain.cpu));
                figures.push(json!({
                    "records": if traffic == Traffic::Loads { "loads" } else { "inserts" },
                    "bytes_per_record": source.bytes() / rows,
                    "shards": shards,
                    "batch": batch,
                    "rows_per_second": per_second(rows, plain.iter().map(|t| t.wall)),
                    "cpu_us_per_row": cpu_us(rows, plain.iter().map(|t| t.cpu)),
                    "metered_to_plain": rounded(pace, 3),
                    "metered_cpu_to_plain": rounded(cpu, 3),
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
    with_meters: bool,
) -> Result<Times, Failure> {
    let policy = policy()?;
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    let target = Arc::new(NullTarget::new(&layouts));
    let preparer = preparer(&policy, &*target, keys).await?;
    if !with_meters {
        let watch = Stopwatch::start();
        drive(Arc::clone(source), target, preparer, batch, rows).await?;
        return Ok(watch.read());
    }
    let monitor = Monitor::new(Progress::new());
    let tables = layouts.iter().map(|layout| layout.table.to_string());
    let target = MeteredTarget::new(target, tables.collect(), Arc::clone(&monitor));
    let source = MeteredSource::new(MemorySource::clone(source), monitor);
    let watch = Stopwatch::start();
    drive(Arc::new(source), Arc::new(target), preparer, batch, rows).await?;
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
