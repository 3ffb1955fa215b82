//! Opening: single flight, age, the negative cache, and outages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fieldseal_envelope::{KeyId, Purpose};
use fieldseal_keys::{KeyRef, KeyStore, Keyring, KeyringError, KeyringSettings};
use tokio::task::JoinHandle;

use crate::doubles::{
    DEPLOYMENT, Faulty, MemoryStore, active_key, denied, domain, keyring, unavailable,
};

const MAX_AGE: Duration = Duration::from_secs(300);

fn settings() -> KeyringSettings {
    KeyringSettings {
        max_age: MAX_AGE,
        ..KeyringSettings::default()
    }
}

/// Tasks that all ask for the same key, each of them already waiting for it if it has to. One
/// thread runs them, so a task that has counted itself has also asked.
async fn waiting(ring: &Keyring, id: KeyId, tasks: usize) -> Vec<JoinHandle<Option<KeyringError>>> {
    let asked = Arc::new(AtomicUsize::new(0));
    let spawned = (0..tasks).map(|_| {
        let (ring, asked) = (ring.clone(), Arc::clone(&asked));
        tokio::spawn(async move {
            asked.fetch_add(1, Ordering::SeqCst);
            ring.opener(id, &domain("contact"), Purpose::Seal)
                .await
                .err()
        })
    });
    let spawned = spawned.collect();
    while asked.load(Ordering::SeqCst) < tasks {
        tokio::task::yield_now().await;
    }
    spawned
}

#[tokio::test]
async fn a_thousand_tasks_that_ask_for_one_cold_key_make_one_unwrap() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let warm = keyring(&store, &[&provider], settings()).await;
    let id = active_key(&warm, &contact).await;

    let cold = keyring(&store, &[&provider], settings()).await;
    let (unwraps, reads) = (provider.unwraps(), store.key_reads());
    provider.close_gate();
    let tasks = waiting(&cold, id, 1000).await;
    provider.open_gate();
    for task in tasks {
        assert_eq!(task.await.unwrap(), None);
    }
    assert_eq!(provider.unwraps() - unwraps, 1);
    assert_eq!(store.key_reads() - reads, 1);
}

#[tokio::test]
async fn a_failing_unwrap_fails_all_who_wait_for_it_and_is_tried_again_by_the_next() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let warm = keyring(&store, &[&provider], settings()).await;
    let id = active_key(&warm, &contact).await;

    let cold = keyring(&store, &[&provider], settings()).await;
    let unwraps = provider.unwraps();
    provider.close_gate();
    provider.set_fault(unavailable());
    let tasks = waiting(&cold, id, 100).await;
    provider.open_gate();
    for task in tasks {
        let error = task.await.unwrap().expect("the provider is unavailable");
        assert!(matches!(error, KeyringError::Refused { .. }), "{error}");
        assert!(error.is_temporary() && !error.is_alarm());
    }
    assert_eq!(provider.unwraps() - unwraps, 1);

    provider.set_fault(None);
    assert!(cold.opener(id, &contact, Purpose::Seal).await.is_ok());
    assert_eq!(provider.unwraps() - unwraps, 2);
}

#[tokio::test]
async fn work_goes_on_when_the_task_that_began_it_is_cancelled() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let warm = keyring(&store, &[&provider], settings()).await;
    let id = active_key(&warm, &contact).await;

    let cold = keyring(&store, &[&provider], settings()).await;
    let unwraps = provider.unwraps();
    provider.close_gate();
    let mut tasks = waiting(&cold, id, 2).await;
    let first = tasks.remove(0);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    provider.open_gate();
    assert_eq!(tasks.remove(0).await.unwrap(), None);
    assert_eq!(provider.unwraps() - unwraps, 1);

    // And when all who wait are cancelled, the next begins anew.
    let cold = keyring(&store, &[&provider], settings()).await;
    provider.close_gate();
    let alone = waiting(&cold, id, 1).await.remove(0);
    alone.abort();
    assert!(alone.await.unwrap_err().is_cancelled());
    provider.open_gate();
    assert!(cold.opener(id, &contact, Purpose::Seal).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_outage_stops_opening_only_when_the_keys_have_aged() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], settings()).await;
    let id = active_key(&ring, &contact).await;
    provider.set_fault(unavailable());
    store.set_away(true);

    tokio::time::advance(MAX_AGE - Duration::from_millis(1)).await;
    assert!(ring.opener(id, &contact, Purpose::Seal).await.is_ok());
    // Use has not renewed the age.
    tokio::time::advance(Duration::from_millis(1)).await;
    let error = ring
        .opener(id, &contact, Purpose::Seal)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, KeyringError::Store { .. }), "{error}");
    store.set_away(false);
    let error = ring
        .opener(id, &contact, Purpose::Seal)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, KeyringError::Refused { .. }), "{error}");
    let text = error.to_string();
    for said in [
        "contact",
        "seal",
        &id.to_string(),
        &provider.name(),
        "told to fail",
    ] {
        assert!(text.contains(said), "{text}");
    }
    provider.set_fault(None);
    assert!(ring.opener(id, &contact, Purpose::Seal).await.is_ok());
}

#[tokio::test]
async fn during_an_outage_nothing_new_is_sealed_but_what_is_cached_opens() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let (contact, payment) = (domain("contact"), domain("payment"));
    let ring = keyring(&store, &[&provider], settings()).await;
    let id = active_key(&ring, &contact).await;
    provider.set_fault(unavailable());

    let error = ring.grant(&payment, Purpose::Seal, 1).await.err().unwrap();
    assert!(matches!(error, KeyringError::NotWrapped { .. }), "{error}");
    assert!(error.is_temporary());
    assert!(error.to_string().contains("payment"));
    assert!(ring.opener(id, &contact, Purpose::Seal).await.is_ok());
    assert_eq!(store.rows().len(), 1, "no key was stored without a wrap");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_is_asked_for_once_in_ten_seconds() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], settings()).await;
    let stranger = KeyId::from_bytes([0xab; 16]);
    for _ in 0..5 {
        let error = ring.opener(stranger, &contact, Purpose::Seal).await.err();
        assert!(matches!(error, Some(KeyringError::Unknown { .. })));
    }
    assert_eq!(store.key_reads(), 1);
    tokio::time::advance(Duration::from_secs(10)).await;
    let error = ring.opener(stranger, &contact, Purpose::Seal).await.err();
    assert!(matches!(error, Some(KeyringError::Unknown { .. })));
    assert_eq!(store.key_reads(), 2);
}

#[tokio::test]
async fn many_keys_are_fetched_in_one_query_and_answered_in_order() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let ring = keyring(&store, &[&provider], settings()).await;
    let mut keys = Vec::new();
    for name in ["contact", "payment", "health"] {
        let domain = domain(name);
        let id = active_key(&ring, &domain).await;
        keys.push(KeyRef {
            id,
            domain,
            purpose: Purpose::Seal,
        });
    }
    let stranger = KeyRef {
        id: KeyId::from_bytes([1; 16]),
        ..keys[0].clone()
    };
    keys.insert(1, stranger);
    keys.push(keys[0].clone());

    let cold = keyring(&store, &[&provider], settings()).await;
    let (unwraps, reads) = (provider.unwraps(), store.key_reads());
    let opened = cold.openers(&keys).await.unwrap();
    for (key, opened) in keys.iter().zip(&opened) {
        match opened {
            Ok(opened) => assert_eq!(opened.id(), key.id),
            Err(error) => {
                let unknown = KeyringError::Unknown {
                    key: keys[1].clone(),
                };
                assert_eq!((key.id, error), (keys[1].id, &unknown));
            }
        }
    }
    assert_eq!(opened.iter().filter(|opened| opened.is_err()).count(), 1);
    assert_eq!(provider.unwraps() - unwraps, 3);
    assert_eq!(cold.openers(&keys).await.unwrap().len(), keys.len());
    assert_eq!(store.key_reads() - reads, 1);
    assert!(cold.openers(&[]).await.unwrap().is_empty());
}

/// Whoever can write values can make up ids, more than are remembered: still all that is missing is
/// asked for in one go, and the keys that are there open.
#[tokio::test]
async fn ten_thousand_ids_that_were_made_up_are_asked_for_as_ten_are() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], settings()).await;
    let id = active_key(&ring, &contact).await;
    let real = KeyRef {
        id,
        domain: contact,
        purpose: Purpose::Seal,
    };
    for made_up in [10, 10_000_u128] {
        let strangers = (0..made_up).map(|number| KeyRef {
            id: KeyId::from_bytes(number.to_be_bytes()),
            ..real.clone()
        });
        let keys: Vec<KeyRef> = strangers.chain([real.clone()]).collect();
        let cold = keyring(&store, &[&provider], settings()).await;
        for call in 1..=2 {
            let reads = store.key_reads();
            let mut opened = cold.openers(&keys).await.unwrap();
            let real = opened.pop().unwrap();
            assert_eq!(real.unwrap().id(), id);
            for (key, opened) in keys.iter().zip(opened) {
                let unknown = KeyringError::Unknown { key: key.clone() };
                assert_eq!(opened.err(), Some(unknown));
            }
            // The second call remembers all of the ten, and as many of the many as are kept.
            let asked = usize::from(call == 1 || made_up > 10);
            assert_eq!(store.key_reads() - reads, asked, "{made_up}, call {call}");
        }
    }
}

#[tokio::test]
async fn a_key_asked_for_with_a_purpose_that_opens_nothing_is_refused_among_others() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], settings()).await;
    let id = active_key(&ring, &contact).await;
    let purposes = [Purpose::Index, Purpose::Seal];
    let keys = purposes.map(|purpose| KeyRef {
        id,
        domain: contact.clone(),
        purpose,
    });
    let cold = keyring(&store, &[&provider], settings()).await;
    let opened = cold.openers(&keys).await.unwrap();
    let refused = &opened[0];
    assert!(matches!(refused, Err(KeyringError::WrongPurpose { .. })));
    assert!(opened[1].is_ok());
}

/// Nobody waits so long, so it is never over.
#[tokio::test]
async fn an_age_past_the_end_of_the_clock_is_never_reached() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let settings = KeyringSettings {
        max_age: Duration::MAX,
        ..settings()
    };
    let ring = keyring(&store, &[&provider], settings).await;
    let id = active_key(&ring, &contact).await;
    ring.index_key(&contact).await.ok().unwrap();
    let unwraps = provider.unwraps();
    assert!(ring.opener(id, &contact, Purpose::Seal).await.is_ok());
    assert!(ring.index_key(&contact).await.is_ok());
    assert_eq!(provider.unwraps(), unwraps, "it is still there");
}

#[tokio::test]
async fn the_index_key_of_a_domain_is_made_once() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], settings()).await;
    let other = keyring(&store, &[&provider], settings()).await;
    let (first, second) = tokio::join!(ring.index_key(&contact), other.index_key(&contact));
    let id = |key: &fieldseal_envelope::DataKey| key.id(&contact, Purpose::Index);
    assert_eq!(id(&first.ok().unwrap()), id(&second.ok().unwrap()));
    assert_eq!(store.rows().len(), 1);
    let unwraps = provider.unwraps();
    assert!(ring.index_key(&contact).await.is_ok());
    assert_eq!(provider.unwraps(), unwraps);

    let error = ring.grant(&contact, Purpose::Index, 1).await.err();
    assert!(matches!(error, Some(KeyringError::WrongPurpose { .. })));
    let id = store.rows()[0].key.id;
    let error = ring.opener(id, &contact, Purpose::Index).await.err();
    assert!(matches!(error, Some(KeyringError::WrongPurpose { .. })));
}

#[tokio::test]
async fn the_next_wrap_is_tried_on_unavailable_and_on_denied() {
    let (store, near, far) = (
        Arc::new(MemoryStore::default()),
        Faulty::new(),
        Faulty::new(),
    );
    let contact = domain("contact");
    let ring = keyring(&store, &[&near, &far], settings()).await;
    let id = active_key(&ring, &contact).await;
    assert_eq!(store.rows()[0].key.wraps.len(), 2);

    for fault in [unavailable(), denied()] {
        near.set_fault(fault);
        let cold = keyring(&store, &[&near, &far], settings()).await;
        assert!(cold.opener(id, &contact, Purpose::Seal).await.is_ok());
    }
    // The first in the configuration is tried first, and the second not without need.
    near.set_fault(None);
    let unwraps = far.unwraps();
    let cold = keyring(&store, &[&near, &far], settings()).await;
    assert!(cold.opener(id, &contact, Purpose::Seal).await.is_ok());
    assert_eq!(far.unwraps(), unwraps);
}

#[tokio::test]
async fn a_store_of_another_deployment_is_refused() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    keyring(&store, &[&provider], settings()).await;
    let stored: Arc<dyn KeyStore> = store;
    let error = Keyring::new("shop-us", vec![provider], stored, settings())
        .await
        .err();
    let Some(KeyringError::OtherDeployment { stored, configured }) = error else {
        panic!("the store belongs to another deployment");
    };
    assert_eq!(
        (stored.as_str(), configured.as_str()),
        (DEPLOYMENT, "shop-us")
    );
}
