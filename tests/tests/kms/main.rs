//! AWS KMS as a key provider, by the real SDK against the strict double: what it costs, what it
//! refuses, and what an outage does.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod bad_days;
mod cost;
mod peers;
mod refusals;
mod regions;
mod silence;
