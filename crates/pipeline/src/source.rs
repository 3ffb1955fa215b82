//! The port records come in by. Owns the contract; Kinesis and folders implement it elsewhere.

use std::time::Duration;

use async_trait::async_trait;
use fieldseal_model::{Plaintext, SequenceNumber};

/// Where records come from: a set of shards, each a sequence of records.
///
/// Delivery is at least once and in shard order; the same record may come again after a
/// reconnect. Nothing is promised between shards. Shards may appear while the source is read.
#[async_trait]
pub trait RecordSource: Send + Sync + 'static {
    /// Reads one shard.
    type Reader: ShardReader;

    /// The shards there are now, parents before children.
    ///
    /// # Errors
    /// [`SourceError`] when they cannot be listed.
    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError>;

    /// A reader of `shard` that begins behind `after`.
    ///
    /// # Errors
    /// [`SourceError`] when the shard cannot be opened, also when `after` lies behind its end.
    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<Self::Reader, SourceError>;

    /// As [`open`](Self::open), of a shard that was last seen read to its end so long ago, where
    /// that is known. For sources that drop records for their age: with it they can tell records
    /// that were read from records that were not.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    async fn open_seen(
        &self,
        shard: &str,
        after: &SequenceNumber,
        _age: Option<Duration>,
    ) -> Result<Self::Reader, SourceError> {
        self.open(shard, after).await
    }

    /// A sequence number such that everything now in `shard` is at or before it and everything
    /// that comes later is behind it: what a mark is made of. `None` for a shard that is closed,
    /// in which nothing can come later.
    ///
    /// # Errors
    /// [`SourceError`] when the place cannot be told.
    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError>;

    /// Whether shards end, and stay listed until their records are dropped for their age: then a
    /// shard that is gone before it was applied to its end has lost records. The files of a folder
    /// never end and may be put away.
    fn shards_end(&self) -> bool {
        false
    }
}

/// Reads one shard in order.
#[async_trait]
pub trait ShardReader: Send + 'static {
    /// Waits until a fetch may be made, so that nobody holds room in memory for one that may not.
    ///
    /// Cancel safe.
    async fn due(&mut self) {}

    /// The next records, within `limits` (at least one record, however long). An empty answer
    /// is allowed at any time.
    ///
    /// Cancel safe: dropped before it answers, it has lost nothing.
    ///
    /// # Errors
    /// [`SourceError`]; after a transient one the same call may be made again.
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError>;
}

/// One shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardInfo {
    /// Its name, permanent within the source.
    pub name: String,
    /// The shards it was split or merged from; read to their end before it.
    pub parents: Vec<String>,
}

/// How much to fetch at once.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// At most this many records.
    pub records: usize,
    /// Stop when the records reach this many bytes.
    pub bytes: usize,
}

/// One record of a stream. Its bytes are plaintext.
pub struct StreamRecord {
    /// Its place.
    pub sequence: SequenceNumber,
    /// One DMS object, or several joined.
    pub data: Plaintext,
}

/// What a fetch brought.
pub struct Fetched {
    /// Records in shard order.
    pub records: Vec<StreamRecord>,
    /// What follows them.
    pub state: ReaderState,
    /// How far behind the shard's end the reader stands, in the source's own unit: bytes for
    /// files, milliseconds for Kinesis.
    pub lag: Option<u64>,
}

/// What follows the records of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderState {
    /// There is more to fetch at once.
    More,
    /// Everything that is there was fetched; more may come.
    CaughtUp,
    /// The shard has ended; its children may be read once this is applied.
    Closed,
}

/// Why a source failed. Its text holds no record.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SourceError {
    /// What, where and what to do.
    pub what: String,
    /// Whether trying again may help.
    pub transient: bool,
    /// Whether what was to be read next is there no more: a shard that is read from what is left
    /// of it lacks records. Only with it may one be read so, once they were loaded anew.
    pub lost: bool,
}
