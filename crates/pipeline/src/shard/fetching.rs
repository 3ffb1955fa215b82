//! The fetching half of a shard's loop: asks the reader, waits at the shard's end, and tries a
//! source that is away again. Knows nothing of what becomes of the records.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, sleep};

use super::room::{Room, Taken, first_size, next_size};
use super::{FIRST_WAIT, LONGEST_WAIT};
use crate::{BatchLimits, Fetched, ReaderState, ShardReader, StopReason, StreamRecord};

/// How long to wait for more records at the end of a shard.
const IDLE_WAIT: Duration = Duration::from_millis(200);

/// What the fetching half hands to the applying half.
pub(super) struct Delivery {
    pub(super) records: Arc<Vec<StreamRecord>>,
    pub(super) state: ReaderState,
    pub(super) lag: Option<u64>,
    /// The room in memory that the records take, given back with them.
    #[expect(dead_code, reason = "kept for its drop")]
    pub(super) room: Taken,
}

/// The fetching half of a shard's loop.
pub(super) struct Fetching {
    pub(super) limits: BatchLimits,
    pub(super) room: Room,
    pub(super) until_idle: bool,
    pub(super) shutdown: watch::Receiver<bool>,
}

impl Fetching {
    pub(super) async fn run(
        mut self,
        mut reader: impl ShardReader,
        sender: mpsc::Sender<Delivery>,
    ) -> Result<(), StopReason> {
        let mut wait = FIRST_WAIT;
        let mut size = first_size(self.limits.bytes);
        loop {
            let limits = BatchLimits {
                bytes: size,
                ..self.limits
            };
            let fetching = async {
                let room = self.room.take(size).await;
                (reader.next(limits).await, room)
            };
            let (fetched, mut room) = tokio::select! {
                _ = self.shutdown.wait_for(|stop| *stop) => return Ok(()),
                // The shard has stopped: a source that waits or is away must not hold it up.
                () = sender.closed() => return Ok(()),
                fetched = fetching => fetched,
            };
            let Fetched {
                records,
                state,
                lag,
            } = match fetched {
                Ok(fetched) => fetched,
                Err(error) if error.transient => {
                    // Others need it meanwhile.
                    drop(room);
                    tracing::warn!(%error, "the source is tried again");
                    tokio::select! {
                        () = self.rest(wait) => {}
                        () = sender.closed() => return Ok(()),
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                    continue;
                }
                Err(error) => return Err(StopReason::Source(error.to_string())),
            };
            wait = FIRST_WAIT;
            let empty = records.is_empty();
            let bytes = records.iter().map(|record| record.data.len()).sum();
            size = next_size(size, bytes, self.limits.bytes);
            room.shrink(bytes);
            let delivery = Delivery {
                records: Arc::new(records),
                state,
                lag,
                room,
            };
            if sender.send(delivery).await.is_err() {
                return Ok(());
            }
            match state {
                ReaderState::Closed => return Ok(()),
                ReaderState::CaughtUp if self.until_idle => return Ok(()),
                ReaderState::CaughtUp if empty => self.rest(IDLE_WAIT).await,
                ReaderState::CaughtUp | ReaderState::More => {}
            }
        }
    }

    /// Waits, but not for longer than the run goes on.
    async fn rest(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            _ = self.shutdown.wait_for(|stop| *stop) => {}
        }
    }
}
