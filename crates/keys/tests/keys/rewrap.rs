//! Wraps that keys lack, and how they get them.

use std::sync::Arc;

use fieldseal_envelope::Purpose;
use fieldseal_keys::{KeyRef, KeyState, Keyring, KeyringError, KeyringSettings, ProviderError};

use crate::doubles::{Faulty, MemoryStore, active_key, denied, domain, keyring, unavailable};

async fn ring(store: &Arc<MemoryStore>, providers: &[&Arc<Faulty>]) -> Keyring {
    keyring(store, providers, KeyringSettings::default()).await
}

/// The names that the first key is wrapped under, sorted.
fn wrapped_under(store: &MemoryStore) -> Vec<String> {
    let rows = store.rows();
    let mut names: Vec<String> = rows[0]
        .key
        .wraps
        .iter()
        .map(|wrap| wrap.wrapping_key.clone())
        .collect();
    names.sort();
    names
}

fn both(near: &Faulty, far: &Faulty) -> Vec<String> {
    let mut names = vec![near.name(), far.name()];
    names.sort();
    names
}

fn faults() -> [Option<ProviderError>; 2] {
    [unavailable(), denied()]
}

#[tokio::test]
async fn a_wrap_that_could_not_be_had_is_added_later() {
    for (fault, first) in faults()
        .into_iter()
        .flat_map(|f| [(f.clone(), true), (f, false)])
    {
        let (store, near, far) = (
            Arc::new(MemoryStore::default()),
            Faulty::new(),
            Faulty::new(),
        );
        let contact = domain("contact");
        let (away, there) = if first { (&near, &far) } else { (&far, &near) };
        away.set_fault(fault);
        let made = ring(&store, &[&near, &far]).await;
        let id = active_key(&made, &contact).await;
        assert_eq!(wrapped_under(&store), [there.name()]);

        // As long as it is away the wrap stays owed, and is told.
        let done = made.rewrap().await.unwrap();
        assert_eq!((done.added, done.owed.len()), (0, 1));
        let text = done.owed[0].to_string();
        for word in [&id.to_string(), &away.name(), "told to"] {
            assert!(text.contains(word), "{text}");
        }
        away.set_fault(None);
        let done = made.rewrap().await.unwrap();
        assert_eq!((done.added, done.owed.len()), (1, 0));
        assert_eq!(wrapped_under(&store), both(&near, &far));
        // Whoever has only the one that was away opens it now.
        let alone = ring(&store, &[away]).await;
        assert!(alone.opener(id, &contact, Purpose::Seal).await.is_ok());
        assert_eq!(made.rewrap().await.unwrap().added, 0, "once is enough");
    }
}

#[tokio::test]
async fn one_refusal_of_the_first_while_a_key_is_made_costs_no_wrap() {
    let (store, near, far) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    near.set_fault(unavailable());
    near.recover_after(1);
    let ring = ring(&store, &[&near, &far]).await;
    active_key(&ring, &domain("contact")).await;
    assert_eq!(wrapped_under(&store), both(&near, &far));
}

#[tokio::test]
async fn a_key_older_than_a_wrapping_key_is_wrapped_under_it_and_keeps_what_it_has() {
    let (store, old, new) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let before = ring(&store, &[&old]).await;
    let sealing = active_key(&before, &contact).await;
    before.index_key(&contact).await.ok().unwrap();
    before.retire_all().await.unwrap();
    let after = ring(&store, &[&new, &old]).await;
    assert_eq!(after.rewrap().await.unwrap().added, 2, "the index key too");
    assert_eq!(wrapped_under(&store), both(&old, &new));
    let alone = ring(&store, &[&new]).await;
    assert!(alone.opener(sealing, &contact, Purpose::Seal).await.is_ok());
    assert!(alone.index_key(&contact).await.is_ok());
}

#[tokio::test]
async fn a_destroyed_key_gets_no_wrap() {
    let (store, old, new) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let before = ring(&store, &[&old]).await;
    active_key(&before, &domain("contact")).await;
    {
        let row = &mut store.rows()[0];
        row.active = false;
        row.key.state = Some(KeyState::Destroyed);
    }
    let after = ring(&store, &[&old, &new]).await;
    let done = after.rewrap().await.unwrap();
    assert_eq!((done.added, done.owed.len()), (0, 0));
    assert_eq!(wrapped_under(&store), [old.name()]);
}

/// A wrap of another key must not be spread to where it would be believed.
#[tokio::test]
async fn a_key_whose_wrap_holds_another_key_gets_no_wrap() {
    let (store, old, new) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let before = ring(&store, &[&old]).await;
    active_key(&before, &contact).await;
    before.retire_all().await.unwrap();
    active_key(&before, &contact).await;
    {
        let mut rows = store.rows();
        rows[0].key.wraps = rows[1].key.wraps.clone();
    }
    let done = ring(&store, &[&old, &new]).await.rewrap().await.unwrap();
    assert_eq!((done.added, done.owed.len()), (1, 1));
    assert!(done.owed[0].reason.contains("alarm"), "{}", done.owed[0]);
    assert_eq!(wrapped_under(&store), [old.name()]);
}

#[tokio::test]
async fn every_configured_wrap_is_opened_when_that_is_asked_for() {
    let (store, near, far) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let ring = ring(&store, &[&near, &far]).await;
    let id = active_key(&ring, &contact).await;
    let key = KeyRef {
        id,
        domain: contact,
        purpose: Purpose::Seal,
    };
    assert_eq!(ring.refused_wraps(&key).await.unwrap(), []);
    far.set_fault(denied());
    let refused = ring.refused_wraps(&key).await.unwrap();
    assert_eq!(refused[0].wrapping_key.as_str(), far.name());
    far.set_fault(None);
    store.rows()[0].key.wraps[1].wrapped[40] ^= 1;
    let error = ring.refused_wraps(&key).await.err().unwrap();
    assert!(matches!(error, KeyringError::ForgedWrap { .. }), "{error}");
}
