//! Shards in memory. Owns their records and how much of them a reader may see yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use fieldseal_model::{Plaintext, Position, SequenceNumber};
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, RecordSource, ShardInfo, ShardReader, SourceError,
    StreamRecord,
};

/// A set of shards. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Stream {
    shards: Arc<Mutex<Vec<Shard>>>,
}

#[derive(Default)]
struct Shard {
    records: Vec<Kept>,
    /// How many of the records may be read.
    visible: usize,
    /// Whether the present run reads it.
    listed: bool,
    closed: bool,
    lineage: u32,
    /// The highest file number in it, within the present lineage.
    file: u32,
}

struct Kept {
    sequence: u64,
    data: Vec<u8>,
    /// How many lineages had begun when it came.
    lineage: u32,
    position: Option<u64>,
}

impl Shard {
    fn last(&self) -> u64 {
        self.records.last().map_or(0, |kept| kept.sequence)
    }
}

pub(super) fn name(shard: usize) -> String {
    format!("shard-{shard}")
}

impl Stream {
    pub(super) fn new(shards: usize) -> Self {
        let stream = Self::default();
        (0..shards).for_each(|_| stream.add_shard());
        stream
    }

    fn shards(&self) -> MutexGuard<'_, Vec<Shard>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.shards().len()
    }

    pub(super) fn add_shard(&self) {
        self.shards().push(Shard::default());
    }

    /// Closes a shard unless it is the last one open.
    pub(super) fn close(&self, shard: usize) -> bool {
        let mut shards = self.shards();
        let open = shards.iter().filter(|shard| !shard.closed).count();
        let closes = open > 1 && !shards[shard].closed;
        shards[shard].closed |= closes;
        closes
    }

    /// The shards that still take records.
    pub(super) fn open_shards(&self) -> Vec<usize> {
        let shards = self.shards();
        (0..shards.len())
            .filter(|shard| !shards[*shard].closed)
            .collect()
    }

    /// Whether a record of this file could come next in the shard of one lineage.
    pub(super) fn takes(&self, shard: usize, file: u32) -> bool {
        let shards = self.shards();
        !shards[shard].closed && shards[shard].file <= file
    }

    pub(super) fn append(&self, shard: usize, gap: u64, position: Option<u64>, data: Vec<u8>) {
        let shard = &mut self.shards()[shard];
        assert!(!shard.closed, "a closed shard takes no record");
        let (sequence, lineage) = (shard.last() + gap, shard.lineage);
        shard.records.push(Kept {
            sequence,
            data,
            lineage,
            position,
        });
        let file = position.map_or(0, |position| Position(position).file());
        shard.file = shard.file.max(file);
    }

    pub(super) fn begin_lineage(&self) {
        for shard in self.shards().iter_mut() {
            shard.file = 0;
            shard.lineage += 1;
        }
    }

    /// The highest position up to a place, within the lineage of the record there.
    pub(super) fn high_at(&self, shard: usize, place: u64) -> Option<u64> {
        let shards = self.shards();
        let before = || {
            shards[shard]
                .records
                .iter()
                .filter(|kept| kept.sequence <= place)
        };
        let lineage = before().next_back()?.lineage;
        before()
            .filter(|kept| kept.lineage == lineage)
            .filter_map(|kept| kept.position)
            .max()
    }

    /// What a mark is made of: each shard's end, none for a closed one.
    pub(super) fn ends(&self) -> Vec<(String, Option<SequenceNumber>)> {
        let shards = self.shards();
        let end = |shard: &Shard| (!shard.closed).then(|| SequenceNumber::from(shard.last()));
        shards
            .iter()
            .enumerate()
            .map(|(n, shard)| (name(n), end(shard)))
            .collect()
    }

    /// Where each shard ends, and whether it is closed.
    pub(super) fn lasts(&self) -> Vec<(u64, bool)> {
        self.shards()
            .iter()
            .map(|shard| (shard.last(), shard.closed))
            .collect()
    }

    /// The sequence numbers of a shard's records.
    pub(super) fn sequences(&self, shard: usize) -> Vec<u64> {
        self.shards()[shard]
            .records
            .iter()
            .map(|kept| kept.sequence)
            .collect()
    }

    /// The next run reads only these shards, and `more` records of each beyond what it could
    /// read before.
    pub(super) fn show(&self, which: &[usize], more: usize) {
        for (number, shard) in self.shards().iter_mut().enumerate() {
            shard.listed = which.contains(&number);
            if shard.listed {
                shard.visible = shard.visible.saturating_add(more).min(shard.records.len());
            }
        }
    }
}

#[async_trait]
impl RecordSource for Stream {
    type Reader = Reader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let shards = self.shards();
        let listed = shards.iter().enumerate().filter(|(_, shard)| shard.listed);
        Ok(listed
            .map(|(number, _)| ShardInfo {
                name: name(number),
                parents: Vec::new(),
            })
            .collect())
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<Reader, SourceError> {
        let shards = self.shards();
        let number = (0..shards.len()).find(|number| name(*number) == shard);
        let number = number.ok_or_else(|| SourceError {
            what: "no such shard".to_owned(),
            transient: false,
            lost: false,
        })?;
        let before = |kept: &Kept| SequenceNumber::from(kept.sequence) <= *after;
        let next = shards[number].records.partition_point(before);
        Ok(Reader {
            stream: self.clone(),
            number,
            next,
        })
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        let ends = self.ends();
        Ok(ends
            .into_iter()
            .find(|(name, _)| name == shard)
            .and_then(|(_, end)| end))
    }
}

/// Reads one shard as far as it is visible.
pub(super) struct Reader {
    stream: Stream,
    number: usize,
    next: usize,
}

#[async_trait]
impl ShardReader for Reader {
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let shards = self.stream.shards();
        let shard = &shards[self.number];
        let end = shard.visible.max(self.next).min(self.next + limits.records);
        let records = shard.records[self.next..end]
            .iter()
            .map(|kept| StreamRecord {
                sequence: SequenceNumber::from(kept.sequence),
                data: Plaintext::new(kept.data.clone()),
            });
        let records = records.collect();
        self.next = end;
        let state = if shard.closed && end == shard.records.len() {
            ReaderState::Closed
        } else if end >= shard.visible {
            ReaderState::CaughtUp
        } else {
            ReaderState::More
        };
        Ok(Fetched {
            records,
            state,
            lag: None,
        })
    }
}
