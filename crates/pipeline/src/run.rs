//! A run over all shards of a source. Owns which shards are read when (parents before
//! children), that one shard's trouble never stops the others, and the end.

mod lineage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use self::lineage::{Lineage, Refused, made_up_for};
use crate::prepare::Preparer;
use crate::progress::{Progress, ShardProgress};
use crate::shard::{Ended, FIRST_WAIT, Room, ShardLoop};
use crate::{
    BatchLimits, Mark, PipelineError, RecordSource, ShardInfo, ShardState, StopReason, Target,
    TargetError,
};
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
/// [`PipelineError`] when the source cannot be listed, or the target not asked, at the start and
/// trying again cannot help. A shard that stops is in the
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
    let mut lineage = Lineage::default();
    let room = Room::new(options.limits.bytes);
    let mut running: JoinSet<(String, Result<Ended, StopReason>)> = JoinSet::new();
    let mut first = true;
    loop {
        // Looking for shards may take long while a source is away; who drains needs none.
        let found = tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => {
                summary.shut_down = true;
                Ok((Vec::new(), Refused::new()))
            }
            found = discover(&*source, &*target, &mut lineage) => found,
        };
        let all_seen = found.is_ok();
        match found {
            Ok((listed, refused)) => {
                first = false;
                for (shard, reason) in refused {
                    stopped(shard, reason, &mut summary, &progress);
                }
                let all = listed.clone();
                for shard in lineage.start(listed) {
                    let ancestors = Lineage::ancestors(&shard, &all);
                    let shard_loop = ShardLoop {
                        name: shard.name,
                        target: Arc::clone(&target),
                        preparer: Arc::clone(&preparer),
                        progress: Arc::clone(&progress),
                        limits: options.limits,
                        room: room.clone(),
                        until_idle: options.until_idle,
                        notes_end: source.shards_end(),
                        shutdown: shutdown.clone(),
                        labels: None,
                    };
                    running.spawn(read(Arc::clone(&source), ancestors, shard_loop));
                }
            }
            Err(error) if first && !may_pass(&error) => return Err(error),
            Err(error) => tracing::warn!(error = cause(&error), "{error}; tried again"),
        }
        let waiting = running.is_empty();
        // With every shard stopped there is nothing to wait for, and whoever supervises the
        // process must learn of it.
        let all_stopped = !summary.stopped.is_empty();
        let at_end = all_seen && (options.until_idle || all_stopped);
        if waiting && (at_end || summary.shut_down) {
            return Ok(summary);
        }
        tokio::select! {
            ended = running.join_next(), if !waiting => {
                // Shards are listed once for all that ended meanwhile.
                let mut next = ended;
                while let Some(ended) = next {
                    note(ended, &mut lineage, &mut summary, &progress);
                    next = running.try_join_next();
                }
            }
            // New shards appear while others are read.
            () = sleep(DISCOVERY) => {}
            _ = shutdown.wait_for(|stop| *stop), if !summary.shut_down => {}
        }
    }
}

/// The shards there are now, and those that must not be read.
async fn discover<S: RecordSource, T: Target>(
    source: &S,
    target: &T,
    lineage: &mut Lineage,
) -> Result<(Vec<ShardInfo>, Refused), PipelineError> {
    let listed = source.shards().await.map_err(PipelineError::Source)?;
    let refused = if source.shards_end() {
        let compared = lineage.compare(target, &listed).await;
        compared.map_err(PipelineError::Target)?
    } else {
        Refused::new()
    };
    Ok((listed, refused))
}

/// Whether trying again may help.
fn may_pass(error: &PipelineError) -> bool {
    match error {
        PipelineError::Source(error) => error.transient,
        PipelineError::Target(error) => matches!(error, TargetError::Transient(_)),
        _ => false,
    }
}

fn cause(error: &PipelineError) -> String {
    match error {
        PipelineError::Source(error) => error.to_string(),
        PipelineError::Target(error) => error.to_string(),
        _ => String::new(),
    }
}

fn note(
    ended: Result<(String, Result<Ended, StopReason>), tokio::task::JoinError>,
    lineage: &mut Lineage,
    summary: &mut RunSummary,
    progress: &Progress,
) {
    let (shard, outcome) =
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    match outcome {
        Ok(Ended::ShutDown) | Err(StopReason::ShutDown) => {}
        Ok(ended) => {
            match ended {
                Ended::Closed => lineage.closed(&shard),
                _ => lineage.idle(&shard),
            }
            summary.finished.insert(shard);
        }
        Err(reason) => stopped(shard, reason, summary, progress),
    }
}

fn stopped(shard: String, reason: StopReason, summary: &mut RunSummary, progress: &Progress) {
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

async fn read<S: RecordSource, T: Target>(
    source: Arc<S>,
    ancestors: Vec<String>,
    mut shard_loop: ShardLoop<T>,
) -> (String, Result<Ended, StopReason>) {
    let ended = read_shard(&*source, &ancestors, &mut shard_loop).await;
    (shard_loop.name, ended)
}

async fn read_shard<S: RecordSource, T: Target>(
    source: &S,
    ancestors: &[String],
    shard_loop: &mut ShardLoop<T>,
) -> Result<Ended, StopReason> {
    let shard = shard_loop.name.clone();
    let mut wait = FIRST_WAIT;
    let state = loop {
        let taken = tokio::select! {
            taken = shard_loop.target.take_shard(&shard, ancestors) => taken,
            _ = shard_loop.shutdown.wait_for(|stop| *stop) => return Ok(Ended::ShutDown),
        };
        match taken {
            Ok(state) => break state,
            Err(TargetError::Transient(error)) => {
                tracing::warn!(%shard, %error, "the target is tried again");
                shard_loop.pause(&mut wait).await?;
            }
            Err(error) => return Err(StopReason::Target(error.to_string())),
        }
    };
    if state.closed {
        return Ok(Ended::Closed);
    }
    let reader = open(source, &shard, &state, shard_loop).await?;
    shard_loop.run(reader, state).await
}

/// A reader behind the checkpoint. Where the source has no such place any more, but every table was
/// loaded anew since, the shard is read from what is left of it.
async fn open<S: RecordSource, T: Target>(
    source: &S,
    shard: &str,
    state: &ShardState,
    shard_loop: &mut ShardLoop<T>,
) -> Result<S::Reader, StopReason> {
    let mut wait = FIRST_WAIT;
    let mut from_what_is_left = false;
    loop {
        let opening = async {
            if from_what_is_left {
                source.open(shard, &SequenceNumber::start()).await
            } else {
                let after = &state.checkpoint;
                source.open_seen(shard, after, state.end_seen).await
            }
        };
        let opened = tokio::select! {
            opened = opening => opened,
            _ = shard_loop.shutdown.wait_for(|stop| *stop) => return Err(StopReason::ShutDown),
        };
        match opened {
            Ok(reader) => return Ok(reader),
            Err(error) if error.transient => {
                tracing::warn!(%shard, %error, "the source is tried again");
                shard_loop.pause(&mut wait).await?;
            }
            Err(error) => {
                let anew = error.lost
                    && !from_what_is_left
                    && source.shards_end()
                    && made_up_for(
                        &*shard_loop.labels().await?,
                        |mark| matches!(mark, Mark::Behind(mark) if *mark > state.checkpoint),
                    );
                if !anew {
                    return Err(StopReason::Source(error.to_string()));
                }
                tracing::warn!(%shard, %error, "every table was loaded anew since; the shard is read from what is left of it");
                from_what_is_left = true;
            }
        }
    }
}
