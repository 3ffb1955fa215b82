//! What tests across crates share. Owns databases to test on, a pipeline over them, random
//! histories, a stage of AWS doubles with a producer, and the cases that doubles and emulators must
//! both pass. The tests are in `tests/`; nothing of the product is here.

pub mod aws;
pub mod conformance;
pub mod course;
pub mod databases;
pub mod dump;
pub mod emulators;
pub mod harness;
pub mod histories;
pub mod proxy;
pub mod random;
