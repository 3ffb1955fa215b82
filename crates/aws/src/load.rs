//! The configuration that every service client is made from. Owns the pinned behaviour, the time
//! limits and the one TLS stack; who the caller is, the SDK's own chain finds out.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::pool::{Client, ConnectionPool};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::{AwsError, endpoint};

/// What the configuration says about where a service is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The region, where the SDK's own chain is not to be asked.
    pub region: Option<String>,
    /// Another endpoint than AWS's own; `http://` only for this machine.
    pub endpoint: Option<String>,
}

/// TCP and TLS of one connection (the SDK's own value since January 2026).
const CONNECT: Duration = Duration::from_millis(3_100);
/// From the last byte of a request to the first of its answer.
const READ: Duration = Duration::from_secs(10);
/// One attempt with its body: `GetRecords` answers with up to 10 MiB.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The first call and three more, with full jitter between them. Behind them stand callers that
/// try again by their own rules, so more would only multiply.
const ATTEMPTS: u32 = 4;
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);

/// Finds region and credentials as the AWS SDKs do. Credentials are looked for at the first call
/// that needs them, kept, and renewed before they expire.
///
/// # Errors
/// [`AwsError`]: an endpoint without TLS on another machine, or no region anywhere.
pub async fn load(reach: &Reach) -> Result<SdkConfig, AwsError> {
    if let Some(endpoint) = &reach.endpoint {
        endpoint::check("the configuration's `endpoint`", endpoint)?;
    }
    endpoint::check_environment()?;
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client()?)
        .timeout_config(timeouts())
        .retry_config(retries());
    if let Some(region) = &reach.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &reach.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(AwsError::NoRegion);
    }
    // A profile may set one too.
    if let Some(endpoint) = config.endpoint_url() {
        endpoint::check("the profile's `endpoint_url`", endpoint)?;
    }
    Ok(config)
}

/// rustls on ring, trusting what this machine trusts, through the proxy that `HTTPS_PROXY` and
/// its like name. Passed by hand: the SDK's own choice would bring a second TLS stack.
fn http_client() -> Result<Client, AwsError> {
    let failed = |reason: String| AwsError::Client { reason };
    let pool = ConnectionPool::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .proxy_config(ProxyConfig::from_env())
        .build_https()
        .map_err(|error| failed(error.to_string()))?;
    Client::new(&pool).map_err(|error| failed(error.to_string()))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .operation_attempt_timeout(ATTEMPT)
        .build()
}

/// The standard mode has a budget of retries that an outage uses up, after which each call is
/// made once (AWS SDKs and Tools Reference Guide, "Retry behavior").
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_BACK_OFF)
        .with_max_backoff(LONGEST_BACK_OFF)
}
