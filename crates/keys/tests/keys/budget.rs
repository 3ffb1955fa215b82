//! Budgets: blocks, key changes, races, and a store whose counts lie.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fieldseal_envelope::{Grant, KeyId, Purpose, SealingKey, WrapContext};
use fieldseal_keys::{KeyProvider, KeyStore, Keyring, KeyringError, KeyringSettings, MAX_USES};

use crate::doubles::{DEPLOYMENT, Faulty, MemoryStore, active_key, domain, keyring};

fn tiny(max_uses: u64) -> KeyringSettings {
    KeyringSettings {
        max_uses,
        first_block: 4,
        max_block: 16,
        ..KeyringSettings::default()
    }
}

fn add(counts: &mut HashMap<KeyId, u64>, grants: &[Grant]) {
    for grant in grants {
        *counts.entry(grant.key_id()).or_default() += u64::from(grant.left());
    }
}

#[tokio::test]
async fn grants_cover_what_was_asked_and_span_key_changes() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], tiny(100)).await;
    let mut counts = HashMap::new();
    let mut asked = 0;
    for seals in [0, 1, 7, 250, 3, 99, 40] {
        let grants = ring.grant(&contact, Purpose::Seal, seals).await.unwrap();
        let granted: u32 = grants.iter().map(Grant::left).sum();
        assert_eq!(granted, seals);
        asked += u64::from(seals);
        add(&mut counts, &grants);
    }
    assert_eq!(counts.values().sum::<u64>(), asked);
    assert_eq!(counts.len(), 4, "400 seals at 100 a key");
    assert!(counts.values().all(|&count| count <= 100));
    let rows = store.rows();
    assert!(rows.iter().all(|row| row.reserved <= 100));
    assert_eq!(rows.iter().filter(|row| row.active).count(), 1);
}

#[tokio::test]
async fn blocks_double_up_to_the_limit_set() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], tiny(1 << 20)).await;
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let before = store.rows().first().map_or(0, |row| row.reserved);
        let mut asked = 0;
        loop {
            ring.grant(&contact, Purpose::Seal, 1).await.unwrap();
            asked += 1;
            let now = store.rows()[0].reserved;
            if now != before {
                sizes.push(now - before);
                // Use up the rest of the block.
                let rest = u32::try_from(now - before).unwrap() - 1;
                ring.grant(&contact, Purpose::Seal, rest).await.unwrap();
                break;
            }
            assert!(asked < 2);
        }
    }
    assert_eq!(sizes, [4, 8, 16, 16, 16]);
    assert_eq!(store.reservations.load(Ordering::SeqCst), 5);
}

/// Who sets the first block alone need not know how far the doubling would go.
#[tokio::test]
async fn a_first_block_past_the_largest_is_the_largest() {
    let contact = domain("contact");
    for first_block in [(1 << 20) + 1, u32::MAX] {
        let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
        let settings = KeyringSettings {
            first_block,
            ..KeyringSettings::default()
        };
        let ring = keyring(&store, &[&provider], settings).await;
        let block = u64::from(first_block).min(MAX_USES);
        ring.grant(&contact, Purpose::Seal, 1).await.unwrap();
        assert_eq!(store.rows()[0].reserved, block);
        // The rest of it, and the first of the next: as large, unless the key is used up with it.
        let rest = u32::try_from(block).unwrap();
        ring.grant(&contact, Purpose::Seal, rest).await.unwrap();
        let reserved: u64 = store.rows().iter().map(|row| row.reserved).sum();
        assert_eq!(reserved, 2 * block);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_of_several_processes_never_pass_a_limit() {
    const LIMIT: u64 = 50;
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let mut rings = Vec::new();
    for _ in 0..4 {
        rings.push(keyring(&store, &[&provider], tiny(LIMIT)).await);
    }
    let tasks: Vec<_> = (0..64_u32)
        .map(|task| {
            let (ring, contact) = (rings[task as usize % 4].clone(), contact.clone());
            tokio::spawn(async move {
                let mut grants = Vec::new();
                for seals in 1..=7 {
                    let more = ring.grant(&contact, Purpose::Seal, seals).await.unwrap();
                    let granted: u32 = more.iter().map(Grant::left).sum();
                    assert_eq!(granted, seals);
                    grants.extend(more);
                }
                grants
            })
        })
        .collect();
    let mut counts = HashMap::new();
    for task in tasks {
        add(&mut counts, &task.await.unwrap());
    }
    assert_eq!(counts.values().sum::<u64>(), 64 * 28);
    assert!(counts.len() >= 36);
    for (id, count) in counts {
        assert!(count <= LIMIT, "key {id} made {count} seals");
    }
}

#[tokio::test]
async fn a_store_whose_count_is_turned_back_does_not_make_a_process_pass_its_own_limit() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], tiny(100)).await;
    let mut counts = HashMap::new();
    for _ in 0..60 {
        add(
            &mut counts,
            &ring.grant(&contact, Purpose::Seal, 10).await.unwrap(),
        );
        // Somebody sets every count to 0, raises every limit, and makes the first key, long
        // used up, the active one again.
        let mut rows = store.rows();
        for (at, row) in rows.iter_mut().enumerate() {
            row.reserved = 0;
            row.limit = u64::MAX;
            row.active = at == 0 || row.active;
        }
    }
    assert_eq!(counts.values().sum::<u64>(), 600);
    for (id, count) in counts {
        assert!(count <= 100, "key {id} made {count} seals");
    }
}

#[tokio::test]
async fn a_key_that_this_process_used_up_by_another_way_is_left_alone() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], tiny(1000)).await;
    let old = active_key(&ring, &contact).await;
    let context = WrapContext {
        deployment: DEPLOYMENT.to_owned(),
        domain: contact.clone(),
        purpose: Purpose::Seal,
    };
    let wrapped = store.rows()[0].key.wraps[0].wrapped.clone();
    let name = &provider.wrapping_keys()[0];
    let data_key = provider.unwrap(&context, name, &wrapped).await.unwrap();
    let key = SealingKey::derive(&data_key, &contact, Purpose::Seal).unwrap();
    assert_eq!(key.id(), old);
    // One seal was granted above; this takes all the others the process may make.
    let rest = u32::try_from(MAX_USES).unwrap() - 1;
    assert!(Arc::new(key).grant(rest).is_ok());
    let grants = ring.grant(&contact, Purpose::Seal, 50).await.unwrap();
    assert!(grants.iter().all(|grant| grant.key_id() != old));
    assert_eq!(grants.iter().map(Grant::left).sum::<u32>(), 50);
}

#[tokio::test]
async fn a_new_epoch_leaves_no_key_active_and_drops_the_blocks() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let contact = domain("contact");
    let ring = keyring(&store, &[&provider], tiny(1000)).await;
    let old = active_key(&ring, &contact).await;
    ring.index_key(&contact).await.ok().unwrap();
    assert_eq!(ring.retire_all().await.unwrap(), 1);
    let new = active_key(&ring, &contact).await;
    assert_ne!(old, new);
    assert!(ring.opener(old, &contact, Purpose::Seal).await.is_ok());
    let index = store
        .rows()
        .iter()
        .filter(|row| row.key.purpose == "index")
        .count();
    assert_eq!(index, 1);
}

#[tokio::test]
async fn settings_under_which_nothing_could_be_sealed_are_refused() {
    let good = tiny(100);
    let bad = [
        KeyringSettings {
            max_uses: 0,
            ..good
        },
        KeyringSettings {
            first_block: 0,
            ..good
        },
    ];
    for settings in bad {
        let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
        let ring = Keyring::new(DEPLOYMENT, vec![provider], store, settings).await;
        let refused = matches!(ring.err(), Some(KeyringError::Configuration { .. }));
        assert!(refused, "{settings:?}");
    }
}

#[tokio::test]
async fn wrapping_keys_are_named_once() {
    let (store, provider) = (Arc::new(MemoryStore::default()), Faulty::new());
    let twice: Vec<Arc<dyn KeyProvider>> = vec![Arc::<Faulty>::clone(&provider), provider];
    for providers in [twice, Vec::new()] {
        let stored: Arc<dyn KeyStore> = Arc::<MemoryStore>::clone(&store);
        let ring = Keyring::new(DEPLOYMENT, providers, stored, tiny(9)).await;
        assert!(matches!(
            ring.err(),
            Some(KeyringError::Configuration { .. })
        ));
    }
}
