//! From a key's name to its ARN. Owns that a name is looked up once, and which keys are accepted.

use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeyMetadata, KeySpec, KeyState, KeyUsageType};

use super::failure::{Asked, Call};
use crate::provider::{ProviderError, WrappingKey};

/// The region of an ARN: `arn:partition:kms:region:account:resource`.
pub(super) fn region_of(key: &str) -> Option<String> {
    let region = key.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

/// The ARN of the key that `key` names now.
pub(super) async fn pin(
    client: &Client,
    key: &str,
    region: &str,
) -> Result<WrappingKey, ProviderError> {
    let asked = Asked {
        call: Call::DescribeKey,
        key,
        region,
    };
    let described = client.describe_key().key_id(key).send().await;
    let metadata = match described {
        Ok(output) => output.key_metadata,
        Err(error) => {
            let error = asked.failed(&error);
            let unanswered = matches!(error, ProviderError::Unavailable { .. });
            if !unanswered || !is_key_arn(key) {
                return Err(error);
            }
            tracing::warn!(%error, "a KMS key could not be looked at and is taken at its word");
            return named(&asked, key);
        }
    };
    let metadata = metadata.ok_or_else(|| asked.odd("KMS described nothing"))?;
    let arn = metadata.arn().unwrap_or_default();
    let name = named(&asked, arn)?;
    accept(&asked, &metadata)?;
    tracing::info!(key, arn, region, "wraps data keys under a KMS key");
    Ok(name)
}

/// Whether a name is a key's own ARN, which never names another key.
fn is_key_arn(key: &str) -> bool {
    key.starts_with("arn:") && key.split(':').nth(5).is_some_and(|r| r.starts_with("key/"))
}

fn named(asked: &Asked<'_>, arn: &str) -> Result<WrappingKey, ProviderError> {
    let name = arn.parse().ok().filter(|_| is_key_arn(arn));
    name.ok_or_else(|| asked.odd("KMS gave no ARN of a key"))
}

/// A key that can never wrap is refused. One that cannot now, such as a disabled one, may be
/// enabled again, and until then another key's wraps may do.
fn accept(asked: &Asked<'_>, metadata: &KeyMetadata) -> Result<(), ProviderError> {
    let symmetric = metadata
        .key_spec()
        .is_none_or(|spec| *spec == KeySpec::SymmetricDefault)
        && metadata
            .key_usage()
            .is_none_or(|usage| *usage == KeyUsageType::EncryptDecrypt);
    if !symmetric {
        let advice = "this key cannot wrap data keys; use a symmetric key for encryption";
        return Err(asked.denied(advice));
    }
    if let Some(state) = metadata.key_state().filter(|s| **s != KeyState::Enabled) {
        tracing::warn!(
            key = asked.key,
            region = asked.region,
            state = state.as_str(),
            "a KMS key is not enabled: nothing can be wrapped or opened under it until it is"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_keys_own_arn_can_be_taken_at_its_word() {
        let arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert!(is_key_arn(arn));
        assert_eq!(region_of(arn).as_deref(), Some("eu-central-1"));
        let alias = "arn:aws:kms:eu-central-1:123456789012:alias/key/shop";
        assert!(!is_key_arn(alias));
        assert_eq!(region_of(alias).as_deref(), Some("eu-central-1"));
        for name in ["alias/shop", "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:"] {
            assert!(!is_key_arn(name) && region_of(name).is_none(), "{name}");
        }
    }
}
