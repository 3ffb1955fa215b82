//! Stand-ins for AWS services over their wire protocol, for tests and for trying things by hand: Kinesis
//! Data Streams and KMS, as strict as AWS's pages say. Never part of the product; everything is held in
//! memory and nothing listens outside 127.0.0.1.
//!
//! A behaviour names what it follows:
//!
//! - an AWS page. `API_GetRecords` and `CommonErrors` are pages of the "Amazon Kinesis Data Streams API
//!   Reference" or the "AWS Key Management Service API Reference"; "Developer Guide" is the service's own;
//! - a public report, by its repository and number ("as reports quote it"), where the pages are silent about
//!   what AWS was seen to do;
//! - nobody: "the double's own", where neither tells, or where the double is simpler than AWS.

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
