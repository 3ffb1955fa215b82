//! A Kinesis data stream as a record source. Owns its shards, their lineage and their limits,
//! retrying, markers and aggregated records; knows no target.
//!
//! One worker reads every shard. **Where a lease will stand:** a fleet needs nothing here and
//! nothing in a reader. `fieldseal_pipeline::run` starts a shard after `Target::take_shard`, which
//! raises the shard's fence; a worker of a fleet will ask the target for a lease in that place and
//! skip shards that another one holds. The limits below are per shard and reader, so they hold
//! for a fleet as they are; listing shards (once a second and worker, and whenever a shard ends)
//! is what would have to be shared.
//!
//! **Where retrying lives.** The SDK's own retries are switched off. Each of its attempts would
//! count against the shard's five reads a second without being paced, and would wait on while the
//! run is told to shut down. A reader's failed call is a transient error, for which the shard's
//! loop waits longer each time; the reader adds jitter, so that shards that failed together do
//! not come back together. Calls of commands and of discovery are tried a few times where they
//! are made.
//!
//! **Lost records.** Shards stay listed for the stream's retention ("Changing the Data Retention
//! Period", Kinesis Data Streams Developer Guide). What is dropped before it was applied cannot
//! be had again: the shard stops and says so. Kinesis refuses a place whose record was dropped, or
//! quietly begins with what is left; its documentation promises neither. So a reader goes on *at*
//! the last record that was applied, and expects to get it again: records are dropped from the
//! oldest on, and behind one that is still there nothing is missing. Where it is gone, the shard
//! goes on only if it was seen at its end within the retention; the target remembers that, since
//! a shard to which nothing is written would else stop at every start.
//!
//! No error and no log line of this crate holds a record or a partition key: DMS uses the row's
//! primary key, in clear, as partition key.

mod aggregate;
mod calls;
mod client;
mod failure;
mod lineage;
mod pace;
mod protobuf;
mod reader;
#[cfg(test)]
mod scripted;
mod settings;
mod source;

pub use calls::StreamFacts;
pub use reader::KinesisReader;
pub use settings::{KinesisSettings, Start};
pub use source::KinesisSource;
