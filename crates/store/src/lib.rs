//! The new database: guarded apply, checkpoints, marks, floors, quarantine, on SQLite,
//! PostgreSQL and MySQL/MariaDB.
//!
//! This crate owns [`Target`](fieldseal_pipeline::Target) over SQL: which lock is taken when,
//! which row may overwrite which (`docs/ORDERING.md`), and that rows, tombstones, quarantine,
//! counters and checkpoint are one transaction. It also owns what a target must be: its columns
//! are described once at the start, what is wrong with it is found ([`findings()`]), and the tables
//! that a policy asks for are printed ([`create_tables`]). It embeds `migrations/store/`. It knows
//! no AWS, and never sees a cell that is not sealed or kept by the policy.

mod ancestry;
mod apply;
mod checkpoint;
mod counters;
mod describe;
mod error;
mod findings;
mod generations;
mod labels;
mod locks;
mod migrations;
mod quarantine;
mod ready;
mod rows;
mod schema;
mod sizes;
mod status;
mod store;
mod table;
mod tombstones;

pub use counters::COUNTERS;
pub use fieldseal_db::{Finding, Severity};
pub use findings::findings;
pub use generations::{
    Beginning, Completion, GenerationState, Gone, KnownShards, Seen, ShardMarks, SweepStep,
};
pub use migrations::{migrate, pending};
pub use quarantine::HeldEntry;
pub use ready::ReadyBatch;
pub use schema::{
    IndexColumn, SchemaError, SourceColumn, SourceColumns, SourceIndex, SourceTable,
    column_findings, create_tables, read_source_columns,
};
pub use status::{QuarantineCount, ShardStatus, Status, TableStatus};
pub use store::Store;
