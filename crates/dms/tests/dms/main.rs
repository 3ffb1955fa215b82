//! The tests of the whole crate, through its public interface only.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: a panic there is the failure"
)]

mod corpus;
mod decode;
mod describe;
mod encode;
mod hostile;
mod roundtrip;
mod samples;
mod to_value;
