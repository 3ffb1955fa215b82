//! `fieldseal run`: the service.

use std::sync::Arc;

use fieldseal_db::Connect;
use fieldseal_files::{FolderSource, Tail};
use fieldseal_pipeline::{BatchLimits, Progress, RunOptions, RunSummary};

use crate::args::RunArgs;
use crate::commands::migrate;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::progress::Shown;
use crate::signals;
use crate::wiring::Wired;

pub(crate) async fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let wired = Wired::open(config, Connect::default()).await?;
    let summary = read_all(&wired, args.until_idle).await?;
    for (shard, reason) in &summary.stopped {
        eprintln!("shard {shard} stopped: {reason}");
    }
    if !summary.stopped.is_empty() {
        return Ok(Exit::ShardStopped);
    }
    Ok(Exit::Done)
}

/// Reads the source into the target until idle, a signal, or trouble on every shard.
pub(crate) async fn read_all(wired: &Wired, until_idle: bool) -> Result<RunSummary, Failure> {
    let policy = &wired.config.policy;
    migrate::record(&*wired.keys, policy).await?;
    let (store, preparer) = wired.pipeline().await?;
    let tail = if until_idle {
        Tail::Deliver
    } else {
        Tail::Wait
    };
    let source = FolderSource::new(wired.config.source_dir()?, tail);
    let progress = Progress::new();
    let shown = Shown::start(Arc::clone(&progress), None);
    let limits = BatchLimits {
        records: policy.source().max_batch_rows as usize,
        bytes: usize::try_from(policy.source().max_batch_bytes).unwrap_or(usize::MAX),
    };
    let summary = fieldseal_pipeline::run(
        Arc::new(source),
        store,
        preparer,
        Arc::clone(&progress),
        RunOptions { until_idle, limits },
        signals::shutdown(),
    )
    .await
    .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
    drop(shown);
    tracing::info!(
        records = progress.records(),
        applied = progress.applied(),
        quarantined = progress.quarantined(),
        "the run has ended"
    );
    Ok(summary)
}
