//! The fetching half of a shard's loop: asks the reader, waits at the shard's end, and tries a
//! source that is away again. Knows nothing of what becomes of the records.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep};

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
    /// When the source was asked.
    pub(super) asked: Instant,
    /// The room in memory that the records take, given back with them.
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
        let shard_room = self.room.of_shard();
        loop {
            let fetching = async {
                // Without room: it may take as long as a shard's pace wants.
                reader.due().await;
                let room = shard_room.take(size).await;
                let limits = BatchLimits {
                    bytes: room.bytes(),
                    ..self.limits
                };
                let asked = Instant::now();
                (reader.next(limits).await, room, asked)
            };
            let (fetched, mut room, asked) = tokio::select! {
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
            size = next_size(room.bytes(), bytes, self.limits.bytes);
            room.shrink(bytes);
            let delivery = Delivery {
                records: Arc::new(records),
                state,
                lag,
                asked,
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use fieldseal_model::{Plaintext, SequenceNumber};
    use tokio::sync::{mpsc, watch};
    use tokio::time::{Duration, timeout};

    use super::Fetching;
    use crate::shard::Room;
    use crate::{BatchLimits, Fetched, ReaderState, ShardReader, SourceError, StreamRecord};

    /// A reader that may never fetch.
    struct Paced;

    #[async_trait]
    impl ShardReader for Paced {
        async fn due(&mut self) {
            std::future::pending::<()>().await;
        }

        async fn next(&mut self, _: BatchLimits) -> Result<Fetched, SourceError> {
            unreachable!("it is never due")
        }
    }

    /// A reader that brings what there is room for, as one delivery after another.
    struct Full;

    #[async_trait]
    impl ShardReader for Full {
        async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
            let record = StreamRecord {
                sequence: SequenceNumber::from(1),
                data: Plaintext::new(vec![b' '; limits.bytes]),
            };
            Ok(Fetched {
                records: vec![record],
                state: ReaderState::More,
                lag: None,
            })
        }
    }

    fn fetching(room: &Room, shutdown: watch::Receiver<bool>) -> Fetching {
        Fetching {
            limits: BatchLimits {
                records: 1,
                bytes: usize::MAX,
            },
            room: room.clone(),
            until_idle: false,
            shutdown,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_shard_is_read_while_others_in_trouble_hold_all_the_room() {
        let room = Room::new(0);
        let _held = room.take(usize::MAX).await;
        let (_stop, shutdown) = watch::channel(false);
        let (sender, mut deliveries) = mpsc::channel(1);
        tokio::spawn(fetching(&room, shutdown).run(Full, sender));
        for _ in 0..3 {
            let delivery = timeout(Duration::from_secs(60), deliveries.recv()).await;
            let delivery = delivery.expect("the shard is read").expect("it goes on");
            assert_eq!(delivery.records[0].data.len(), 256 << 10);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_its_pace_holds_no_room() {
        let room = Room::new(0);
        let (_stop, shutdown) = watch::channel(false);
        let (sender, _deliveries) = mpsc::channel(1);
        let fetching = fetching(&room, shutdown);
        let waiting = tokio::spawn(fetching.run(Paced, sender));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let all = timeout(Duration::from_secs(1), room.take(usize::MAX)).await;
        assert!(all.is_ok() && !waiting.is_finished());
    }
}
