//! The calls that are made, as the rest of the crate sees them. Owns their questions and answers;
//! the SDK is behind [`Calls`].

use async_trait::async_trait;
use fieldseal_model::{Plaintext, SequenceNumber};

use crate::failure::CallError;

/// The five calls. Each is tried once.
#[async_trait]
pub(crate) trait Calls: Send + Sync + 'static {
    /// `DescribeStreamSummary`.
    async fn describe(&self) -> Result<StreamFacts, CallError>;

    /// `ListShards`: the first page, or the one that follows.
    async fn list(&self, token: Option<String>) -> Result<Page, CallError>;

    /// `GetShardIterator`.
    async fn iterator(&self, shard: &str, from: &From) -> Result<String, CallError>;

    /// `GetRecords`, at most so many.
    async fn records(&self, iterator: &str, most: i32) -> Result<Answer, CallError>;

    /// `PutRecord` of the marker, to the shard that this hash key belongs to.
    async fn put_mark(&self, hash_key: &str) -> Result<Put, CallError>;
}

/// What is worth knowing of a stream before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFacts {
    /// Its ARN.
    pub arn: String,
    /// How many shards take records now.
    pub shards_open: u32,
    /// Whether it is encrypted at rest (SSE).
    pub encrypted: bool,
    /// How long records are kept.
    pub retention_hours: u32,
    /// What the service's clock showed when it said so, in milliseconds since 1970 and whole
    /// seconds.
    pub clock: Option<i64>,
    /// When it was made, in seconds since 1970.
    pub(crate) created: i64,
    pub(crate) status: Status,
}

/// Whether a stream can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ready,
    Creating,
    Deleting,
}

/// One page of shards.
pub(crate) struct Page {
    pub(crate) shards: Vec<Listed>,
    pub(crate) next: Option<String>,
}

/// One shard as it is listed.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) parents: Vec<String>,
    pub(crate) first_hash: String,
    pub(crate) first: SequenceNumber,
    pub(crate) closed: bool,
}

/// Where an iterator stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Oldest,
    Timestamp(i64),
    At(SequenceNumber),
}

/// What `GetRecords` brought.
pub(crate) struct Answer {
    pub(crate) records: Vec<Raw>,
    /// `None`: the shard is closed, and this was the last of it.
    pub(crate) next: Option<String>,
    /// Milliseconds behind the shard's end.
    pub(crate) behind: Option<u64>,
}

/// One record as it is stored.
pub(crate) struct Raw {
    pub(crate) sequence: SequenceNumber,
    pub(crate) data: Plaintext,
}

/// Where a record was put.
pub(crate) struct Put {
    pub(crate) shard: String,
    pub(crate) sequence: SequenceNumber,
}
