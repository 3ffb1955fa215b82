//! A source fed by the test: shards whose records are made when they are asked for. Owns no
//! checkpoint; each record's sequence number is its number in the shard, from 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_model::{Plaintext, SequenceNumber};
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, RecordSource, ShardInfo, ShardReader, SourceError,
    StreamRecord,
};

/// The bytes of a shard's record, by its number from 0.
type Make = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// A source of shards that are finished and read to their end.
#[derive(Default)]
pub struct Fed {
    shards: BTreeMap<String, Shard>,
}

#[derive(Clone)]
struct Shard {
    records: u64,
    make: Make,
}

impl Fed {
    /// Adds a shard of so many records. A batch takes as many as its limit says, so all batches
    /// but the last are of one length.
    #[must_use]
    pub fn shard(
        mut self,
        name: &str,
        records: u64,
        make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let make = Arc::new(make);
        self.shards.insert(name.to_owned(), Shard { records, make });
        self
    }
}

#[async_trait]
impl RecordSource for Fed {
    type Reader = FedReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let info = |name: &String| ShardInfo {
            name: name.clone(),
            parents: Vec::new(),
        };
        Ok(self.shards.keys().map(info).collect())
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<FedReader, SourceError> {
        let unknown = |what: &str| SourceError {
            what: what.to_owned(),
            transient: false,
        };
        let shard = self.shards.get(shard).ok_or_else(|| unknown("no shard"))?;
        let next = after.as_str().parse().map_err(|_| unknown("no place"))?;
        Ok(FedReader {
            shard: shard.clone(),
            next,
        })
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        Ok(self
            .shards
            .get(shard)
            .map(|shard| SequenceNumber::from(shard.records)))
    }
}

/// Reads one shard.
pub struct FedReader {
    shard: Shard,
    next: u64,
}

#[async_trait]
impl ShardReader for FedReader {
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let end = self
            .shard
            .records
            .min(self.next.saturating_add(limits.records as u64));
        let record = |number: u64| StreamRecord {
            sequence: SequenceNumber::from(number + 1),
            data: Plaintext::new((self.shard.make)(number)),
        };
        let records = (self.next..end).map(record).collect();
        self.next = end;
        let state = if end == self.shard.records {
            ReaderState::Closed
        } else {
            ReaderState::More
        };
        Ok(Fetched {
            records,
            state,
            lag: Some(self.shard.records - end),
        })
    }
}
