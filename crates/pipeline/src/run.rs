//! A run over all shards of a source. Owns which shards are read when (parents before
//! children), that one shard's trouble never stops the others, and the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use crate::prepare::Preparer;
use crate::progress::{Progress, ShardProgress};
use crate::shard::{Ended, ShardLoop};
use crate::{BatchLimits, PipelineError, RecordSource, ShardInfo, StopReason, Target, TargetError};
use fieldseal_model::SequenceNumber;

/// How often new shards are looked for.
const DISCOVERY: Duration = Duration::from_secs(1);

/// How a run behaves.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// End when every shard is read to its end, instead of waiting for more.
    pub until_idle: bool,
    /// How much one batch takes.
    pub limits: BatchLimits,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct RunSummary {
    /// Shards that were read to where they ended, or to their present end.
    pub finished: BTreeSet<String>,
    /// Shards that stopped, and why.
    pub stopped: BTreeMap<String, StopReason>,
    /// Whether the run was told to shut down.
    pub shut_down: bool,
}

/// Reads every shard of `source` into `target` until it is idle (if so asked), told to shut
/// down, or nothing is left to read. What is begun is finished and committed first. The sender of
/// `shutdown` must live as long as the run: one that is dropped reads as a shutdown.
///
/// # Errors
/// [`PipelineError`] when the source cannot be listed at the start. A shard that stops is in the
/// summary.
pub async fn run<S: RecordSource, T: Target>(
    source: Arc<S>,
    target: Arc<T>,
    preparer: Arc<Preparer>,
    progress: Arc<Progress>,
    options: RunOptions,
    mut shutdown: watch::Receiver<bool>,
) -> Result<RunSummary, PipelineError> {
    let mut summary = RunSummary::default();
    let mut started: BTreeSet<String> = BTreeSet::new();
    let mut running: JoinSet<(String, Result<Ended, StopReason>)> = JoinSet::new();
    let mut first = true;
    loop {
        let shards = match source.shards().await {
            Ok(shards) => shards,
            Err(error) if first => return Err(PipelineError::Source(error)),
            Err(error) => {
                tracing::warn!(%error, "shards cannot be listed; tried again");
                Vec::new()
            }
        };
        first = false;
        let listed: BTreeSet<String> = shards.iter().map(|shard| shard.name.clone()).collect();
        for shard in shards {
            if *shutdown.borrow() || !startable(&shard, &listed, &started, &summary.finished) {
                continue;
            }
            started.insert(shard.name.clone());
            let shard_loop = ShardLoop {
                name: shard.name.clone(),
                target: Arc::clone(&target),
                preparer: Arc::clone(&preparer),
                progress: Arc::clone(&progress),
                limits: options.limits,
                until_idle: options.until_idle,
                shutdown: shutdown.clone(),
                labels: None,
            };
            running.spawn(read(Arc::clone(&source), shard, shard_loop));
        }
        let waiting = running.is_empty();
        // With every shard stopped there is nothing to wait for, and whoever supervises the
        // process must learn of it.
        let all_stopped = !summary.stopped.is_empty();
        if waiting && (options.until_idle || all_stopped || *shutdown.borrow()) {
            summary.shut_down = *shutdown.borrow();
            return Ok(summary);
        }
        tokio::select! {
            ended = running.join_next(), if !waiting => {
                if let Some(ended) = ended {
                    note(ended, &mut summary, &progress);
                }
            }
            // New shards appear while others are read.
            () = sleep(DISCOVERY) => {}
            _ = shutdown.wait_for(|stop| *stop), if !*shutdown.borrow() => {}
        }
    }
}

/// A shard is read once its parents are applied to their end. A parent that is neither listed nor
/// being read has been trimmed from the stream; one that is listed and waits for its own parents
/// holds its children back too.
fn startable(
    shard: &ShardInfo,
    listed: &BTreeSet<String>,
    started: &BTreeSet<String>,
    finished: &BTreeSet<String>,
) -> bool {
    let done = |parent: &String| {
        finished.contains(parent) || !(listed.contains(parent) || started.contains(parent))
    };
    !started.contains(&shard.name) && shard.parents.iter().all(done)
}

fn note(
    ended: Result<(String, Result<Ended, StopReason>), tokio::task::JoinError>,
    summary: &mut RunSummary,
    progress: &Progress,
) {
    let (shard, outcome) =
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    match outcome {
        Ok(Ended::ShutDown) | Err(StopReason::ShutDown) => {}
        Ok(Ended::Idle | Ended::Closed) => {
            summary.finished.insert(shard);
        }
        Err(reason) => {
            tracing::error!(%shard, %reason, "the shard stopped; the others go on");
            let known = progress.shards().remove(&shard);
            progress.shard(
                &shard,
                ShardProgress {
                    checkpoint: known
                        .as_ref()
                        .map_or_else(SequenceNumber::start, |p| p.checkpoint.clone()),
                    lag: known.and_then(|p| p.lag),
                    stopped: Some(reason.to_string()),
                },
            );
            summary.stopped.insert(shard, reason);
        }
    }
}

async fn read<S: RecordSource, T: Target>(
    source: Arc<S>,
    shard: ShardInfo,
    mut shard_loop: ShardLoop<T>,
) -> (String, Result<Ended, StopReason>) {
    let name = shard.name.clone();
    (name, read_shard(&*source, shard, &mut shard_loop).await)
}

async fn read_shard<S: RecordSource, T: Target>(
    source: &S,
    shard: ShardInfo,
    shard_loop: &mut ShardLoop<T>,
) -> Result<Ended, StopReason> {
    let mut wait = Duration::from_millis(50);
    let state = loop {
        match shard_loop
            .target
            .take_shard(&shard.name, &shard.parents)
            .await
        {
            Ok(state) => break state,
            Err(TargetError::Transient(error)) => {
                tracing::warn!(shard = %shard.name, %error, "the target is tried again");
                if *shard_loop.shutdown.borrow() {
                    return Ok(Ended::ShutDown);
                }
                sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(10));
            }
            Err(error) => return Err(StopReason::Target(error.to_string())),
        }
    };
    if state.closed {
        return Ok(Ended::Closed);
    }
    let reader = source
        .open(&shard.name, &state.checkpoint)
        .await
        .map_err(|error| StopReason::Source(error.to_string()))?;
    shard_loop.run(reader, state).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::startable;
    use crate::ShardInfo;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_shard_waits_for_every_ancestor_that_is_still_there() {
        let child = ShardInfo {
            name: "child".to_owned(),
            parents: vec!["parent".to_owned()],
        };
        let all = names(&["grandparent", "parent", "child"]);
        let none = names(&[]);
        // The parent itself waits for the grandparent and has not been started.
        assert!(!startable(&child, &all, &names(&["grandparent"]), &none));
        assert!(!startable(&child, &all, &names(&["parent"]), &none));
        assert!(startable(
            &child,
            &all,
            &names(&["parent"]),
            &names(&["parent"])
        ));
        // Trimmed: not listed any more.
        assert!(startable(&child, &names(&["child"]), &none, &none));
        // No longer listed, but this run still reads it.
        assert!(!startable(
            &child,
            &names(&["child"]),
            &names(&["parent"]),
            &none
        ));
        assert!(!startable(
            &child,
            &all,
            &names(&["child", "parent"]),
            &names(&["parent"])
        ));
    }
}
