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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use aws_config::sts::AssumeRoleProvider;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
    use tokio::time::Instant;

    use super::*;

    /// How long it takes to get credentials by a role from a peer that accepts connections and says
    /// nothing, and how often it was asked. The clock is tokio's, which is held: no test waits.
    async fn role_from_silence(scheme: &str) -> (Duration, u32) {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        silent.set_nonblocking(true).unwrap();
        let reach = Reach {
            region: Some("eu-central-1".to_owned()),
            endpoint: Some(format!("{scheme}://{}", silent.local_addr().unwrap())),
        };
        let config = load(&reach).await.unwrap();
        let own = Credentials::new("AKIDEXAMPLE", "no secret", None, None, "tests");
        let config = config
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(own))
            .build();
        let role = AssumeRoleProvider::builder("arn:aws:iam::111122223333:role/worker");
        let role = role.session_name("tests").configure(&config).build().await;
        let begun = Instant::now();
        assert!(role.provide_credentials().await.is_err());
        let mut asked = 0;
        while silent.accept().is_ok() {
            asked += 1;
        }
        (begun.elapsed(), asked)
    }

    /// All the pauses between so many attempts, at their longest.
    const PAUSES: Duration = Duration::from_millis(100 + 200 + 400);

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_come_is_waited_for_so_long() {
        let (took, asked) = role_from_silence("http").await;
        assert_eq!(asked, ATTEMPTS);
        let least = READ * ATTEMPTS;
        assert!((least..=least + PAUSES).contains(&took), "{took:?}");
    }

    /// The connection stands, but never its TLS.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_stand_is_waited_for_less_long() {
        let (took, asked) = role_from_silence("https").await;
        assert_eq!(asked, ATTEMPTS);
        let least = CONNECT * ATTEMPTS;
        assert!((least..=least + PAUSES).contains(&took), "{took:?}");
    }
}
