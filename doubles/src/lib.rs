//! Stand-ins for AWS services over their wire protocol, for tests and for trying things by hand: Kinesis
//! Data Streams and KMS, as strict as AWS's pages say. Never part of the product; everything is held in
//! memory and nothing listens outside 127.0.0.1.
//!
//! Each behaviour names the page it follows, e.g. `API_GetRecords`: these are pages of the "Amazon Kinesis
//! Data Streams API Reference" and the "AWS Key Management Service API Reference".

mod calls;
mod clock;
mod faults;
mod kinesis;
mod kms;
mod rate;
mod wire;

pub use calls::Calls;
pub use clock::Clock;
pub use faults::{Fault, Faults};
pub use kinesis::{KinesisDouble, KinesisSettings, Limits};
pub use kms::{KeyState, KmsDouble, KmsSettings};
