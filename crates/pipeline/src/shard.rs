//! One shard's loop: fetch, prepare, apply, and what happens when a step fails. Owns retrying,
//! planning again, halving, and stopping one shard while the others go on.

mod fetching;
mod guilty;
mod lookahead;
mod room;

use std::collections::BTreeSet;
use std::sync::Arc;

use fieldseal_model::{Position, SequenceNumber};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep};

use self::fetching::{Delivery, Fetching};
use self::lookahead::{Lookahead, PreparedAhead};
pub(crate) use self::room::Room;
use crate::prepare::{Prepared, Preparer, Run};
use crate::progress::{Progress, ShardProgress};
use crate::{
    BatchLimits, Committed, Labels, ReaderState, ShardReader, ShardState, StopReason, StreamRecord,
    Target, TargetError,
};

/// How long to wait after the first failure, and at most. No jitter: shards of one worker share
/// its fate, and the server decides who waits for whom.
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How often it is noted that a shard has nothing more: often, by the day that records are kept.
const BETWEEN_NOTES: Duration = Duration::from_secs(3600);

/// How old an answer of the source may be that is noted as of now.
const STILL_TRUE: Duration = Duration::from_secs(60);

/// How a shard's loop ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything that is there is applied (only where the run ends when idle).
    Idle,
    /// The shard is closed and everything of it is applied.
    Closed,
    /// The run is shutting down.
    ShutDown,
}

/// What a shard's loop works with.
pub(crate) struct ShardLoop<T> {
    pub(crate) name: String,
    pub(crate) target: Arc<T>,
    pub(crate) preparer: Arc<Preparer>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) limits: BatchLimits,
    pub(crate) room: Room,
    pub(crate) until_idle: bool,
    /// Whether the target notes when the shard has nothing more.
    pub(crate) notes_end: bool,
    pub(crate) shutdown: watch::Receiver<bool>,
    /// As last read; read again when a batch planned under them proves stale.
    pub(crate) labels: Option<Arc<Labels>>,
}

/// Where the shard stands between two batches.
struct Standing {
    fence: i64,
    place: ShardPlace,
    /// When it was last noted that there is nothing more.
    end_noted: Option<Instant>,
}

/// What preparing a batch depends on beside its records and labels.
#[derive(PartialEq)]
struct ShardPlace {
    checkpoint: SequenceNumber,
    high: Option<Position>,
}

impl ShardPlace {
    /// Behind a delivery that ends with `last`, once all of it is applied.
    fn behind(last: &StreamRecord, high: Option<Position>) -> Self {
        Self {
            checkpoint: last.sequence.clone(),
            high,
        }
    }

    /// A delivery as the run that begins here.
    fn run(&self, shard: &str, fence: i64, records: &Arc<Vec<StreamRecord>>) -> Run {
        Run {
            shard: shard.to_owned(),
            fence,
            from: self.checkpoint.clone(),
            high: self.high,
            range: 0..records.len(),
            records: Arc::clone(records),
            hold: BTreeSet::new(),
            taints: Vec::new(),
        }
    }
}

impl<T: Target> ShardLoop<T> {
    /// Reads the shard until it ends, the run shuts down, or something stops it.
    pub(crate) async fn run(
        &mut self,
        reader: impl ShardReader,
        state: ShardState,
    ) -> Result<Ended, StopReason> {
        let mut standing = Standing {
            fence: state.fence,
            place: ShardPlace {
                checkpoint: state.checkpoint,
                high: state.high,
            },
            end_noted: None,
        };
        // Records are fetched while others are prepared and applied.
        let (sender, deliveries) = mpsc::channel(1);
        let fetching = Fetching {
            limits: self.limits,
            room: self.room.clone(),
            until_idle: self.until_idle,
            shutdown: self.shutdown.clone(),
        };
        let fetcher = tokio::spawn(fetching.run(reader, sender));
        // Dropping the receiver ends the fetching.
        let applied = self.apply_all(deliveries, &mut standing).await;
        let fetched = fetcher
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let ended = applied?;
        fetched?;
        if ended == Ended::Closed {
            self.close(standing.fence).await?;
        }
        Ok(ended)
    }

    async fn apply_all(
        &mut self,
        deliveries: mpsc::Receiver<Delivery>,
        standing: &mut Standing,
    ) -> Result<Ended, StopReason> {
        let mut state = ReaderState::More;
        let mut ahead = Lookahead::new(
            Arc::clone(&self.preparer),
            Arc::clone(&self.target),
            self.name.clone(),
            standing.fence,
            deliveries,
        );
        while let Some((delivery, prepared)) = ahead.next().await {
            state = delivery.state;
            if let Some(last) = delivery.records.last() {
                let run = standing
                    .place
                    .run(&self.name, standing.fence, &delivery.records);
                let first = match prepared.filter(|ahead| self.still_holds(ahead, standing)) {
                    Some(ahead) => ahead.prepared,
                    None => {
                        let first = self.prepare(run.clone()).await?;
                        let behind = ShardPlace::behind(last, first.high);
                        ahead.restart(self.labels.clone().map(|labels| (behind, labels)));
                        first
                    }
                };
                let team = first.team.clone();
                // Deliveries that arrive meanwhile are prepared meanwhile.
                tokio::select! {
                    applied = self.apply_run(run, first, standing) => applied?,
                    never = ahead.keep_full() => match never {},
                }
                team.discard((delivery.records, delivery.room));
            }
            if state == ReaderState::CaughtUp {
                self.note_end(delivery.asked, standing).await;
            }
            self.progress.shard(
                &self.name,
                ShardProgress {
                    checkpoint: standing.place.checkpoint.clone(),
                    lag: delivery.lag,
                    stopped: None,
                },
            );
            if *self.shutdown.borrow() {
                return Ok(Ended::ShutDown);
            }
        }
        Ok(match state {
            ReaderState::Closed => Ended::Closed,
            ReaderState::CaughtUp if self.until_idle => Ended::Idle,
            _ => Ended::ShutDown,
        })
    }

    /// Whether the batch before it left the shard as was expected: halving, or labels read anew,
    /// may have left it otherwise.
    fn still_holds(&self, ahead: &PreparedAhead<T::Ready>, standing: &Standing) -> bool {
        let labels = self.labels.as_ref();
        ahead.place == standing.place
            && labels.is_some_and(|labels| Arc::ptr_eq(labels, &ahead.labels))
    }

    /// Applies a run of records, however many tries and halves that takes; `first` is the whole
    /// run prepared.
    async fn apply_run(
        &mut self,
        run: Run,
        first: Prepared<T::Ready>,
        standing: &mut Standing,
    ) -> Result<(), StopReason> {
        let mut ready = Some(first);
        let end = run.range.end;
        // Depth first and the first half first: the checkpoint moves in stream order.
        let mut pending = vec![run];
        while let Some(mut run) = pending.pop() {
            run.from = standing.place.checkpoint.clone();
            run.high = standing.place.high;
            let mut prepared = match ready.take() {
                Some(prepared) => prepared,
                None => self.prepare(run.clone()).await?,
            };
            // Also where the shard must stop before the first record: the target knows whether
            // the labels still hold under which it must.
            match self.apply(&prepared).await? {
                Applied::Committed(committed) => {
                    self.advance(&run, &prepared, &committed, standing);
                    let stop = prepared.stop.take();
                    prepared.team.clone().discard(prepared);
                    if let Some(stop) = stop {
                        return Err(stop);
                    }
                }
                Applied::StaleLabels => {
                    self.renew_labels(standing).await?;
                    pending = vec![run.anew(end)];
                }
                Applied::Refused(code) => {
                    let taints = std::mem::take(&mut prepared.taints);
                    pending.extend(self.less(Run { taints, ..run }, &code).await?);
                }
            }
        }
        Ok(())
    }

    /// What to try instead of a run that the target refused: its halves, or the one record with
    /// what is at fault held.
    async fn less(&mut self, run: Run, code: &str) -> Result<Vec<Run>, StopReason> {
        if run.range.len() > 1 {
            Ok(halves(run).into())
        } else if self.holds_all(&run) {
            // Nothing of the record itself is left in the batch: there is nothing more to hold.
            Err(refused_held(&run, code))
        } else {
            Ok(vec![self.held_back(run).await?])
        }
    }

    fn advance(
        &self,
        run: &Run,
        prepared: &Prepared<T::Ready>,
        committed: &Committed,
        standing: &mut Standing,
    ) {
        if let Some(last) = prepared.records.checked_sub(1) {
            standing.place.checkpoint = run.records[run.range.start + last].sequence.clone();
        }
        standing.place.high = prepared.high;
        self.progress.committed(
            prepared.records as u64,
            prepared.bytes,
            committed.applied(),
            prepared.quarantined,
        );
    }

    /// Plans and seals, waiting out whatever is temporary: a key service that is down stops
    /// writes and nothing else.
    async fn prepare(&mut self, run: Run) -> Result<Prepared<T::Ready>, StopReason> {
        let mut wait = FIRST_WAIT;
        loop {
            let labels = self.labels().await?;
            let planned = self.preparer.plan(run.clone(), labels).await;
            match self.preparer.finish(planned, &self.target).await {
                Ok(prepared) => return Ok(prepared),
                Err(error) if error.is_temporary() => {
                    tracing::warn!(shard = %self.name, %error, "sealing waits for its keys");
                    self.pause(&mut wait).await?;
                }
                Err(error) => return Err(StopReason::Keys(error.to_string())),
            }
        }
    }

    /// Reads the labels again. Before the first record of a shard the epoch may have become
    /// another one; what its ancestors had reached says nothing in that.
    async fn renew_labels(&mut self, standing: &mut Standing) -> Result<(), StopReason> {
        let before = self.labels.take();
        let now = self.labels().await?;
        let epoch = |labels: &Labels| labels.epoch_at(&standing.place.checkpoint);
        if before.is_some_and(|before| epoch(&before) != epoch(&now)) {
            standing.place.high = None;
        }
        Ok(())
    }

    pub(crate) async fn labels(&mut self) -> Result<Arc<Labels>, StopReason> {
        if let Some(labels) = &self.labels {
            return Ok(Arc::clone(labels));
        }
        let mut wait = FIRST_WAIT;
        loop {
            match self.target.labels(&self.name).await {
                Ok(labels) => return Ok(Arc::clone(self.labels.insert(Arc::new(labels)))),
                Err(error) => self.wait_out(error, &mut wait).await?,
            }
        }
    }

    /// Tries the same sealed batch until it is in, or another way is needed.
    async fn apply(&mut self, prepared: &Prepared<T::Ready>) -> Result<Applied, StopReason> {
        let mut wait = FIRST_WAIT;
        loop {
            match self.target.apply(&prepared.batch).await {
                Ok(committed) => return Ok(Applied::Committed(committed)),
                Err(TargetError::StaleLabels) => return Ok(Applied::StaleLabels),
                Err(TargetError::Data { code }) => {
                    tracing::warn!(shard = %self.name, %code, "the target refused a value; halving");
                    return Ok(Applied::Refused(code));
                }
                Err(error) => self.wait_out(error, &mut wait).await?,
            }
        }
    }

    /// Waits where the same may be tried again.
    async fn wait_out(
        &mut self,
        error: TargetError,
        wait: &mut Duration,
    ) -> Result<(), StopReason> {
        let TargetError::Transient(error) = error else {
            return Err(stop_of(error));
        };
        tracing::warn!(shard = %self.name, %error, "the target is tried again");
        self.pause(wait).await
    }

    /// Notes now and then that there was nothing more when the source was `asked`. Tried once: what
    /// the target does not know, it learns the next time.
    async fn note_end(&self, asked: Instant, standing: &mut Standing) {
        let is_due = |noted: Instant| noted.elapsed() >= BETWEEN_NOTES;
        let is_wanted = self.notes_end && standing.end_noted.is_none_or(is_due);
        // The target notes its own time: what waited to be applied is no longer true of now.
        if !is_wanted || asked.elapsed() >= STILL_TRUE {
            return;
        }
        let (fence, place) = (standing.fence, &standing.place);
        match self
            .target
            .note_end(&self.name, fence, &place.checkpoint)
            .await
        {
            Ok(()) => standing.end_noted = Some(Instant::now()),
            Err(error) => tracing::debug!(shard = %self.name, %error, "its end is not noted"),
        }
    }

    async fn close(&mut self, fence: i64) -> Result<(), StopReason> {
        let mut wait = FIRST_WAIT;
        loop {
            match self.target.close_shard(&self.name, fence).await {
                Ok(()) => return Ok(()),
                Err(error) => self.wait_out(error, &mut wait).await?,
            }
        }
    }

    /// Waits, longer each time. A run that shuts down does not wait: the batch is read again by the next.
    pub(crate) async fn pause(&mut self, wait: &mut Duration) -> Result<(), StopReason> {
        tokio::select! {
            () = sleep(*wait) => {}
            _ = self.shutdown.wait_for(|stop| *stop) => {
                return Err(StopReason::ShutDown);
            }
        }
        *wait = (*wait * 2).min(LONGEST_WAIT);
        Ok(())
    }
}

enum Applied {
    Committed(Committed),
    StaleLabels,
    /// With the target's code.
    Refused(String),
}

/// The second half, and the first, which is to be applied first.
fn halves(run: Run) -> [Run; 2] {
    let middle = run.range.start + run.range.len() / 2;
    let first = Run {
        range: run.range.start..middle,
        ..run.clone()
    };
    let second = Run {
        range: middle..run.range.end,
        ..run
    };
    [second, first]
}

fn refused_held(run: &Run, code: &str) -> StopReason {
    let place = &run.records[run.range.start].sequence;
    StopReason::Target(format!(
        "it took neither the row of record {place} of shard {} nor the sealed record into \
         fieldseal_quarantine (code {code}), so nothing of it is stored and the checkpoint stays \
         before it; look at that table and at what else the code can mean (room on the disk, the \
         longest packet), then start again",
        run.shard
    ))
}

fn stop_of(error: TargetError) -> StopReason {
    match error {
        TargetError::Fenced { .. } => StopReason::Fenced,
        error => StopReason::Target(error.to_string()),
    }
}
