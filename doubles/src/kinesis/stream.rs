//! One stream: its shards in the order of their ids, which of them are open, and its life. Splits and
//! merges change it here; who may ask for them is checked in `reshard`.

use serde_json::Value;

use super::encode;
use super::shard::{Closed, HashRange, Shard, ShardId};

/// Milliseconds of an hour.
const HOUR: u64 = 3_600_000;

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) created: u64,
    /// `CREATING` or `UPDATING` until then.
    pub(super) settled_at: u64,
    pub(super) fresh: bool,
    pub(super) retention_hours: u32,
    /// The key of server-side encryption, if it is on.
    pub(super) key: Option<String>,
    pub(super) shards: Vec<Shard>,
    /// When its shard count was updated: ten times a day at most (`API_UpdateShardCount`).
    pub(super) scaled: Vec<u64>,
    /// Open shards by their first hash.
    open: Vec<ShardId>,
    last_base: u64,
}

impl Stream {
    /// A stream with even ranges that is `CREATING` until `settled_at`.
    pub(super) fn new(shards: u32, now: u64, settled_at: u64) -> Self {
        let mut stream = Self {
            created: now,
            settled_at,
            fresh: true,
            retention_hours: 24,
            key: None,
            shards: Vec::new(),
            scaled: Vec::new(),
            open: Vec::new(),
            last_base: now,
        };
        for range in even_ranges(shards) {
            stream.add(range, now);
        }
        stream
    }

    /// `API_StreamDescriptionSummary`
    pub(super) fn status(&self, now: u64) -> &'static str {
        match (now < self.settled_at, self.fresh) {
            (false, _) => "ACTIVE",
            (true, true) => "CREATING",
            (true, false) => "UPDATING",
        }
    }

    pub(super) fn updating(&mut self, until: u64) {
        self.fresh = false;
        self.settled_at = until;
    }

    /// The children of a closed shard, as `API_ChildShard`.
    pub(super) fn children(&self, id: ShardId) -> Vec<Value> {
        let closed = self.shards[id.index()].closed.as_ref();
        let children = closed.iter().flat_map(|closed| &closed.children);
        children
            .map(|id| encode::child(&self.shards[id.index()]))
            .collect()
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn stored(&self) -> usize {
        self.shards.iter().map(|shard| shard.records.len()).sum()
    }

    /// What is older is gone.
    pub(super) fn horizon(&self, now: u64) -> u64 {
        now.saturating_sub(u64::from(self.retention_hours) * HOUR)
    }

    /// A shard that is not expired.
    pub(super) fn shard(&self, id: ShardId, now: u64) -> Option<&Shard> {
        let shard = self.shards.get(id.index())?;
        (!shard.expired(self.horizon(now))).then_some(shard)
    }

    /// The same, to change it, with what is past retention taken away.
    pub(super) fn shard_mut(&mut self, id: ShardId, now: u64) -> Option<&mut Shard> {
        let horizon = self.horizon(now);
        let shard = self.shards.get_mut(id.index())?;
        if shard.expired(horizon) {
            return None;
        }
        shard.trim(horizon);
        Some(shard)
    }

    /// The open shard whose range has this hash.
    pub(super) fn route(&mut self, hash: u128) -> &mut Shard {
        let at = self
            .open
            .partition_point(|id| self.shards[id.index()].range.first <= hash);
        // The first range begins at 0, so there is one before.
        let id = self.open[at - 1];
        &mut self.shards[id.index()]
    }

    /// `API_SplitShard`: the parent closes, two children with the parts of its range open.
    pub(super) fn split(&mut self, parent: ShardId, second_first: u128, now: u64) {
        let range = self.shards[parent.index()].range;
        self.last_base = now.max(self.last_base + 1);
        let children = [
            self.add(
                HashRange {
                    last: second_first - 1,
                    ..range
                },
                now,
            ),
            self.add(
                HashRange {
                    first: second_first,
                    ..range
                },
                now,
            ),
        ];
        for child in children {
            self.shards[child.index()].parent = Some(parent);
        }
        self.close(parent, children.to_vec(), now);
    }

    /// `API_MergeShards`: both parents close, one child with both ranges opens.
    pub(super) fn merge(&mut self, parent: ShardId, adjacent: ShardId, now: u64) {
        let [one, other] = [parent, adjacent].map(|id| self.shards[id.index()].range);
        self.last_base = now.max(self.last_base + 1);
        let range = HashRange {
            first: one.first.min(other.first),
            last: one.last.max(other.last),
        };
        let child = self.add(range, now);
        let shard = &mut self.shards[child.index()];
        (shard.parent, shard.adjacent) = (Some(parent), Some(adjacent));
        self.close(parent, vec![child], now);
        self.close(adjacent, vec![child], now);
    }

    /// `API_UpdateShardCount`: even ranges, by splits and merges, short-lived shards in between.
    pub(super) fn scale(&mut self, target: u32, now: u64) {
        let ranges = even_ranges(target);
        for range in &ranges[1..] {
            let shard = self.route(range.first);
            if shard.range.first != range.first {
                let id = shard.id;
                self.split(id, range.first, now);
            }
        }
        for range in ranges {
            while self.route(range.first).range != range {
                let left = self.route(range.first);
                let (id, next) = (left.id, left.range.last + 1);
                let right = self.route(next).id;
                self.merge(id, right, now);
            }
        }
    }

    fn add(&mut self, range: HashRange, now: u64) -> ShardId {
        let id = ShardId(u64::try_from(self.shards.len()).unwrap_or(u64::MAX));
        self.shards.push(Shard::new(id, range, self.last_base, now));
        self.open.push(id);
        self.sort_open();
        id
    }

    fn close(&mut self, id: ShardId, children: Vec<ShardId>, now: u64) {
        self.shards[id.index()].closed = Some(Closed { at: now, children });
        self.open.retain(|open| *open != id);
    }

    fn sort_open(&mut self) {
        let shards = &self.shards;
        self.open
            .sort_by_key(|id| (shards[id.index()].range.first, *id));
    }
}

/// 2^128 in equal parts; the last takes the remainder, as on AWS.
fn even_ranges(count: u32) -> Vec<HashRange> {
    let count = u128::from(count.max(1));
    let width = if count == 1 {
        0
    } else {
        u128::MAX / count + u128::from(u128::MAX % count == count - 1)
    };
    (0..count)
        .map(|at| HashRange {
            first: at * width,
            last: if at + 1 == count {
                u128::MAX
            } else {
                (at + 1) * width - 1
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Stream, even_ranges};

    #[test]
    fn ranges_cover_every_hash_once() {
        for count in [1, 2, 3, 7, 8, 100] {
            let ranges = even_ranges(count);
            assert_eq!(ranges[0].first, 0);
            assert_eq!(ranges.last().unwrap().last, u128::MAX);
            assert!(
                ranges.windows(2).all(|two| two[0].last + 1 == two[1].first),
                "{count}"
            );
        }
    }

    #[test]
    fn scaling_ends_in_even_ranges_through_any_count() {
        let mut stream = Stream::new(3, 0, 0);
        for target in [5, 8, 4, 7, 2, 1, 6] {
            stream.scale(target, 1);
            let ids = stream.open.iter();
            let ranges: Vec<_> = ids.map(|id| stream.shards[id.index()].range).collect();
            assert_eq!(ranges, even_ranges(target), "{target}");
        }
    }

    #[test]
    fn a_childs_numbers_follow_its_parents() {
        let mut stream = Stream::new(1, 5, 5);
        let parent = stream.shards[0].id;
        stream.split(parent, 1 << 100, 5);
        let ending = stream.shards[0].ending().unwrap();
        assert!(
            stream.shards[1..]
                .iter()
                .all(|child| child.starting() > ending)
        );
    }
}
