//! From the records of a stream to sealed batches that a target applies: decode → plan →
//! coalesce → seal → apply, shard by shard.
//!
//! This crate owns the ordering rule's use (`docs/ORDERING.md`): which label a record has, which
//! version a change gets, what a changed key is split into, which of two changes of one row in a
//! batch stays, and when a batch is tried again, halved, or a shard stopped. It owns the ports
//! [`RecordSource`] and [`Target`]. It knows no AWS, no SQL and no wall clock.
//!
//! The core (`plan`, `coalesce`, `seal`) is pure: it takes a batch, the labels of its shard and
//! grants to seal, and gives back a [`SealedBatch`]. The loop around it (`shard`, `run`) is the
//! only part that waits.

mod batch;
mod bindings;
mod coalesce;
mod dry_run;
mod error;
mod labels;
mod layout;
mod plan;
mod prepare;
mod progress;
mod replay;
mod run;
mod seal;
mod shard;
mod source;
mod target;

pub use batch::{
    Counts, LoadStart, Operations, Origin, QuarantineEntry, RowChange, SealedBatch, SealedRow,
    TableUse, Taint,
};
pub use bindings::{Bound, TargetColumn, TargetType};
pub use dry_run::{DryRun, Verdict};
pub use error::{PipelineError, StopReason};
pub use labels::{Capture, GenerationLabel, Labels, Mark, TableLabels};
pub use layout::{ColumnRole, LayoutMistake, TableLayout};
pub use prepare::{Prepared, Preparer};
pub use progress::{Progress, ShardProgress};
pub use replay::{HeldRecord, ReplayOutcome, open_held, replay};
pub use run::{RunOptions, RunSummary, run};
pub use source::{
    BatchLimits, Fetched, ReaderState, RecordSource, ShardInfo, ShardReader, SourceError,
    StreamRecord,
};
pub use target::{Committed, ShardState, TableOutcome, Target, TargetError};
