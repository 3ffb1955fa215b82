//! What the policy says about a stream. Owns the settings' types; spelling them is the policy's.

use fieldseal_model::SequenceNumber;

/// Which stream is read, from where and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KinesisSettings {
    /// Its name or its ARN.
    pub stream: String,
    /// Where a shard begins that was never read.
    pub start: Start,
    /// Calls of `GetRecords` a second for each shard. AWS allows five over all consumers.
    pub reads_per_second: u32,
    /// Bytes a second of each shard. AWS allows 2 MiB over all consumers.
    pub read_bytes_per_second: u64,
}

/// Where a shard begins that was never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record there is.
    TrimHorizon,
    /// With the first record that arrived at this moment or later, in milliseconds since 1970.
    Timestamp(i64),
    /// With this record, in the shard that holds it. Every other shard begins with its oldest
    /// record, since numbers of different shards say nothing about each other. A record that is in
    /// no shard stops the shards that would begin.
    Sequence(SequenceNumber),
}
