//! One shard: its range of hashes, its place in the lineage, its records and its end. Records leave it at
//! the front only, when their retention is over.

use std::collections::VecDeque;
use std::fmt;

use super::limits::{ReadLimit, WriteLimit};
use super::sequence::Sequence;
use crate::rate::CallLimit;

/// Both ends included, as in `API_HashKeyRange`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HashRange {
    pub(super) first: u128,
    pub(super) last: u128,
}

/// `shardId-000000000007`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShardId(pub(super) u64);

impl ShardId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let id = Self(text.strip_prefix("shardId-")?.parse().ok()?);
        (id.to_string() == text).then_some(id)
    }

    /// Where it stands in its stream: ids are given out in order.
    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shardId-{:012}", self.0)
    }
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) count: u64,
    pub(super) arrived: u64,
    pub(super) encrypted: bool,
    /// Data and partition key: what limits count.
    pub(super) bytes: u64,
    pub(super) partition_key: Box<str>,
    /// As it came: base64.
    pub(super) data: Box<str>,
}

/// Why and when a shard takes no more records.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) at: u64,
    pub(super) children: Vec<ShardId>,
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) id: ShardId,
    pub(super) range: HashRange,
    pub(super) parent: Option<ShardId>,
    pub(super) adjacent: Option<ShardId>,
    pub(super) opened: u64,
    pub(super) closed: Option<Closed>,
    pub(super) records: VecDeque<Record>,
    /// The count of the last record that retention took away; 0 if none.
    pub(super) trimmed: u64,
    pub(super) calls: CallLimit,
    pub(super) iterators: CallLimit,
    pub(super) reads: ReadLimit,
    pub(super) writes: WriteLimit,
    base: u64,
    /// The count of the last record put.
    last: u64,
}

impl Shard {
    pub(super) fn new(id: ShardId, range: HashRange, base: u64, now: u64) -> Self {
        Self {
            id,
            range,
            parent: None,
            adjacent: None,
            opened: now,
            closed: None,
            records: VecDeque::new(),
            trimmed: 0,
            calls: CallLimit::default(),
            iterators: CallLimit::default(),
            reads: ReadLimit::default(),
            writes: WriteLimit::default(),
            base,
            last: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// The lowest number of the shard; no record has it.
    pub(super) fn starting(&self) -> Sequence {
        self.sequence(0)
    }

    /// Above all its records, once it is closed.
    pub(super) fn ending(&self) -> Option<Sequence> {
        self.closed.as_ref().map(|_| self.sequence(self.last + 1))
    }

    pub(super) fn sequence(&self, count: u64) -> Sequence {
        Sequence {
            base: self.base,
            count,
            shard: self.id.0,
        }
    }

    /// Whether it can have given out this number.
    pub(super) fn knows(&self, number: Sequence) -> bool {
        let end = self.ending().map_or(self.last, |ending| ending.count);
        number.base == self.base && number.count <= end
    }

    /// Where the next record will be.
    pub(super) fn tip(&self) -> u64 {
        self.last + 1
    }

    pub(super) fn push(&mut self, mut record: Record) -> Sequence {
        // Numbers have gaps, of a width that is the same in each run.
        self.last += 1 + (self.last * 31 + self.id.0) % 5;
        record.count = self.last;
        self.records.push_back(record);
        self.sequence(self.last)
    }

    /// Index of the first record at or after this count.
    pub(super) fn find(&self, count: u64) -> usize {
        self.records.partition_point(|record| record.count < count)
    }

    /// The count to read from for records that came at this time or later.
    pub(super) fn since(&self, millis: u64) -> u64 {
        // A clock that was held and released never goes back, so arrivals are in order.
        let index = self
            .records
            .partition_point(|record| record.arrived < millis);
        self.records
            .get(index)
            .map_or(self.tip(), |record| record.count)
    }

    pub(super) fn trim(&mut self, horizon: u64) {
        while self
            .records
            .front()
            .is_some_and(|record| record.arrived < horizon)
        {
            self.trimmed = self.records.pop_front().map_or(0, |record| record.count);
        }
    }

    /// Closed, and all it ever held is past retention (Developer Guide, "Data routing, data persistence,
    /// and shard state after a reshard": such a shard is `EXPIRED`).
    pub(super) fn expired(&self, horizon: u64) -> bool {
        self.closed
            .as_ref()
            .is_some_and(|closed| closed.at < horizon)
    }
}
