//! What is asked of the source database: its position, its settings, its keys and its foreign
//! keys.
//!
//! This crate owns reading L (`docs/ORDERING.md`, points 4 and 9): the position of the server that
//! DMS reads, and knowing when commit order has passed it. It also owns which settings and tables
//! of a source are fit for capture. It reads no row of the shop's tables, knows no clock (who
//! waits, and how long, is the caller's), no keys and no target.
//!
//! Only one thing is ever written at the source: [`HEARTBEAT_TABLE`], and only on MySQL and
//! MariaDB, and only where the caller asks for [`CommitOrder::Heartbeat`].

mod cascades;
mod database;
mod error;
mod position;
mod settings;
mod settle;
mod tables;

pub use cascades::{Cascade, cascades, unlisted_cascades};
pub use database::SourceDatabase;
pub use error::SourceError;
pub use fieldseal_db::{Finding, Severity};
pub use settle::{CommitOrder, HEARTBEAT_TABLE, Reading, StillOpen};
pub use tables::few_values;
