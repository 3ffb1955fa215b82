//! The demo's shop on AWS's protocols: its records put on a Kinesis stream that is split and merged
//! meanwhile, the real binary reading them under KMS keys, and every row opened at the end. Owns the
//! putting together; what a test or `cargo xtask try-aws` lets go wrong is its own.

mod compare;
pub mod doubles;
pub mod folder;
pub mod producer;
pub mod shop;
mod stage;
pub mod stream;
mod worker;

pub use compare::Compared;
pub use stage::{Lines, Peers, Second, Stage};
pub use worker::Worker;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use fieldseal_aws::{Reach, SdkConfig};

/// The region of everything.
pub const REGION: &str = "eu-central-1";

/// Whose credentials the worker has.
pub const WORKER: &str = "AKIAEXAMPLEWORKER";

/// Whose credentials the producer and the comparison have.
pub const OTHERS: &str = "AKIAEXAMPLEOTHERS";

/// How a service at `endpoint` is reached with the credentials of `who`.
///
/// # Panics
/// If it cannot be configured.
pub async fn reach(endpoint: &str, who: &str) -> SdkConfig {
    reach_in(REGION, endpoint, who).await
}

/// The same in another region.
///
/// # Panics
/// If it cannot be configured.
pub async fn reach_in(region: &str, endpoint: &str, who: &str) -> SdkConfig {
    let reach = Reach {
        region: Some(region.to_owned()),
        endpoint: Some(endpoint.to_owned()),
    };
    let config = fieldseal_aws::load(&reach).await;
    let config = config.expect("a region and an endpoint on this machine");
    let credentials = Credentials::new(who, "no secret", None, None, "tests");
    config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}
