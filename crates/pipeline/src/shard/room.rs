//! Room in memory for records that were fetched and are not yet applied. Owns how much there is
//! for all shards of a run together, and how much of it one fetch asks for.
//!
//! Each shard reads ahead, and there may be hundreds: without a common bound, what is in memory
//! would grow with their number. What shards in trouble hold they do not give back, so each shard
//! has a little that no other can take: in memory is at most the common room, and [`LEAST`] for
//! each shard.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of records for each core. A record takes five to six times its size while it is decoded,
/// sealed and encoded, so that two cores stay below 256 MiB.
const FOR_EACH_CORE: usize = 14 << 20;

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

/// What one shard may take: of the common room, or what only it has.
pub(super) struct ShardRoom {
    common: Room,
    own: Arc<Semaphore>,
}

/// Room that is taken until this is dropped.
pub(super) struct Taken {
    permit: OwnedSemaphorePermit,
    bytes: usize,
}

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

    /// The same with what one shard has of its own.
    pub(super) fn of_shard(&self) -> ShardRoom {
        ShardRoom {
            common: self.clone(),
            own: Arc::new(Semaphore::new(units(LEAST) as usize)),
        }
    }

    /// Waits for room; who waits longest comes first.
    pub(super) async fn take(&self, bytes: usize) -> Taken {
        let wanted = units(bytes).min(self.total);
        let permit = Arc::clone(&self.units).acquire_many_owned(wanted).await;
        Taken {
            permit: permit.expect("the semaphore is never closed"),
            bytes,
        }
    }
}

impl ShardRoom {
    /// Waits for room, or for what the shard has of its own: [`LEAST`], which is less than may be
    /// asked for. That is given back once it is applied, and nothing that is to be applied waits
    /// for room, so the wait ends unless the shard itself is in trouble.
    pub(super) async fn take(&self, bytes: usize) -> Taken {
        let own = Arc::clone(&self.own);
        tokio::select! {
            biased;
            common = self.common.take(bytes) => common,
            permit = own.acquire_many_owned(units(LEAST)) => Taken {
                permit: permit.expect("the semaphore is never closed"),
                bytes: bytes.min(LEAST),
            },
        }
    }
}

impl Taken {
    /// How many bytes there is room for.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives back what was not needed.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let taken = self.permit.num_permits();
        let unneeded = taken.saturating_sub(units(bytes) as usize);
        drop(self.permit.split(unneeded));
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
        assert_eq!(room.take(7).await.permit.num_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_there_is_means_all_of_it() {
        let room = Room::new(0);
        let all = room.take(usize::MAX).await;
        assert_eq!(all.permit.num_permits(), room.total as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shard_has_a_little_that_others_cannot_take() {
        let room = Room::new(0);
        let shard = room.of_shard();
        let common = shard.take(2 * LEAST).await;
        assert_eq!(common.bytes(), 2 * LEAST);
        let rest = room
            .take(room.total as usize * super::UNIT - 2 * LEAST)
            .await;
        let own = shard.take(2 * LEAST).await;
        assert_eq!(own.bytes(), LEAST);
        let wait = std::time::Duration::from_secs(1);
        let more = tokio::time::timeout(wait, shard.take(1)).await;
        assert!(more.is_err(), "it has no more of its own");
        drop(own);
        assert_eq!(shard.take(7).await.bytes(), 7);
        drop((common, rest));
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
