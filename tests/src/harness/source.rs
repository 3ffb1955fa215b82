//! Records in memory as a source. Owns shards whose records are numbered from 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_model::{Plaintext, SequenceNumber};
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, RecordSource, ShardInfo, ShardReader, SourceError,
    StreamRecord,
};

/// Shards of records by name.
#[derive(Clone, Default)]
pub struct MemorySource {
    shards: BTreeMap<String, Arc<Vec<Vec<u8>>>>,
}

/// Reads one shard.
pub struct MemoryReader {
    records: Arc<Vec<Vec<u8>>>,
    next: usize,
}

impl MemorySource {
    /// One shard, named `s0`.
    #[must_use]
    pub fn of(records: Vec<Vec<u8>>) -> Self {
        Self::default().shard("s0", records)
    }

    /// One more shard.
    #[must_use]
    pub fn shard(mut self, name: &str, records: Vec<Vec<u8>>) -> Self {
        self.shards.insert(name.to_owned(), Arc::new(records));
        self
    }
}

#[async_trait]
impl RecordSource for MemorySource {
    type Reader = MemoryReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let shard = |name: &String| ShardInfo {
            name: name.clone(),
            parents: Vec::new(),
        };
        Ok(self.shards.keys().map(shard).collect())
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<MemoryReader, SourceError> {
        let records = Arc::clone(&self.shards[shard]);
        let next = after
            .as_str()
            .parse()
            .expect("numbers of this source are small");
        Ok(MemoryReader { records, next })
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        Ok(Some(SequenceNumber::from(self.shards[shard].len() as u64)))
    }
}

#[async_trait]
impl ShardReader for MemoryReader {
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let left = &self.records[self.next..];
        let taken = left.len().min(limits.records);
        let records = left[..taken]
            .iter()
            .zip(self.next + 1..)
            .map(|(data, number)| {
                let sequence = SequenceNumber::from(number as u64);
                StreamRecord {
                    sequence,
                    data: Plaintext::new(data.clone()),
                }
            });
        let records = records.collect();
        self.next += taken;
        let caught_up = self.next == self.records.len();
        let state = if caught_up {
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
