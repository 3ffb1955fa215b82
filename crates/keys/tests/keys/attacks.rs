//! What somebody with write access to the key store may try (`docs/FORMAT.md`, section 5).

use std::sync::Arc;

use fieldseal_envelope::{DataKey, KeyId, Purpose};
use fieldseal_keys::{KeyState, Keyring, KeyringError, KeyringSettings, StoredKey, StoredWrap};

use crate::doubles::{Faulty, MemoryStore, Row, active_key, domain, keyring, unavailable};

fn settings() -> KeyringSettings {
    KeyringSettings::default()
}

fn planted(id: KeyId, domain: &str, wraps: Vec<StoredWrap>) -> Row {
    Row {
        key: StoredKey {
            id,
            domain: domain.to_owned(),
            purpose: "seal".to_owned(),
            state: Some(KeyState::Active),
            wraps,
        },
        active: true,
        reserved: 0,
        limit: 1 << 30,
    }
}

async fn open_error(ring: &Keyring, id: KeyId, name: &str) -> KeyringError {
    let opened = ring.opener(id, &domain(name), Purpose::Seal).await;
    opened.err().expect("the key must not be accepted")
}

#[tokio::test]
async fn a_planted_key_under_the_attackers_own_wrapping_key_is_ignored() {
    let (store, ours, theirs) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let key = DataKey::from_bytes([0x66; 32]);
    let wrap = theirs.stored_wrap(&key, &contact, Purpose::Seal).await;
    let id = key.id(&contact, Purpose::Seal);
    store.rows().push(planted(id, "contact", vec![wrap]));

    let ring = keyring(&store, &[&ours], settings()).await;
    let error = open_error(&ring, id, "contact").await;
    assert!(
        matches!(error, KeyringError::NoUsableWrap { .. }),
        "{error}"
    );
    assert!(error.to_string().contains(&theirs.name()), "{error}");
    assert_eq!(ours.unwraps(), 0, "the wrap never reached a provider");
    assert!(!ring.knows(&theirs.name()) && ring.knows(&ours.name()));

    // Nor does anything get sealed under it, although the store says it is the active key.
    let error = ring.grant(&contact, Purpose::Seal, 1).await.err().unwrap();
    assert!(
        matches!(error, KeyringError::NoUsableWrap { .. }),
        "{error}"
    );
    assert_eq!(store.rows()[0].reserved, 0);
}

#[tokio::test]
async fn a_planted_key_that_claims_our_wrapping_key_is_an_alarm() {
    let (store, ours, theirs) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let key = DataKey::from_bytes([0x66; 32]);
    let mut wrap = theirs.stored_wrap(&key, &contact, Purpose::Seal).await;
    wrap.wrapping_key = ours.name();
    let id = key.id(&contact, Purpose::Seal);
    store.rows().push(planted(id, "contact", vec![wrap]));

    let ring = keyring(&store, &[&ours], settings()).await;
    let error = open_error(&ring, id, "contact").await;
    assert!(matches!(error, KeyringError::ForgedWrap { .. }), "{error}");
    assert!(error.is_alarm() && !error.is_temporary());
}

#[tokio::test]
async fn swapped_wraps_of_two_keys_of_one_domain_are_an_alarm() {
    let (store, ours, spare) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let ring = keyring(&store, &[&ours, &spare], settings()).await;
    let first = active_key(&ring, &contact).await;
    ring.retire_all().await.unwrap();
    let second = active_key(&ring, &contact).await;
    assert_ne!(first, second);
    {
        let mut rows = store.rows();
        let (ours_of_first, ours_of_second) =
            (rows[0].key.wraps[0].clone(), rows[1].key.wraps[0].clone());
        rows[0].key.wraps[0] = ours_of_second;
        rows[1].key.wraps[0] = ours_of_first;
    }
    let cold = keyring(&store, &[&ours, &spare], settings()).await;
    let unwraps = spare.unwraps();
    for (asked, held) in [(first, second), (second, first)] {
        let error = open_error(&cold, asked, "contact").await;
        let KeyringError::WrongKey { key, found, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((key.id, *found), (asked, held));
        assert!(error.is_alarm());
    }
    assert_eq!(
        spare.unwraps(),
        unwraps,
        "an alarm is never followed by another wrap"
    );

    // Sealing with a key whose wrap was swapped fails before any seal is reserved.
    let reserved = store.rows()[1].reserved;
    let error = cold.grant(&contact, Purpose::Seal, 1).await.err().unwrap();
    assert!(matches!(error, KeyringError::WrongKey { .. }), "{error}");
    assert_eq!(store.rows()[1].reserved, reserved);
}

#[tokio::test]
async fn a_key_of_one_domain_or_purpose_is_a_stranger_in_another() {
    let (store, ours) = (Arc::new(MemoryStore::default()), Faulty::new());
    let (contact, payment) = (domain("contact"), domain("payment"));
    let ring = keyring(&store, &[&ours], settings()).await;
    let id = active_key(&ring, &contact).await;

    // Cached for its own domain, and still not for the other one.
    let error = open_error(&ring, id, "payment").await;
    assert!(matches!(error, KeyringError::ForgedWrap { .. }), "{error}");
    let text = error.to_string();
    assert_eq!(
        text,
        format!(
            "alarm: the key store has key {id} for domain `contact`, and it was asked for `payment`: \
             the value was moved from another column, or a domain is misspelt, or the key store was \
             changed"
        )
    );
    let error = ring
        .opener(id, &contact, Purpose::Value)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, KeyringError::ForgedWrap { .. }), "{error}");
    let text = error.to_string();
    let told =
        "for purpose `seal`, and it was asked for `value`: a column's value was opened as a free";
    assert!(text.contains(told), "{text}");

    // Relabelled rows change nothing: domain and purpose come from the caller.
    {
        let mut rows = store.rows();
        let key = &mut rows[0].key;
        key.domain = "payment".to_owned();
    }
    let cold = keyring(&store, &[&ours], settings()).await;
    let error = cold.grant(&payment, Purpose::Seal, 1).await.err().unwrap();
    assert!(error.is_alarm(), "{error}");
    let text = error.to_string();
    let once = "is not genuine: the wrap does not open; check the root key file";
    assert!(text.contains(once), "{text}");
    assert_eq!(text.matches("does not open").count(), 1, "{text}");
    assert!(cold.opener(id, &contact, Purpose::Seal).await.is_ok());
}

/// What stands in the store's row is shown only where it has the form of a domain.
#[tokio::test]
async fn a_made_up_domain_of_the_store_is_not_repeated() {
    let (store, ours) = (Arc::new(MemoryStore::default()), Faulty::new());
    let ring = keyring(&store, &[&ours], settings()).await;
    let id = active_key(&ring, &domain("contact")).await;
    store.rows()[0].key.domain = "ada@example.org\nall is well".to_owned();
    let text = open_error(&ring, id, "payment").await.to_string();
    assert!(text.contains("is not genuine"), "{text}");
    assert!(!text.contains("ada") && !text.contains('\n'), "{text}");
}

#[tokio::test]
async fn a_genuine_wrap_under_a_made_up_id_is_an_alarm() {
    let (store, ours) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let key = DataKey::from_bytes([0x11; 32]);
    let wrap = ours.stored_wrap(&key, &contact, Purpose::Seal).await;
    let made_up = KeyId::from_bytes([0x77; 16]);
    store.rows().push(planted(made_up, "contact", vec![wrap]));
    let ring = keyring(&store, &[&ours], settings()).await;
    let error = open_error(&ring, made_up, "contact").await;
    assert!(matches!(error, KeyringError::WrongKey { .. }), "{error}");
}

#[tokio::test]
async fn a_planted_index_key_is_not_used() {
    let (store, ours, theirs) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let key = DataKey::from_bytes([0x66; 32]);
    let mut wrap = theirs.stored_wrap(&key, &contact, Purpose::Index).await;
    wrap.wrapping_key = ours.name();
    let mut row = planted(key.id(&contact, Purpose::Index), "contact", vec![wrap]);
    row.key.purpose = "index".to_owned();
    store.rows().push(row);
    let ring = keyring(&store, &[&ours], settings()).await;
    let error = ring.index_key(&contact).await.err().unwrap();
    assert!(error.is_alarm(), "{error}");
}

#[tokio::test]
async fn a_forged_wrap_is_not_passed_over_while_the_first_provider_is_down() {
    let (store, near, far) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let ring = keyring(&store, &[&near, &far], settings()).await;
    let id = active_key(&ring, &contact).await;
    store.rows()[0].key.wraps[1].wrapped[40] ^= 1;
    near.set_fault(unavailable());
    let cold = keyring(&store, &[&near, &far], settings()).await;
    let error = open_error(&cold, id, "contact").await;
    assert!(matches!(error, KeyringError::ForgedWrap { .. }), "{error}");
}
