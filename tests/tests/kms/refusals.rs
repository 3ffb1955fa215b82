//! What KMS refuses, and what the operator is told.

use fieldseal_aws::SdkConfig;
use fieldseal_doubles::{Fault, KeyState};
use fieldseal_envelope::{Purpose, WrapContext};
use fieldseal_keys::{AwsKmsProvider, KeyProvider, KeyringError, ProviderError};
use fieldseal_tests::aws::WORKER;

use crate::peers::{HERE, Keys, THERE, at, context, domain, provider, reach, start};

/// Denied, with the key, the region and each of `words` in the text.
fn assert_denied<T>(answer: Result<T, ProviderError>, key: &str, words: &[&str]) {
    match answer.err() {
        Some(ProviderError::Denied { reason }) => {
            for word in [key, HERE].iter().chain(words) {
                assert!(reason.contains(word), "{reason}");
            }
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_that_is_disabled_or_waits_for_its_deletion() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let (_, wrapped) = provider.generate(&context("contact")).await.ok().unwrap();
    let name = &provider.wrapping_keys()[0];
    for (state, words) in [
        (KeyState::Disabled, &["DisabledException", "enable it"]),
        (
            KeyState::PendingDeletion,
            &["KMSInvalidStateException", "cancel its deletion"],
        ),
    ] {
        kms.set_state(&key, state);
        let context = context("contact");
        assert_denied(provider.generate(&context).await, &key, words);
        assert_denied(provider.unwrap(&context, name, &wrapped).await, &key, words);
        // It can be started with, since the key may come back.
        crate::peers::provider(&kms, HERE, &key).await;
    }
    kms.set_state(&key, KeyState::Enabled);
    let opened = provider.unwrap(&context("contact"), name, &wrapped).await;
    assert!(opened.is_ok());
}

#[tokio::test]
async fn a_principal_that_may_not() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let runs = provider.dry_run(&context("contact")).await;
    assert_eq!(runs.len(), 3);
    for run in runs {
        assert_eq!(run.outcome, Ok(()), "{}", run.permission);
    }
    kms.require_context(&key, &[("fieldseal:domain", "contact")]);
    for run in provider.dry_run(&context("payment")).await {
        assert_denied(run.outcome, &key, &["AccessDeniedException"]);
    }
    provider.generate(&context("contact")).await.ok().unwrap();
    kms.faults().set(Fault::Denied(WORKER.to_owned()));
    let words = ["AccessDeniedException", "grant it the call"];
    assert_denied(provider.generate(&context("contact")).await, &key, &words);
    for run in provider.dry_run(&context("contact")).await {
        assert_denied(run.outcome, &key, &words);
    }
}

#[tokio::test]
async fn a_key_of_another_region_or_of_nobody() {
    let kms = start();
    let key = kms.create_key(HERE);
    let id = key.rsplit('/').next().unwrap();
    let denied =
        async |config: SdkConfig, name: &str, words: &[&str]| match AwsKmsProvider::connect(
            &config, name,
        )
        .await
        .err()
        {
            Some(ProviderError::Denied { reason }) => {
                for word in words {
                    assert!(reason.contains(word), "{reason}");
                }
            }
            other => panic!("{name}: {other:?}"),
        };
    denied(
        reach(&kms, THERE).await,
        id,
        &[
            THERE,
            id,
            "NotFoundException",
            "correct the key or the region",
        ],
    )
    .await;
    denied(reach(&kms, HERE).await, "alias/nobody", &["alias/nobody"]).await;
    // An endpoint answers for its own region only, and says so by refusing the signature.
    let words = ["InvalidSignatureException", "that of the key's region"];
    denied(at(&kms.endpoint(THERE), HERE).await, &key, &words).await;
    // A whole ARN names its region, whatever the configuration's is.
    let config = at(&kms.endpoint(HERE), THERE).await;
    let provider = AwsKmsProvider::connect(&config, &key).await.unwrap();
    assert_eq!(provider.region(), HERE);
    provider.generate(&context("contact")).await.ok().unwrap();
}

#[tokio::test]
async fn a_wrap_opens_in_its_own_context_only() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let name = &provider.wrapping_keys()[0];
    let good = context("contact");
    let (data_key, wrapped) = provider.generate(&good).await.ok().unwrap();
    let others = [
        context("payment"),
        WrapContext {
            purpose: Purpose::Index,
            ..context("contact")
        },
        WrapContext {
            deployment: "shop-test".to_owned(),
            ..context("contact")
        },
    ];
    for other in others {
        match provider.unwrap(&other, name, &wrapped).await.err() {
            Some(ProviderError::Invalid { reason }) => {
                for word in [&key, HERE, "for another deployment, domain or purpose"] {
                    assert!(reason.contains(word), "{reason}");
                }
            }
            error => panic!("{error:?}"),
        }
    }
    let mut damaged = wrapped.clone();
    damaged[wrapped.len() / 2] ^= 1;
    let too_long = vec![1; 10_000];
    for bad in [&damaged[..], &wrapped[1..], &[], &too_long] {
        let error = provider.unwrap(&good, name, bad).await.err();
        assert!(
            matches!(error, Some(ProviderError::Invalid { .. })),
            "{error:?}"
        );
    }
    let opened = provider.unwrap(&good, name, &wrapped).await.ok().unwrap();
    assert_eq!(opened.expose(), data_key.expose());
}

/// A wrap under another key of ours is not opened although KMS would find that key by itself.
#[tokio::test]
async fn the_wrap_does_not_choose_the_key() {
    let kms = start();
    let (ours, theirs) = (kms.create_key(HERE), kms.create_key(HERE));
    let ours = provider(&kms, HERE, &ours).await;
    let theirs = provider(&kms, HERE, &theirs).await;
    let (_, wrapped) = theirs.generate(&context("contact")).await.ok().unwrap();
    let name = &ours.wrapping_keys()[0];
    let error = ours.unwrap(&context("contact"), name, &wrapped).await.err();
    assert!(
        matches!(error, Some(ProviderError::Invalid { .. })),
        "{error:?}"
    );
}

/// Whoever writes the key store can swap two wraps of one domain: both are genuine, and the id
/// tells.
#[tokio::test]
async fn swapped_wraps_are_an_alarm() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let keys = Keys::new().await;
    let contact = domain("contact");
    let ring = keys.keyring(&[&provider]).await;
    let first = ring.grant(&contact, Purpose::Seal, 1).await.unwrap();
    ring.retire_all().await.unwrap();
    ring.grant(&contact, Purpose::Seal, 1).await.unwrap();
    keys.swap_wraps().await;
    let ring = keys.keyring(&[&provider]).await;
    let id = first[0].key_id();
    let error = ring
        .opener(id, &contact, Purpose::Seal)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, KeyringError::WrongKey { .. }), "{error:?}");
    assert!(error.is_alarm());
}
