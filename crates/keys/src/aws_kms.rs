//! AWS KMS as a key provider: data keys made by `GenerateDataKey`, further wraps by `Encrypt`,
//! opened by `Decrypt` (AWS Key Management Service API Reference). Owns every call to KMS; what a
//! failure means is in `failure`, when to ask again in `breaker`, wiping in `secret`.
//!
//! Every call carries the pinned key's ARN and the encryption context of `docs/FORMAT.md`,
//! section 5. `Decrypt` could find the key by itself in the wrap; it is never left to, because
//! the wrap comes from a database that others may write.

mod breaker;
mod dry_run;
mod failure;
mod pin;
mod secret;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{Region, timeout::TimeoutConfig};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::decrypt::DecryptOutput;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use fieldseal_aws::SdkConfig;
use fieldseal_envelope::{DataKey, WrapContext};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use self::breaker::Breaker;
pub use self::dry_run::KmsDryRun;
use self::failure::{Asked, Call};
use crate::provider::{KeyProvider, ProviderError, WrappingKey};

/// The whole of one call with its attempts and the pauses between them.
const CALL: Duration = Duration::from_secs(12);
/// One attempt. KMS answers within milliseconds, from another continent within one second.
const ATTEMPT: Duration = Duration::from_secs(4);

/// Wraps and unwraps under one KMS key.
///
/// For wraps under several keys, such as those of two regions, make several providers.
pub struct AwsKmsProvider {
    client: Client,
    /// The pinned key's ARN, alone.
    names: [WrappingKey; 1],
    region: String,
    breaker: Breaker,
}

impl AwsKmsProvider {
    /// A provider for `key`: a key's ARN or id, or an alias or its ARN. The region of an ARN goes
    /// before that of `config`.
    ///
    /// The key is looked up once, by `DescribeKey`, and pinned to its ARN. An alias that is
    /// pointed elsewhere later changes nothing until the next start, when the old key has to be
    /// named beside the new one, as it still opens what it wrapped.
    ///
    /// If KMS does not answer, a key named by its own ARN is taken at its word, so that a process
    /// can start while one of its regions is down.
    ///
    /// # Errors
    /// [`ProviderError`]: there is no such key, it cannot wrap data keys, or this caller may not
    /// look at it.
    pub async fn connect(config: &SdkConfig, key: &str) -> Result<Self, ProviderError> {
        let region = pin::region_of(key)
            .or_else(|| config.region().map(|region| region.as_ref().to_owned()))
            .ok_or_else(|| ProviderError::Denied {
                reason: format!("no region is known for the KMS key `{key}`: name it by its ARN"),
            })?;
        let settings = aws_sdk_kms::config::Builder::from(config)
            .region(Region::new(region.clone()))
            .timeout_config(
                TimeoutConfig::builder()
                    .read_timeout(ATTEMPT)
                    .operation_attempt_timeout(ATTEMPT)
                    .operation_timeout(CALL)
                    .build(),
            );
        let client = Client::from_conf(settings.build());
        let name = pin::pin(&client, key, &region).await?;
        Ok(Self {
            client,
            names: [name],
            region,
            breaker: Breaker::new(),
        })
    }

    /// The region of the key.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    fn arn(&self) -> &str {
        self.names[0].as_str()
    }

    fn asked(&self, call: Call) -> Asked<'_> {
        Asked {
            call,
            key: self.arn(),
            region: &self.region,
        }
    }

    /// Makes one call, unless KMS has just been found not to answer.
    ///
    /// What the SDK itself would write to the log is dropped: at its finest level that holds
    /// whole requests, and a request to `Encrypt` holds a data key.
    async fn ask<O, E>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<O, SdkError<E>>> + Send,
    ) -> Result<O, ProviderError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + 'static,
    {
        let asked = self.asked(call);
        self.breaker
            .admit()
            .map_err(|pause| asked.not_asked(pause))?;
        let answer = answer.with_subscriber(NoSubscriber::default()).await;
        let answer = answer.map_err(|error| asked.failed(&error));
        match &answer {
            Err(ProviderError::Unavailable { .. }) => self.breaker.failed(),
            _ => self.breaker.answered(),
        }
        answer
    }

    /// KMS says which key it used; it is the one that was asked for.
    fn same_key(&self, call: Call, used: Option<&str>) -> Result<(), ProviderError> {
        if used == Some(self.arn()) {
            return Ok(());
        }
        Err(self.asked(call).odd("KMS answered for another key"))
    }

    fn unwrapped(&self, mut output: DecryptOutput) -> Result<DataKey, ProviderError> {
        let key = output.plaintext.take().and_then(secret::data_key);
        self.same_key(Call::Decrypt, output.key_id())?;
        key.ok_or_else(|| self.asked(Call::Decrypt).odd("it does not hold 32 bytes"))
    }
}

#[async_trait]
impl KeyProvider for AwsKmsProvider {
    fn wrapping_keys(&self) -> &[WrappingKey] {
        &self.names
    }

    async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
        let call = Call::GenerateDataKey;
        let request = self.client.generate_data_key();
        let request = request
            .key_id(self.arn())
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(bound(context)));
        let mut output = self.ask(call, request.send()).await?;
        let key = output.plaintext.take().and_then(secret::data_key);
        self.same_key(call, output.key_id())?;
        match (key, output.ciphertext_blob) {
            (Some(key), Some(wrapped)) => Ok((key, wrapped.into_inner())),
            _ => Err(self.asked(call).odd("KMS gave no key of 32 bytes")),
        }
    }

    async fn wrap(&self, context: &WrapContext, key: &DataKey) -> Result<Vec<u8>, ProviderError> {
        let request = self.client.encrypt();
        let request = request
            .key_id(self.arn())
            .plaintext(secret::blob(key))
            .set_encryption_context(Some(bound(context)));
        let output = self.ask(Call::Encrypt, request.send()).await?;
        self.same_key(Call::Encrypt, output.key_id())?;
        let wrapped = output.ciphertext_blob.map(Blob::into_inner);
        wrapped.ok_or_else(|| self.asked(Call::Encrypt).odd("KMS gave no wrap"))
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        name: &WrappingKey,
        wrapped: &[u8],
    ) -> Result<DataKey, ProviderError> {
        if *name != self.names[0] {
            return Err(self.asked(Call::Decrypt).odd("the wrap names another key"));
        }
        let request = self.client.decrypt();
        let request = request
            .key_id(self.arn())
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(bound(context)));
        let output = self.ask(Call::Decrypt, request.send()).await?;
        self.unwrapped(output)
    }
}

/// The encryption context: deployment, domain and purpose, and nothing else. KMS binds it to the
/// wrap, IAM can grant by it, and CloudTrail shows it.
fn bound(context: &WrapContext) -> HashMap<String, String> {
    let WrapContext {
        deployment,
        domain,
        purpose,
    } = context;
    HashMap::from([
        ("fieldseal:deployment".to_owned(), deployment.clone()),
        ("fieldseal:domain".to_owned(), domain.to_string()),
        ("fieldseal:purpose".to_owned(), purpose.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
    use fieldseal_aws::{Reach, load};
    use fieldseal_envelope::Purpose;
    use tokio::time::Instant;

    use super::*;

    const KEY: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    /// Who is asked for credentials and never answers.
    #[derive(Debug)]
    struct Mute;

    impl ProvideCredentials for Mute {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(std::future::pending())
        }
    }

    fn known() -> SharedCredentialsProvider {
        let known = Credentials::new("AKIDEXAMPLE", "no secret", None, None, "tests");
        SharedCredentialsProvider::new(known)
    }

    /// How often a peer was asked that accepts connections and says nothing, in one call that has to
    /// end when its time is up. The clock is tokio's, which is held: no test waits.
    async fn asked_in_one_call(scheme: &str, credentials: SharedCredentialsProvider) -> u32 {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        silent.set_nonblocking(true).unwrap();
        let reach = Reach {
            region: pin::region_of(KEY),
            endpoint: Some(format!("{scheme}://{}", silent.local_addr().unwrap())),
        };
        let config = load(&reach).await.unwrap().into_builder();
        let config = config.credentials_provider(credentials).build();
        let asked = || std::iter::from_fn(|| silent.accept().ok()).count();

        let begun = Instant::now();
        let provider = AwsKmsProvider::connect(&config, KEY).await.unwrap();
        assert_eq!(
            begun.elapsed().as_secs(),
            CALL.as_secs(),
            "looking the key up"
        );
        asked();
        let context = WrapContext {
            deployment: "tests".to_owned(),
            domain: "contact".parse().unwrap(),
            purpose: Purpose::Seal,
        };
        let begun = Instant::now();
        let made = provider.generate(&context).await.err();
        assert_eq!(begun.elapsed().as_secs(), CALL.as_secs());
        assert!(matches!(made, Some(ProviderError::Unavailable { .. })));
        u32::try_from(asked()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_never_answered_ends_when_its_time_is_up() {
        assert_eq!(asked_in_one_call("http", known()).await, 3);
    }

    /// The connection stands, but never its TLS, which is given up sooner.
    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_gets_a_connection_ends_when_its_time_is_up() {
        assert_eq!(asked_in_one_call("https", known()).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_gets_credentials_ends_when_its_time_is_up() {
        let mute = SharedCredentialsProvider::new(Mute);
        assert_eq!(asked_in_one_call("http", mute).await, 0);
    }
}
