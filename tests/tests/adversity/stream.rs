//! A stream in memory whose shards have parents and ends, and which refuses or never answers where a
//! test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use fieldseal_model::{Plaintext, SequenceNumber};
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, RecordSource, ShardInfo, ShardReader, SourceError,
    StreamRecord,
};

#[derive(Clone)]
pub(crate) struct Shard {
    info: ShardInfo,
    pub(crate) closed: bool,
    records: Arc<Vec<Vec<u8>>>,
}

/// A stream of shards with parents, each closed or open behind its last record.
#[derive(Clone, Default)]
pub(crate) struct Stream {
    pub(crate) shards: Vec<Shard>,
    /// What opening a shard fails with, once.
    pub(crate) refusal: Option<&'static str>,
    refused: Arc<AtomicBool>,
    /// Whether asking for the shards never answers, but for the first time.
    pub(crate) mute: bool,
    pub(crate) asked: Arc<AtomicU32>,
}

impl Stream {
    pub(crate) fn shard(
        mut self,
        name: &str,
        parents: &[&str],
        closed: bool,
        records: &[Vec<u8>],
    ) -> Self {
        let info = ShardInfo {
            name: name.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        };
        self.shards.push(Shard {
            info,
            closed,
            records: Arc::new(records.to_vec()),
        });
        self
    }

    pub(crate) fn open(self, name: &str, records: &[Vec<u8>]) -> Self {
        self.shard(name, &[], false, records)
    }

    fn find(&self, name: &str) -> &Shard {
        let found = self.shards.iter().find(|shard| shard.info.name == name);
        found.expect("a shard of the stream")
    }

    pub(crate) async fn marks(&self) -> Vec<(String, Option<SequenceNumber>)> {
        let mut marks = Vec::new();
        for shard in &self.shards {
            let mark = self.mark(&shard.info.name).await;
            marks.push((shard.info.name.clone(), mark.unwrap()));
        }
        marks
    }
}

pub(crate) struct Reader {
    shard: Shard,
    next: usize,
}

#[async_trait]
impl RecordSource for Stream {
    type Reader = Reader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        if self.mute && self.asked.fetch_add(1, Ordering::Relaxed) > 0 {
            std::future::pending::<()>().await;
        }
        Ok(self.shards.iter().map(|shard| shard.info.clone()).collect())
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<Reader, SourceError> {
        if let Some(what) = self.refusal
            && !self.refused.swap(true, Ordering::Relaxed)
        {
            return Err(SourceError {
                what: what.to_owned(),
                transient: false,
                lost: false,
            });
        }
        Ok(Reader {
            shard: self.find(shard).clone(),
            next: after.as_str().parse().unwrap(),
        })
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        let shard = self.find(shard);
        Ok((!shard.closed).then(|| SequenceNumber::from(shard.records.len() as u64)))
    }

    fn shards_end(&self) -> bool {
        true
    }
}

#[async_trait]
impl ShardReader for Reader {
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let mut fetched = Fetched {
            records: Vec::new(),
            state: ReaderState::More,
            lag: None,
        };
        while fetched.records.len() < limits.records
            && let Some(data) = self.shard.records.get(self.next)
        {
            self.next += 1;
            fetched.records.push(StreamRecord {
                sequence: SequenceNumber::from(self.next as u64),
                data: Plaintext::new(data.clone()),
            });
        }
        if self.next == self.shard.records.len() {
            fetched.state = match self.shard.closed {
                true => ReaderState::Closed,
                false => ReaderState::CaughtUp,
            };
        }
        Ok(fetched)
    }
}
