//! Whether AWS KMS would let this process make, wrap and open data keys: a dry run of each call
//! for each domain and purpose, since access may be granted by them. Makes no key.

use fieldseal_envelope::{Purpose, WrapContext};
use fieldseal_keys::{AwsKmsProvider, KeyProvider as _, KmsDryRun};

use super::{Found, Severity, clock};
use crate::clock::now_millis;
use crate::config::Config;

const AREA: &str = "keys";

/// Asks for every key. Where there are several, any of them makes data keys while those before it
/// are away, and wraps what another one made. Compares this machine's clock with AWS's, unless it
/// `is_compared`.
pub(super) async fn look(
    config: &Config,
    keys: &[AwsKmsProvider],
    is_compared: &mut bool,
    found: &mut Vec<Found>,
) {
    let is_alone = keys.len() == 1;
    for key in keys {
        let name = key.wrapping_keys()[0].as_str();
        found.push(Found::new(
            Severity::Note,
            AREA,
            format!("{name} in {} wraps data keys", key.region()),
        ));
        for context in contexts(config) {
            let before = now_millis();
            let calls = key.dry_run(&context).await;
            let aws = calls.iter().find_map(|call| call.clock);
            if let Some(aws) = aws.filter(|_| !*is_compared) {
                clock::of_aws(aws, before, now_millis(), found);
                *is_compared = true;
            }
            let needed = |call: &&KmsDryRun| !is_alone || call.permission != "kms:Encrypt";
            for call in calls.iter().filter(needed) {
                if let Err(error) = &call.outcome {
                    found.push(Found::new(
                        Severity::Error,
                        AREA,
                        format!(
                            "domain {}, purpose {}: {} under {name} would fail: {error}",
                            context.domain, context.purpose, call.permission
                        ),
                    ));
                }
            }
        }
    }
}

/// Every domain and purpose that a worker of this policy needs keys for.
fn contexts(config: &Config) -> Vec<WrapContext> {
    let policy = &config.policy;
    let mut pairs: Vec<(&str, Purpose)> = vec![("quarantine", Purpose::Value)];
    for domain in policy.domains() {
        pairs.push((domain, Purpose::Seal));
    }
    for table in policy.tables() {
        let indexed = table.sealed().filter(|(_, seal)| !seal.indexes.is_empty());
        for (_, seal) in indexed {
            let pair = (seal.domain.as_str(), Purpose::Index);
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    let context = |(domain, purpose): (&str, Purpose)| {
        Some(WrapContext {
            deployment: policy.keys().deployment.clone(),
            domain: domain.parse().ok()?,
            purpose,
        })
    };
    pairs.into_iter().filter_map(context).collect()
}
