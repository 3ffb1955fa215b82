//! Keys of several regions, and aliases.

use std::sync::Arc;

use fieldseal_envelope::Purpose;
use fieldseal_keys::{AwsKmsProvider, KeyProvider, ProviderError};

use crate::peers::{HERE, Keys, THERE, context, domain, down, provider, reach, start};

/// Each new key is wrapped in both regions; where the first does not answer, the second opens.
/// A process can even be started then, since the keys are named by their ARNs.
#[tokio::test]
async fn the_second_region_opens_while_the_first_is_down() {
    let kms = start();
    let arns = kms.create_multi_region_key(&[HERE, THERE]);
    let (here, there) = (arns[0].clone(), arns[1].clone());
    let keys = Keys::new().await;
    let (first, second) = (
        provider(&kms, HERE, &here).await,
        provider(&kms, THERE, &there).await,
    );
    let ring = keys.keyring(&[&first, &second]).await;
    let contact = domain("contact");
    let grants = ring.grant(&contact, Purpose::Seal, 1).await.unwrap();
    let id = grants[0].key_id();
    assert_eq!(kms.calls().of("Encrypt"), 1, "the second wrap");

    let gone = AwsKmsProvider::connect(&down(HERE).await, &here).await;
    let gone = Arc::new(gone.expect("a key's own ARN needs no looking up"));
    kms.calls().reset();
    let ring = keys.keyring(&[&gone, &second]).await;
    ring.opener(id, &contact, Purpose::Seal).await.ok().unwrap();
    assert_eq!(kms.calls().of("Decrypt"), 1);
    // So does a process that was started before.
    kms.set_reachable(HERE, false);
    let ring = keys.keyring(&[&first, &second]).await;
    ring.opener(id, &contact, Purpose::Seal).await.ok().unwrap();
    // New keys are made there too, with one wrap less.
    let payment = domain("payment");
    let grants = ring.grant(&payment, Purpose::Seal, 1).await.unwrap();
    let made_there = grants[0].key_id();
    let done = ring.rewrap().await.unwrap();
    assert_eq!((done.added, done.owed.len()), (0, 1));

    // It is added when the first is back, and the first alone opens them all.
    kms.set_reachable(HERE, true);
    let back = provider(&kms, HERE, &here).await;
    let ring = keys.keyring(&[&back, &second]).await;
    let done = ring.rewrap().await.unwrap();
    assert_eq!((done.added, done.owed.len()), (1, 0));
    let ring = keys.keyring(&[&back]).await;
    for (id, domain) in [(id, &contact), (made_there, &payment)] {
        ring.opener(id, domain, Purpose::Seal).await.ok().unwrap();
    }

    // With a first region that is down, and alone, nothing opens, and it says so.
    let ring = keys.keyring(&[&gone]).await;
    let error = ring
        .opener(id, &contact, Purpose::Seal)
        .await
        .err()
        .unwrap();
    assert!(
        error.is_temporary() && error.to_string().contains(&here),
        "{error}"
    );
}

/// An alias cannot be taken at its word: which key it names is known to KMS alone.
#[tokio::test]
async fn an_alias_cannot_be_pinned_during_an_outage() {
    let error = AwsKmsProvider::connect(&down(HERE).await, "alias/shop")
        .await
        .err();
    assert!(
        matches!(error, Some(ProviderError::Unavailable { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_alias_is_pinned_until_the_next_start() {
    let kms = start();
    let old = kms.create_key(HERE);
    let new = kms.create_key(HERE);
    kms.alias("alias/shop", &old);
    let before = provider(&kms, HERE, "alias/shop").await;
    assert_eq!(before.wrapping_keys()[0].as_str(), old);
    let keys = Keys::new().await;
    let ring = keys.keyring(&[&before]).await;
    let contact = domain("contact");
    let grants = ring.grant(&contact, Purpose::Seal, 1).await.unwrap();
    let id = grants[0].key_id();

    kms.alias("alias/shop", &new);
    before.generate(&context("contact")).await.ok().unwrap();
    let after = provider(&kms, HERE, "alias/shop").await;
    assert_eq!(after.wrapping_keys()[0].as_str(), new);
    // The old key's wraps open where it is still named, and nowhere else.
    let alone = keys.keyring(&[&after]).await;
    let error = alone
        .opener(id, &contact, Purpose::Seal)
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains(&old), "{error}");
    let both = keys.keyring(&[&after, &before]).await;
    both.opener(id, &contact, Purpose::Seal).await.ok().unwrap();
}

/// One provider's trouble is not the other's: each has its own pause.
#[tokio::test]
async fn a_provider_that_does_not_answer_is_passed_over_at_once() {
    let kms = start();
    let here = kms.create_key(HERE);
    let there = kms.create_key(THERE);
    let first = AwsKmsProvider::connect(&down(HERE).await, &here)
        .await
        .unwrap();
    let second = AwsKmsProvider::connect(&reach(&kms, THERE).await, &there)
        .await
        .unwrap();
    let context = context("contact");
    first.generate(&context).await.err().unwrap();
    second.generate(&context).await.ok().unwrap();
}
