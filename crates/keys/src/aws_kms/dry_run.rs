//! Whether the calls would be allowed, without making or opening anything: the `DryRun` parameter
//! (AWS Key Management Service Developer Guide, "Testing your permissions"). Owns how its answer
//! is read: success comes as an error.

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, DryRunModifierType};
use fieldseal_aws::AnsweredAt;
use fieldseal_envelope::WrapContext;

use super::failure::Call;
use super::{AwsKmsProvider, bound};
use crate::provider::ProviderError;

/// What KMS would say to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsDryRun {
    /// The permission: `kms:` and the operation.
    pub permission: &'static str,
    /// Whether it would succeed, and why not.
    pub outcome: Result<(), ProviderError>,
    /// What the service's clock showed when it said so, in milliseconds since 1970 and whole
    /// seconds; none if it did not answer or its answer had no date.
    pub clock: Option<i64>,
}

impl AwsKmsProvider {
    /// Asks for each call that this crate makes under the key whether it would be allowed for
    /// this encryption context. `Encrypt` is needed only where there is more than one key, and then
    /// under each of them.
    ///
    /// `Decrypt` is asked with the modifier `IGNORE_CIPHERTEXT`, as there may be no wrap yet.
    pub async fn dry_run(&self, context: &WrapContext) -> Vec<KmsDryRun> {
        let generate = self.client.generate_data_key().key_id(self.arn());
        let generate = generate
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(bound(context)))
            .dry_run(true);
        let encrypt = self.client.encrypt().key_id(self.arn());
        let encrypt = encrypt
            .plaintext(Blob::new([0; 32]))
            .set_encryption_context(Some(bound(context)))
            .dry_run(true);
        let decrypt = self.client.decrypt().key_id(self.arn());
        let decrypt = decrypt
            // Ignored, but not allowed to be empty.
            .ciphertext_blob(Blob::new([0]))
            .set_encryption_context(Some(bound(context)))
            .dry_run(true)
            .dry_run_modifiers(DryRunModifierType::IgnoreCiphertext);
        let clocks: [AnsweredAt; 3] = Default::default();
        let generate = generate.customize().interceptor(clocks[0].clone());
        let encrypt = encrypt.customize().interceptor(clocks[1].clone());
        let decrypt = decrypt.customize().interceptor(clocks[2].clone());
        let generate = self.allowed(Call::GenerateDataKey, generate.send().await.err());
        let encrypt = self.allowed(Call::Encrypt, encrypt.send().await.err());
        let decrypt = self.allowed(Call::Decrypt, decrypt.send().await.err());
        let said = [
            ("kms:GenerateDataKey", generate),
            ("kms:Encrypt", encrypt),
            ("kms:Decrypt", decrypt),
        ];
        let said = said.into_iter().zip(&clocks);
        said.map(|((permission, outcome), clock)| KmsDryRun {
            permission,
            outcome,
            clock: clock.millis(),
        })
        .collect()
    }

    fn allowed<E>(&self, call: Call, error: Option<SdkError<E>>) -> Result<(), ProviderError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error {
            None => Ok(()),
            Some(error) if error.code() == Some("DryRunOperationException") => Ok(()),
            Some(error) => Err(self.asked(call).failed(&error)),
        }
    }
}
