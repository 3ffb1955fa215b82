//! Preparing deliveries while those before them are applied, so that neither the target nor the
//! cores wait for each other. Owns how many are ahead and in which state each expects its shard;
//! whether that came true is for the applying half to tell.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::ShardPlace;
use super::fetching::Delivery;
use crate::prepare::{Prepared, Preparer};
use crate::{Labels, Target};

/// Deliveries ahead of the one that is applied: one that is ready when the target is, and one
/// that is prepared meanwhile. More would only take memory.
const DEPTH: usize = 2;

/// Where the shard is expected to stand, and the labels to plan under.
type Start = (ShardPlace, Arc<Labels>);

/// What was prepared, under which labels, and where the shard was expected to stand before it.
pub(super) struct PreparedAhead<B> {
    pub(super) place: ShardPlace,
    pub(super) labels: Arc<Labels>,
    pub(super) prepared: Prepared<B>,
}

/// A delivery with its preparation; none for a delivery without records.
struct Ahead<B> {
    delivery: Delivery,
    /// `None`: keys could not be had, or the shard must stop before it. Whoever comes to it
    /// prepares it again, and waits.
    task: Option<JoinHandle<Option<PreparedAhead<B>>>>,
}

/// The deliveries of one shard, the next ones prepared.
pub(super) struct Lookahead<T: Target> {
    preparer: Arc<Preparer>,
    target: Arc<T>,
    shard: String,
    fence: i64,
    deliveries: mpsc::Receiver<Delivery>,
    queue: VecDeque<Ahead<T::Ready>>,
    /// Where the last delivery that was handed out or queued leaves the shard; nothing comes of
    /// it when that is not known.
    behind: oneshot::Receiver<Start>,
}

impl<T: Target> Lookahead<T> {
    pub(super) fn new(
        preparer: Arc<Preparer>,
        target: Arc<T>,
        shard: String,
        fence: i64,
        deliveries: mpsc::Receiver<Delivery>,
    ) -> Self {
        Self {
            preparer,
            target,
            shard,
            fence,
            deliveries,
            queue: VecDeque::with_capacity(DEPTH),
            behind: oneshot::channel().1,
        }
    }

    /// The next delivery, with what was prepared of it. `None` behind the last one.
    pub(super) async fn next(&mut self) -> Option<(Delivery, Option<PreparedAhead<T::Ready>>)> {
        if self.queue.is_empty() {
            let delivery = self.deliveries.recv().await?;
            self.push(delivery);
        }
        let Ahead { delivery, task } = self.queue.pop_front()?;
        let Some(task) = task else {
            return Some((delivery, None));
        };
        // While this one is waited for, those behind it are begun.
        let prepared = tokio::select! {
            prepared = task => prepared,
            never = self.keep_full() => match never {},
        };
        let prepared =
            prepared.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        Some((delivery, prepared))
    }

    /// Begins anew behind the delivery that was handed out last: what was expected of it did not
    /// come true, or was not known.
    pub(super) fn restart(&mut self, start: Option<Start>) {
        let (sender, behind) = oneshot::channel();
        self.behind = behind;
        if let Some(start) = start {
            // The receiver is this struct's own.
            let _ = sender.send(start);
        }
        for ahead in std::mem::take(&mut self.queue) {
            if let Some(task) = ahead.task {
                task.abort();
            }
            self.push(ahead.delivery);
        }
    }

    /// Prepares deliveries as they arrive; ends only by being dropped, and loses nothing then.
    pub(super) async fn keep_full(&mut self) -> Infallible {
        loop {
            if self.queue.len() < DEPTH
                && let Some(delivery) = self.deliveries.recv().await
            {
                self.push(delivery);
            } else {
                std::future::pending::<()>().await;
            }
        }
    }

    fn push(&mut self, delivery: Delivery) {
        let task = (!delivery.records.is_empty()).then(|| self.prepare(&delivery));
        self.queue.push_back(Ahead { delivery, task });
    }

    /// Prepares a delivery as soon as it is known how the one before it leaves the shard.
    fn prepare(&mut self, delivery: &Delivery) -> JoinHandle<Option<PreparedAhead<T::Ready>>> {
        let (sender, behind) = oneshot::channel();
        let before = std::mem::replace(&mut self.behind, behind);
        let (preparer, target) = (Arc::clone(&self.preparer), Arc::clone(&self.target));
        let records = Arc::clone(&delivery.records);
        let (shard, fence) = (self.shard.clone(), self.fence);
        tokio::spawn(async move {
            let (place, labels) = before.await.ok()?;
            let run = place.run(&shard, fence, &records);
            let planned = preparer.plan(run, Arc::clone(&labels)).await;
            if !planned.stops() {
                let behind = ShardPlace::behind(records.last()?, planned.high());
                // Nobody listens when the loop has ended.
                let _ = sender.send((behind, Arc::clone(&labels)));
            }
            let prepared = preparer.finish(planned, &target).await.ok()?;
            Some(PreparedAhead {
                place,
                labels,
                prepared,
            })
        })
    }
}
