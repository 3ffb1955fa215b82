//! Room in memory for records that were fetched and are not yet applied. Owns how much there is
//! for all shards of a run together, and how much of it one fetch asks for.
//!
//! Each shard reads ahead, and there may be hundreds: without a common bound, what is in memory
//! would grow with their number.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of records for each core. A record takes five to six times its size while it is decoded,
/// sealed and encoded, so that two cores stay below 256 MiB.
const FOR_EACH_CORE: usize = 16 << 20;

/// What the first fetch of a shard asks for, and every one at the least.
const LEAST: usize = 256 << 10;

/// The unit that is counted in.
const UNIT: usize = 1 << 10;

/// The room of one run.
#[derive(Clone)]
pub(crate) struct Room {
    units: Arc<Semaphore>,
    total: u32,
}

/// Room that is taken until this is dropped.
pub(super) struct Taken(OwnedSemaphorePermit);

impl Room {
    /// For the cores of this machine, and for one fetch of `largest` bytes at least.
    pub(crate) fn new(largest: usize) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let total = units(largest.max(cores * FOR_EACH_CORE));
        Self {
            units: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// Waits for room; who waits longest comes first. What is taken is given back once it is
    /// applied, and nothing that is to be applied waits for room, so the wait ends.
    pub(super) async fn take(&self, bytes: usize) -> Taken {
        let wanted = units(bytes).min(self.total);
        let permit = Arc::clone(&self.units).acquire_many_owned(wanted).await;
        Taken(permit.expect("the semaphore is never closed"))
    }
}

impl Taken {
    /// Gives back what was not needed.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let unneeded = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(unneeded));
    }
}

/// What the next fetch asks for, after one that asked for `asked` and brought `bytes`: twice as
/// much behind a full one, so that a shard with little to say holds no room for more.
pub(super) fn next_size(asked: usize, bytes: usize, largest: usize) -> usize {
    let wanted = if bytes >= asked { asked * 2 } else { bytes * 2 };
    wanted.max(LEAST).min(largest)
}

/// What the first fetch asks for.
pub(super) fn first_size(largest: usize) -> usize {
    LEAST.min(largest)
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3)
}

#[cfg(test)]
mod tests {
    use super::{FOR_EACH_CORE, LEAST, Room, next_size};

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_is_not_taken_twice_until_it_is_given_back() {
        let room = Room::new(0);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut all = room.take(cores * FOR_EACH_CORE).await;
        let wait = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(wait, room.take(1)).await.is_err());
        all.shrink(LEAST);
        let rest = room.take(cores * FOR_EACH_CORE - LEAST).await;
        assert!(tokio::time::timeout(wait, room.take(1)).await.is_err());
        drop((all, rest));
        assert_eq!(room.take(7).await.0.num_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_there_is_means_all_of_it() {
        let room = Room::new(0);
        let all = room.take(usize::MAX).await;
        assert_eq!(all.0.num_permits(), room.total as usize);
    }

    #[test]
    fn full_fetches_grow_and_small_ones_shrink() {
        assert_eq!(next_size(LEAST, LEAST, 8 * LEAST), 2 * LEAST);
        assert_eq!(next_size(8 * LEAST, 8 * LEAST, 8 * LEAST), 8 * LEAST);
        assert_eq!(next_size(8 * LEAST, 10, 8 * LEAST), LEAST);
        assert_eq!(next_size(8 * LEAST, 3 * LEAST, 8 * LEAST), 6 * LEAST);
        assert_eq!(next_size(LEAST, LEAST, LEAST / 2), LEAST / 2);
    }
}
