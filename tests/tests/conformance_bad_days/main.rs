//! What the doubles do and no public emulator does: time, limits, faults on demand, key policies, regions.
//! Each by the real SDK, without its retries, so that every answer is seen. Owns how they are
//! reached.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod kinesis;
mod kms;

use aws_sdk_kinesis::config::retry::RetryConfig;
use fieldseal_aws::SdkConfig;
use fieldseal_tests::aws::reach_in;

const HERE: &str = "eu-central-1";
const THERE: &str = "eu-west-1";
const ME: &str = "AKIAEXAMPLEWORKER";

async fn config(endpoint: &str, region: &str, who: &str) -> SdkConfig {
    let config = reach_in(region, endpoint, who).await.into_builder();
    config.retry_config(RetryConfig::disabled()).build()
}

fn code<T>(name: &str) -> Result<T, Option<String>> {
    Err(Some(name.to_owned()))
}
