//! What a running worker tells about itself: metrics, and whether it is alive and ready.
//!
//! This crate owns the names of the metrics ([`Metric`], described in `docs/METRICS.md`), their
//! text, and what readiness means ([`Monitor`]). It measures at the ports: [`MeteredSource`],
//! [`MeteredTarget`] and [`MeteredProvider`] stand around the real ones, so that neither the
//! pipeline nor the keys nor the store know that anybody counts. It opens no port and asks no
//! database; that is the binary's.
//!
//! A label is the id of a table, the name of a shard, the id of a key, or one of a few fixed
//! words. No value, no row key, and nothing that a record brought can become one.

mod keys;
mod monitor;
mod names;
mod samples;
mod source;
mod standing;
mod target;
#[cfg(test)]
mod tests;

pub use keys::MeteredProvider;
pub use monitor::{KeyBudget, LagUnit, Monitor, QUIET};
pub use names::{Kind, Metric};
pub use source::{MeteredReader, MeteredSource};
pub use target::{MeteredBatch, MeteredTarget};
