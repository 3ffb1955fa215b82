//! Throttling and outages: what goes on, what stops, and that KMS is not hammered meanwhile.

use std::time::Duration;

use fieldseal_doubles::Fault;
use fieldseal_envelope::Purpose;
use fieldseal_keys::{KeyProvider, KeyringSettings, ProviderError};

use crate::peers::{HERE, Keys, again, context, domain, provider, start};

/// How long the keyring of these tests uses a key.
const MAX_AGE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn single_throttles_and_errors_are_waited_out() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    for fault in [
        Fault::Throttling(1.0),
        Fault::ServerErrors(1.0),
        Fault::DroppedBefore(1.0),
    ] {
        kms.faults().next("GenerateDataKey", fault, 2);
        provider.generate(&context("contact")).await.ok().unwrap();
    }
    assert_eq!(kms.calls().of("GenerateDataKey"), 9);
}

/// The first task that meets a storm tries four times; those behind it are told without a call,
/// until the pause is over and one of them may try.
#[tokio::test]
async fn a_throttling_storm_is_not_fed() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    kms.faults().set(Fault::Throttling(1.0));
    kms.calls().reset();
    let error = provider.generate(&context("contact")).await.err();
    assert!(unavailable(&error).contains("ThrottlingException"));
    assert_eq!(kms.calls().total(), 4);
    for _ in 0..1_000 {
        let error = provider.generate(&context("contact")).await.err();
        let reason = unavailable(&error);
        assert!(reason.contains(&key) && reason.contains(HERE), "{reason}");
    }
    let calls = kms.calls().total();
    assert!(calls <= 12, "a thousand refusals made {calls} calls");
    kms.faults().clear();
    again(async || provider.generate(&context("contact")).await).await;
}

fn unavailable(error: &Option<ProviderError>) -> &str {
    match error {
        Some(ProviderError::Unavailable { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_outage_stops_writing_and_reading_goes_on_until_the_keys_have_aged() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let keys = Keys::new().await;
    let settings = KeyringSettings {
        max_age: MAX_AGE,
        ..KeyringSettings::default()
    };
    let ring = keys.keyring_with(&[&provider], settings).await;
    let (contact, payment) = (domain("contact"), domain("payment"));
    let grants = ring.grant(&contact, Purpose::Seal, 1).await.unwrap();
    let id = grants[0].key_id();

    kms.faults().set(Fault::Outage);
    ring.opener(id, &contact, Purpose::Seal).await.ok().unwrap();
    let error = ring.grant(&payment, Purpose::Seal, 1).await.err().unwrap();
    assert!(error.is_temporary() && !error.is_alarm(), "{error}");
    let cold = keys.keyring(&[&provider]).await;
    let error = cold
        .opener(id, &contact, Purpose::Seal)
        .await
        .err()
        .unwrap();
    assert!(error.is_temporary(), "{error}");

    tokio::time::sleep(MAX_AGE).await;
    let error = ring
        .opener(id, &contact, Purpose::Seal)
        .await
        .err()
        .unwrap();
    assert!(error.is_temporary(), "used past its age: {error}");

    kms.faults().clear();
    again(async || ring.opener(id, &contact, Purpose::Seal).await).await;
    again(async || ring.grant(&payment, Purpose::Seal, 1).await).await;
}

/// The answer would come long after the test; the limit of one attempt is seconds.
#[tokio::test]
async fn a_call_that_is_not_answered_is_given_up_and_made_again() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let made = provider.generate(&context("contact")).await;
    let (data_key, wrapped) = made.ok().unwrap();
    let never = Duration::from_secs(3_600);
    kms.faults().next("Decrypt", Fault::Latency(never), 1);
    let name = &provider.wrapping_keys()[0];
    let context = context("contact");
    let opened = provider.unwrap(&context, name, &wrapped);
    let opened = tokio::time::timeout(Duration::from_secs(60), opened).await;
    let opened = opened.expect("a call has a limit").ok().unwrap();
    assert_eq!(opened.expose(), data_key.expose());
    assert_eq!(kms.calls().of("Decrypt"), 2);
}
