//! Why a shard or a run stopped. Owns the texts; they say what, where and what to do, and never
//! hold a value.

use fieldseal_model::{Place, TableName};

use crate::{SourceError, TargetError};

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The policy does not fit the target.
    #[error("the policy does not fit the target: {0}")]
    Layout(String),
    /// The source failed before any shard was read.
    #[error("the source failed")]
    Source(#[source] SourceError),
    /// The target failed before any shard was read.
    #[error("the target failed")]
    Target(#[source] TargetError),
    /// The keys failed before any shard was read.
    #[error("the keys failed: {0}")]
    Keys(String),
    /// Threads for sealing could not be had.
    #[error("threads for sealing could not be started")]
    Threads,
}

/// Why one shard stopped, while the others go on.
#[derive(Debug, thiserror::Error)]
pub enum StopReason {
    /// A record of a table that the policy does not list.
    #[error(
        "{place}: table {table} is not in the policy; add it, or set `unlisted_tables = \"skip\"`"
    )]
    UnlistedTable {
        /// Where.
        place: Place,
        /// Which table.
        table: TableName,
    },
    /// A record from another kind of database than the policy says.
    #[error("{place}: the record's position is not of the engine that `source.engine` names")]
    OtherEngine {
        /// Where.
        place: Place,
    },
    /// Binlog files count backwards: another server, or a reset one.
    #[error(
        "{place}: the binlog file number falls from {from} to {to}, so this is another lineage of positions; let the other shards be read to their ends, then run `fieldseal epoch begin --at-checkpoints`"
    )]
    FileFellBack {
        /// Where.
        place: Place,
        /// The highest number before.
        from: u32,
        /// The number now.
        to: u32,
    },
    /// The source dropped the shard before it was read to its end.
    #[error(
        "the source no longer has the shard, and it was not read to its end, so records are lost; stop the DMS task, run `fieldseal generation begin` for every table, load them again, then start again"
    )]
    Lost,
    /// What the shard goes on from was dropped by the source before it was read.
    #[error(
        "the shard goes on from {parent}, which the source dropped before it was read to its end, so records are lost; stop the DMS task, run `fieldseal generation begin` for every table, load them again, then start again"
    )]
    ParentLost {
        /// The shard it was split or merged from.
        parent: String,
    },
    /// The source failed for good.
    #[error("the source failed: {0}")]
    Source(String),
    /// The target failed for good.
    #[error("the target failed: {0}")]
    Target(String),
    /// Another worker took the shard over.
    #[error(
        "another worker has taken the shard over and goes on with it; let one `fieldseal run` work at a time"
    )]
    Fenced,
    /// The run was told to shut down while the shard waited for its target or its keys.
    #[error("the run was told to shut down while it waited; nothing is lost")]
    ShutDown,
    /// Keys failed for good.
    #[error("the keys failed: {0}")]
    Keys(String),
}
