//! `fieldseal run`: the service.

use std::sync::Arc;
use std::time::Duration;

use fieldseal_files::Tail;
use fieldseal_metrics::{MeteredSource, MeteredTarget, Monitor};
use fieldseal_pipeline::{
    BatchLimits, PipelineError, Preparer, Progress, RecordSource as _, RunOptions, RunSummary,
};
use fieldseal_store::Store;
use tokio::sync::watch;

use crate::admin::{Admin, keep_asking};
use crate::args::RunArgs;
use crate::commands::migrate;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::progress::Shown;
use crate::source::AnySource;
use crate::wiring::{Wired, wraps};
use crate::{signals, source};

pub(crate) async fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    // Before anything that may take long: the first process of a container has no default
    // handling of SIGTERM.
    let shutdown = signals::shutdown();
    let monitor = Monitor::new(Progress::new());
    if let Some(listen) = config.policy.admin() {
        let admin = Admin {
            monitor: Arc::clone(&monitor),
            unit: source::lag_unit(&config),
            shutdown: shutdown.clone(),
        };
        admin.serve(listen).await?;
    }
    let opening = Box::pin(Wired::open_watched(config, monitor));
    let summary = match unless_told(shutdown.clone(), opening).await {
        Some(wired) => Box::pin(read_all(&wired?, args.until_idle, shutdown)).await?,
        None => told_early(),
    };
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
pub(crate) async fn read_all(
    wired: &Wired,
    until_idle: bool,
    shutdown: watch::Receiver<bool>,
) -> Result<RunSummary, Failure> {
    let preparing = Box::pin(prepare(wired, until_idle));
    let Some(parts) = unless_told(shutdown.clone(), preparing).await else {
        return Ok(told_early());
    };
    let Parts {
        source,
        shards,
        store,
        preparer,
    } = parts?;
    let (policy, monitor) = (&wired.config.policy, &wired.monitor);
    let progress = Arc::clone(monitor.progress());
    let unit = source::lag_unit(&wired.config);
    let shown = Shown::start(Arc::clone(&progress), shards, unit);
    let asking = tokio::spawn(keep_asking(
        Arc::clone(monitor),
        Arc::clone(&store),
        Arc::clone(&wired.keys),
    ));
    let wrapping = tokio::spawn(wraps::keep_adding(Arc::clone(&wired.keyring)));
    let limits = BatchLimits {
        records: policy.source().max_batch_rows as usize,
        bytes: usize::try_from(policy.source().max_batch_bytes).unwrap_or(usize::MAX),
    };
    let ids = policy.tables().iter().map(|table| table.id.to_string());
    let run = fieldseal_pipeline::run(
        Arc::new(MeteredSource::new(source, Arc::clone(monitor))),
        Arc::new(MeteredTarget::new(
            store,
            ids.collect(),
            Arc::clone(monitor),
        )),
        preparer,
        Arc::clone(&progress),
        RunOptions { until_idle, limits },
        shutdown.clone(),
    );
    let summary = tokio::select! {
        summary = run => summary.map_err(|error| ended(&error, &wired.config)),
        () = too_late(shutdown) => Err(Failure::new(
            Exit::Unreachable,
            "the run did not drain in time and was broken off; nothing is lost, and the next run \
             goes on from the last checkpoint",
        )),
    };
    asking.abort();
    wrapping.abort();
    drop(shown);
    tracing::info!(
        records = progress.records(),
        applied = progress.applied(),
        quarantined = progress.quarantined(),
        "the run has ended"
    );
    summary
}

/// What a run is made of.
struct Parts {
    source: AnySource,
    /// How many shards it has at the beginning.
    shards: usize,
    store: Arc<Store>,
    preparer: Arc<Preparer>,
}

async fn prepare(wired: &Wired, until_idle: bool) -> Result<Parts, Failure> {
    refuse_unfit(wired).await?;
    migrate::record(&*wired.keys, &wired.config.policy).await?;
    wraps::add(&wired.keyring).await?;
    let (store, preparer) = wired.pipeline().await?;
    let tail = if until_idle {
        Tail::Deliver
    } else {
        Tail::Wait
    };
    let source = source::source(&wired.config, tail).await?;
    let shards = source.shards().await;
    let shards = shards
        .map_err(|error| source::unlisted(&error, &wired.config))?
        .len();
    if shards == 0 {
        tracing::warn!("{}", source::empty(&wired.config));
    }
    Ok(Parts {
        source,
        shards,
        store,
        preparer,
    })
}

/// What `work` comes to, unless the process is told to end first: nothing has begun then.
async fn unless_told<T>(
    mut shutdown: watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        Ok(_) = shutdown.wait_for(|stop| *stop) => None,
    }
}

/// A run that ended before it began.
fn told_early() -> RunSummary {
    RunSummary {
        shut_down: true,
        ..RunSummary::default()
    }
}

/// A run that ended before any shard was read.
fn ended(error: &PipelineError, config: &Config) -> Failure {
    match error {
        PipelineError::Source(error) => source::unlisted(error, config),
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

/// How long a run may drain. Docker kills ten seconds after it has asked, ECS thirty
/// (`stopTimeout`) and Kubernetes thirty unless told otherwise: this is less than all of them.
const DRAIN: Duration = Duration::from_secs(9);

/// Ends when a run that was asked to end has not done so in time.
async fn too_late(mut shutdown: watch::Receiver<bool>) {
    if shutdown.wait_for(|stop| *stop).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(DRAIN).await;
}
