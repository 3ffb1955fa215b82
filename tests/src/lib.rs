//! What tests across crates share. Owns databases to test on and a pipeline over them; the tests are
//! in `tests/`.

pub mod aws;
pub mod conformance;
pub mod course;
pub mod databases;
pub mod dump;
pub mod emulators;
pub mod fed;
pub mod harness;
pub mod histories;
pub mod proxy;
pub mod random;
