//! `fieldseal run`: the service.

use std::sync::Arc;
use std::time::Duration;

use fieldseal_files::Tail;
use fieldseal_pipeline::{
    BatchLimits, PipelineError, Progress, RecordSource as _, RunOptions, RunSummary,
};
use tokio::sync::watch;

use crate::args::RunArgs;
use crate::commands::migrate;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::progress::Shown;
use crate::wiring::Wired;
use crate::{signals, source};

pub(crate) async fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let wired = Wired::open(config).await?;
    let summary = read_all(&wired, args.until_idle).await?;
    for (shard, reason) in &summary.stopped {
        eprintln!("shard {shard} stopped: {reason}");
    }
    if !summary.stopped.is_empty() {
        return Ok(Exit::ShardStopped);
    }
    if args.until_idle && summary.shut_down {
        eprintln!("told to end before every shard was read to its end; run again to go on");
        return Ok(Exit::NotAsItShouldBe);
    }
    Ok(Exit::Done)
}

/// Reads the source into the target until idle, a signal, or trouble on every shard.
pub(crate) async fn read_all(wired: &Wired, until_idle: bool) -> Result<RunSummary, Failure> {
    let policy = &wired.config.policy;
    refuse_unfit(wired).await?;
    migrate::record(&*wired.keys, policy).await?;
    let (store, preparer) = wired.pipeline().await?;
    let tail = if until_idle {
        Tail::Deliver
    } else {
        Tail::Wait
    };
    let source = source::source(&wired.config, tail)?;
    let shards = source.shards().await;
    let shards = shards.map_err(|error| source::unlisted(&error))?.len();
    if shards == 0 {
        tracing::warn!("{}", source::empty(&wired.config.source_dir()?));
    }
    let progress = Progress::new();
    let shown = Shown::start(Arc::clone(&progress), shards);
    let limits = BatchLimits {
        records: policy.source().max_batch_rows as usize,
        bytes: usize::try_from(policy.source().max_batch_bytes).unwrap_or(usize::MAX),
    };
    let shutdown = signals::shutdown();
    let run = fieldseal_pipeline::run(
        Arc::new(source),
        store,
        preparer,
        Arc::clone(&progress),
        RunOptions { until_idle, limits },
        shutdown.clone(),
    );
    let summary = tokio::select! {
        summary = run => summary.map_err(|error| ended(&error))?,
        () = too_late(shutdown) => return Err(Failure::new(
            Exit::Unreachable,
            "the run did not drain in time and was broken off; nothing is lost, and the next run \
             goes on from the last checkpoint",
        )),
    };
    drop(shown);
    tracing::info!(
        records = progress.records(),
        applied = progress.applied(),
        quarantined = progress.quarantined(),
        "the run has ended"
    );
    Ok(summary)
}

/// A run that ended before any shard was read.
fn ended(error: &PipelineError) -> Failure {
    match error {
        PipelineError::Source(error) => source::unlisted(error),
        PipelineError::Target(error) => Failure::target("reading the target", error),
        _ => Failure::new(Exit::NotAsItShouldBe, error.to_string()),
    }
}

/// A target that `check` has an error for is not written to.
async fn refuse_unfit(wired: &Wired) -> Result<(), Failure> {
    let findings = fieldseal_store::findings(&wired.database, &wired.config.policy)
        .await
        .map_err(|error| Failure::database("checking the target", &error))?;
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == fieldseal_store::Severity::Error)
        .map(|finding| format!("  {finding}"))
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    let text = format!(
        "the target is not fit to be written to:\n{}",
        errors.join("\n")
    );
    Err(Failure::new(Exit::NotAsItShouldBe, text))
}

/// How long a run may drain: whoever asked it to end waits ten seconds at most.
const DRAIN: Duration = Duration::from_secs(9);

/// Ends when a run that was asked to end has not done so in time.
async fn too_late(mut shutdown: watch::Receiver<bool>) {
    if shutdown.wait_for(|stop| *stop).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(DRAIN).await;
}
