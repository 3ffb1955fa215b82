//! Calls as a test scripts them. Owns a stream in memory: its shards, and what goes wrong next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use fieldseal_model::{Plaintext, SequenceNumber};
use tokio::time::Instant;

use crate::calls::{Answer, Calls, From, Listed, Page, Put, Raw, Status, StreamFacts};
use crate::failure::{CallError, Kind};
use crate::{KinesisSettings, KinesisSource, Start};

/// A shard as it is listed, open, with nothing in it.
pub(crate) fn listed(id: &str, parents: &[&str]) -> Listed {
    Listed {
        id: id.to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        first_hash: "0".to_owned(),
        first: SequenceNumber::from(1),
        closed: false,
    }
}

/// A failure of this kind.
pub(crate) fn failure(operation: &'static str, kind: Kind) -> CallError {
    CallError {
        clock: None,
        operation,
        kind,
        code: "Scripted".to_owned(),
    }
}

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) pages: Vec<Vec<Listed>>,
    /// Numbers of the records that each shard holds.
    pub(crate) records: BTreeMap<String, Vec<u64>>,
    pub(crate) record_bytes: usize,
    /// How far behind every answer is, beside the records that are left.
    pub(crate) behind: u64,
    /// A number that the shard does not hold is refused; else reading begins behind it.
    pub(crate) strict: bool,
    /// What the next calls of an operation fail with.
    pub(crate) fails: BTreeMap<&'static str, VecDeque<Kind>>,
    /// What was asked: iterators' places, and `GetRecords` with its time and limit.
    pub(crate) iterators: Vec<From>,
    pub(crate) reads: Vec<(Instant, i32)>,
    /// Answers without a record although there are some.
    pub(crate) empty_reads: usize,
    /// `GetRecords` never answers.
    pub(crate) hangs: bool,
    /// Where the next markers go.
    pub(crate) puts: VecDeque<(&'static str, u64)>,
    /// What is listed after the next marker.
    pub(crate) after_put: Option<Vec<Vec<Listed>>>,
}

#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    pub(crate) async fn source(&self, start: Start) -> KinesisSource {
        let settings = KinesisSettings {
            stream: "shop".to_owned(),
            start,
            reads_per_second: 5,
            read_bytes_per_second: 2 << 20,
        };
        KinesisSource::over(Arc::new(self.clone()), settings)
            .await
            .unwrap()
    }

    fn failing(&self, operation: &'static str) -> Result<(), CallError> {
        let mut script = self.script();
        let kind = script
            .fails
            .get_mut(operation)
            .and_then(VecDeque::pop_front);
        kind.map_or(Ok(()), |kind| Err(failure(operation, kind)))
    }
}

#[async_trait]
impl Calls for Scripted {
    async fn describe(&self) -> Result<StreamFacts, CallError> {
        self.failing("DescribeStreamSummary")?;
        Ok(StreamFacts {
            arn: "arn:aws:kinesis:eu-central-1:123456789012:stream/shop".to_owned(),
            shards_open: 1,
            encrypted: true,
            retention_hours: 24,
            clock: None,
            created: 7,
            status: Status::Ready,
        })
    }

    async fn list(&self, token: Option<String>) -> Result<Page, CallError> {
        self.failing("ListShards")?;
        let script = self.script();
        let page: usize = token.map_or(0, |token| token.parse().unwrap());
        Ok(Page {
            shards: script.pages[page].clone(),
            next: (page + 1 < script.pages.len()).then(|| (page + 1).to_string()),
        })
    }

    async fn iterator(&self, shard: &str, from: &From) -> Result<String, CallError> {
        self.failing("GetShardIterator")?;
        let mut script = self.script();
        script.iterators.push(from.clone());
        let held = &script.records[shard];
        let at = match from {
            From::Oldest | From::Timestamp(_) => 0,
            From::At(place) => {
                let is_here = |n: &u64| SequenceNumber::from(*n) == *place;
                if script.strict && !held.iter().any(is_here) {
                    return Err(failure("GetShardIterator", Kind::Invalid));
                }
                held.partition_point(|n| SequenceNumber::from(*n) < *place)
            }
        };
        Ok(format!("{shard} {at}"))
    }

    async fn records(&self, iterator: &str, most: i32) -> Result<Answer, CallError> {
        self.script().reads.push((Instant::now(), most));
        self.failing("GetRecords")?;
        if self.script().hangs {
            std::future::pending::<()>().await;
        }
        let mut script = self.script();
        let (shard, at) = iterator.split_once(' ').unwrap();
        let at: usize = at.parse().unwrap();
        let held = script.records[shard].clone();
        let closed = script
            .pages
            .iter()
            .flatten()
            .any(|s| s.id == shard && s.closed);
        let mut end = held.len().min(at + usize::try_from(most).unwrap());
        if script.empty_reads > 0 {
            script.empty_reads -= 1;
            end = at;
        }
        let records = held[at..end].iter().map(|number| Raw {
            sequence: SequenceNumber::from(*number),
            data: Plaintext::new(vec![b'x'; script.record_bytes]),
        });
        Ok(Answer {
            records: records.collect(),
            next: (!closed || end < held.len()).then(|| format!("{shard} {end}")),
            behind: Some(script.behind + (held.len() - end) as u64),
        })
    }

    async fn put_mark(&self, _: &str) -> Result<Put, CallError> {
        self.failing("PutRecord")?;
        let mut script = self.script();
        if let Some(pages) = script.after_put.take() {
            script.pages = pages;
        }
        let (shard, sequence) = script.puts.pop_front().unwrap();
        Ok(Put {
            shard: shard.to_owned(),
            sequence: SequenceNumber::from(sequence),
        })
    }
}
