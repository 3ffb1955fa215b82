//! Records in memory, or made when they are asked for, as a source. Owns shards whose records are
//! numbered from 1.

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
    shards: BTreeMap<String, Shard>,
}

#[derive(Clone)]
struct Shard {
    records: u64,
    /// The bytes of a record, by its number from 0.
    make: Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>,
    /// Whether more may come behind the last one.
    end: ReaderState,
}

impl MemorySource {
    /// One shard, named `s0`.
    #[must_use]
    pub fn of(records: Vec<Vec<u8>>) -> Self {
        Self::default().shard("s0", records)
    }

    /// One more shard, which stays open.
    ///
    /// # Panics
    /// Never: it is read within its length.
    #[must_use]
    pub fn shard(self, name: &str, records: Vec<Vec<u8>>) -> Self {
        let count = records.len() as u64;
        let at = |number: u64| usize::try_from(number).expect("below a length");
        let make = move |number| records[at(number)].clone();
        self.with(name, count, make, ReaderState::CaughtUp)
    }

    /// One more shard, which is finished, of records that are made when they are asked for. A
    /// batch takes as many as its limit says, so all batches but the last are of one length.
    #[must_use]
    pub fn made(
        self,
        name: &str,
        records: u64,
        make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.with(name, records, make, ReaderState::Closed)
    }

    fn with(
        mut self,
        name: &str,
        records: u64,
        make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
        end: ReaderState,
    ) -> Self {
        let make = Arc::new(make);
        let shard = Shard { records, make, end };
        self.shards.insert(name.to_owned(), shard);
        self
    }

    fn named(&self, name: &str) -> Result<&Shard, SourceError> {
        self.shards.get(name).ok_or_else(|| refused("no shard"))
    }
}

fn refused(what: &str) -> SourceError {
    SourceError {
        what: what.to_owned(),
        transient: false,
        lost: false,
    }
}

#[async_trait]
impl RecordSource for MemorySource {
    type Reader = MemoryReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let info = |name: &String| ShardInfo {
            name: name.clone(),
            parents: Vec::new(),
        };
        Ok(self.shards.keys().map(info).collect())
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<MemoryReader, SourceError> {
        let shard = self.named(shard)?.clone();
        let next = after.as_str().parse().map_err(|_| refused("no place"))?;
        Ok(MemoryReader { shard, next })
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        Ok(Some(SequenceNumber::from(self.named(shard)?.records)))
    }
}

/// Reads one shard.
pub struct MemoryReader {
    shard: Shard,
    next: u64,
}

#[async_trait]
impl ShardReader for MemoryReader {
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let Shard { records, make, end } = &self.shard;
        let behind = self.next.saturating_add(limits.records as u64);
        let behind = behind.min(*records);
        let record = |number: u64| StreamRecord {
            sequence: SequenceNumber::from(number + 1),
            data: Plaintext::new(make(number)),
        };
        let fetched = (self.next..behind).map(record).collect();
        self.next = behind;
        let left = records - behind;
        Ok(Fetched {
            records: fetched,
            state: if left == 0 { *end } else { ReaderState::More },
            lag: Some(left),
        })
    }
}
