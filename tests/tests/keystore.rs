//! The key store's promises, on every database. No test here knows a real key: the store keeps
//! whatever it is given.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::collections::HashSet;

use fieldseal_db::{Bind, run_migrations};
use fieldseal_envelope::{Domain, KeyId, Purpose};
use fieldseal_keys::{
    Addition, IndexRecord, Insertion, KeyState, KeyStore, KeyStoreError, LayoutRecord, NewKey,
    Reservation, StoredWrap,
};
use fieldseal_keystore::{DbKeyStore, migrations};
use fieldseal_tests::databases::{Server, TestDatabase};

macro_rules! on_every_server {
    ($($case:ident),* $(,)?) => {
        mod sqlite { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(super::Server::Sqlite).await; }
        )* }
        mod postgres { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(super::Server::Postgres).await; }
        )* }
        mod mariadb { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(super::Server::MariaDb).await; }
        )* }
        mod mysql { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if super::Server::MySql.is_there() {
                    super::$case(super::Server::MySql).await;
                }
            }
        )* }
    };
}

on_every_server!(
    migrations_run_once,
    a_deployment_is_claimed_once,
    one_of_many_new_keys_becomes_the_active_one,
    reservations_never_pass_either_limit,
    a_retired_key_never_seals_again,
    a_new_epoch_retires_all_but_index_keys,
    many_keys_come_with_all_their_wraps,
    a_wrap_is_added_once_and_replaces_none,
    the_database_refuses_a_second_active_key,
    lines_are_recorded_once_and_compared_ever_after,
    concurrent_starts_record_the_same_lines,
    a_closed_database_is_unavailable,
);

/// How often a used-up key is replaced by eight at once.
const ROUNDS: u64 = 50;

async fn store_on(server: Server) -> (TestDatabase, DbKeyStore) {
    let test = TestDatabase::on(server).await;
    let ran = run_migrations(&test.database, migrations(test.dialect())).await;
    assert_eq!(ran.unwrap(), ["keystore/0001"]);
    let store = DbKeyStore::new(test.database.clone());
    (test, store)
}

fn contact() -> Domain {
    "contact".parse().unwrap()
}

fn id(number: u64) -> KeyId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    KeyId::from_bytes(bytes)
}

fn key(number: u64, purpose: Purpose, limit: u64) -> NewKey {
    let wrap = |name: &str| StoredWrap {
        wrapping_key: name.to_owned(),
        // Bytes no text column would keep: a zero, a quote, bad UTF-8.
        wrapped: [&[0, b'\'', 0xff][..], &number.to_be_bytes()].concat(),
    };
    NewKey {
        id: id(number),
        domain: contact(),
        purpose,
        limit,
        wraps: vec![wrap("local:a"), wrap("local:b")],
    }
}

async fn migrations_run_once(server: Server) {
    let (test, _) = store_on(server).await;
    let again = run_migrations(&test.database, migrations(test.dialect())).await;
    assert!(again.unwrap().is_empty());
    test.end().await;
}

async fn a_deployment_is_claimed_once(server: Server) {
    let (test, store) = store_on(server).await;
    assert_eq!(store.deployment().await.unwrap(), None);
    let claims = (0..8).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.claim(&format!("shop-{n}")).await.unwrap() })
    });
    let mut answers = HashSet::new();
    for claim in claims.collect::<Vec<_>>() {
        answers.insert(claim.await.unwrap());
    }
    assert_eq!(answers.len(), 1, "everybody reads the winner's");
    let stored = store.deployment().await.unwrap().unwrap();
    assert!(answers.contains(&stored));
    test.end().await;
}

async fn one_of_many_new_keys_becomes_the_active_one(server: Server) {
    let (test, store) = store_on(server).await;
    store.claim("shop-eu").await.unwrap();
    assert_eq!(store.active(&contact(), Purpose::Seal).await.unwrap(), None);
    for round in 0..ROUNDS {
        let inserts = (0..8).map(|n| {
            let (store, new) = (store.clone(), key(round * 8 + n, Purpose::Seal, 100));
            tokio::spawn(async move { (new.id, store.insert_active(&new).await.unwrap()) })
        });
        let mut winners = Vec::new();
        for insert in inserts.collect::<Vec<_>>() {
            let (id, insertion) = insert.await.unwrap();
            if insertion == Insertion::Inserted {
                winners.push(id);
            }
        }
        let active = store
            .active(&contact(), Purpose::Seal)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(winners, [active.id]);
        assert_eq!((active.reserved, active.limit), (0, 100));
        store.retire(active.id).await.unwrap();
    }
    // The losers left nothing behind, not even their wraps.
    let keys = store.list().await.unwrap();
    assert_eq!(keys.len() as u64, ROUNDS);
    let count = "SELECT COUNT(*) FROM fieldseal_key_wraps";
    let rows = test.database.query(count, &[]).await.unwrap();
    assert_eq!(rows[0].int(0).unwrap().cast_unsigned(), 2 * ROUNDS);
    test.end().await;
}

async fn reservations_never_pass_either_limit(server: Server) {
    let (test, store) = store_on(server).await;
    let new = key(1, Purpose::Seal, 100);
    store.insert_active(&new).await.unwrap();
    let tries = (0..40).map(|_| {
        let (store, id) = (store.clone(), new.id);
        tokio::spawn(async move { store.reserve(id, 7, 1 << 30).await.unwrap() })
    });
    let mut reserved = 0;
    for attempt in tries.collect::<Vec<_>>() {
        reserved += usize::from(attempt.await.unwrap() == Reservation::Reserved);
    }
    assert_eq!(reserved, 14, "14 × 7 = 98 of 100");
    assert_eq!(
        store.reserve(new.id, 3, 1 << 30).await.unwrap(),
        Reservation::Refused
    );
    // The caller's own limit holds when the stored one was raised.
    let raise = "UPDATE fieldseal_data_keys SET use_limit = 1000000";
    test.database.execute(raise, &[]).await.unwrap();
    assert_eq!(
        store.reserve(new.id, 3, 100).await.unwrap(),
        Reservation::Refused
    );
    assert_eq!(
        store.reserve(new.id, 3, 2).await.unwrap(),
        Reservation::Refused
    );
    assert_eq!(
        store.reserve(new.id, 2, 100).await.unwrap(),
        Reservation::Reserved
    );
    assert_eq!(
        store.reserve(new.id, 1, 100).await.unwrap(),
        Reservation::Refused
    );
    assert_eq!(store.list().await.unwrap()[0].reserved, 100);
    assert_eq!(
        store.reserve(id(9), 1, 100).await.unwrap(),
        Reservation::Refused
    );
    test.end().await;
}

async fn a_retired_key_never_seals_again(server: Server) {
    let (test, store) = store_on(server).await;
    let old = key(1, Purpose::Seal, 100);
    store.insert_active(&old).await.unwrap();
    for _ in 0..2 {
        store.retire(old.id).await.unwrap();
        assert_eq!(store.active(&contact(), Purpose::Seal).await.unwrap(), None);
        assert_eq!(
            store.reserve(old.id, 1, 100).await.unwrap(),
            Reservation::Refused
        );
    }
    let keys = store.keys(&[old.id]).await.unwrap();
    assert_eq!(keys[0].state, Some(KeyState::OpenOnly));
    assert_eq!(keys[0].wraps, old.wraps);

    let new = key(2, Purpose::Seal, 100);
    assert_eq!(
        store.insert_active(&new).await.unwrap(),
        Insertion::Inserted
    );
    store.retire(old.id).await.unwrap();
    let active = store
        .active(&contact(), Purpose::Seal)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        active.id, new.id,
        "retiring the old key leaves the new one alone"
    );
    test.end().await;
}

async fn a_new_epoch_retires_all_but_index_keys(server: Server) {
    let (test, store) = store_on(server).await;
    for (number, purpose) in (1..).zip(Purpose::ALL) {
        let inserted = store
            .insert_active(&key(number, purpose, 100))
            .await
            .unwrap();
        assert_eq!(
            inserted,
            Insertion::Inserted,
            "each purpose has a key of its own"
        );
    }
    assert_eq!(store.retire_all().await.unwrap(), 2);
    assert_eq!(store.retire_all().await.unwrap(), 0);
    for purpose in [Purpose::Seal, Purpose::Value] {
        assert_eq!(store.active(&contact(), purpose).await.unwrap(), None);
    }
    assert!(
        store
            .active(&contact(), Purpose::Index)
            .await
            .unwrap()
            .is_some()
    );
    let second = key(4, Purpose::Index, 0);
    assert_eq!(store.insert_active(&second).await.unwrap(), Insertion::Lost);
    test.end().await;
}

async fn many_keys_come_with_all_their_wraps(server: Server) {
    let (test, store) = store_on(server).await;
    let keys: Vec<NewKey> = (0..1_100).map(|n| key(n, Purpose::Seal, 100)).collect();
    for key in &keys {
        assert_eq!(store.insert_active(key).await.unwrap(), Insertion::Inserted);
        store.retire(key.id).await.unwrap();
    }
    let mut asked: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    asked.push(id(1_000_000));
    let found = store.keys(&asked).await.unwrap();
    assert_eq!(found.len(), keys.len());
    for key in &keys {
        let stored = found.iter().find(|stored| stored.id == key.id).unwrap();
        assert_eq!(stored.wraps, key.wraps);
        assert_eq!(
            (stored.domain.as_str(), stored.purpose.as_str()),
            ("contact", "seal")
        );
    }
    assert!(store.keys(&[]).await.unwrap().is_empty());

    // A key whose wraps were destroyed is still known, without any.
    let delete = "DELETE FROM fieldseal_key_wraps WHERE key_id = ?";
    let binds = [Bind::from(keys[3].id.as_bytes())];
    test.database.execute(delete, &binds).await.unwrap();
    let bare = store.keys(&[keys[3].id]).await.unwrap();
    assert!(bare[0].wraps.is_empty());
    test.end().await;
}

async fn a_wrap_is_added_once_and_replaces_none(server: Server) {
    let (test, store) = store_on(server).await;
    store.claim("shop-eu").await.unwrap();
    for number in 0..3 {
        let new = key(number, Purpose::Seal, 100);
        assert_eq!(
            store.insert_active(&new).await.unwrap(),
            Insertion::Inserted
        );
        store.retire(id(number)).await.unwrap();
    }
    let wrap = |name: &str, number: u8| StoredWrap {
        wrapping_key: name.to_owned(),
        wrapped: vec![0, b'\'', 0xff, number],
    };
    // Many at once: one of them adds it, and what it added stays.
    let adding = (0..8).map(|number| {
        let (store, wrap) = (store.clone(), wrap("local:c", number));
        tokio::spawn(async move { (store.add_wrap(id(0), &wrap).await.unwrap(), wrap) })
    });
    let mut added = Vec::new();
    for one in adding.collect::<Vec<_>>() {
        let (addition, wrap) = one.await.unwrap();
        if addition == Addition::Added {
            added.push(wrap);
        }
    }
    let wraps = async |number| store.keys(&[id(number)]).await.unwrap()[0].wraps.clone();
    let before = key(0, Purpose::Seal, 100).wraps;
    assert_eq!(added.len(), 1);
    assert_eq!(wraps(0).await, [&before[..], &added].concat());
    let other = store.add_wrap(id(0), &wrap("local:a", 9)).await.unwrap();
    assert_eq!(other, Addition::NotNeeded);
    assert_eq!(wraps(0).await, [&before[..], &added].concat());

    let destroy = "UPDATE fieldseal_data_keys SET state = 'destroyed' WHERE key_id = ?";
    let destroyed = id(1);
    let binds = [Bind::from(destroyed.as_bytes())];
    test.database.execute(destroy, &binds).await.unwrap();
    for number in [1, 77] {
        let addition = store.add_wrap(id(number), &wrap("local:c", 1)).await;
        assert_eq!(addition.unwrap(), Addition::NotNeeded, "key {number}");
    }
    assert_eq!(wraps(1).await.len(), 2);
    assert_eq!(wraps(2).await.len(), 2);
    test.end().await;
}

async fn the_database_refuses_a_second_active_key(server: Server) {
    let (test, store) = store_on(server).await;
    store
        .insert_active(&key(1, Purpose::Seal, 100))
        .await
        .unwrap();
    store.retire(id(1)).await.unwrap();
    store
        .insert_active(&key(2, Purpose::Seal, 100))
        .await
        .unwrap();
    let revive = "UPDATE fieldseal_data_keys SET state = 'active', slot = 1 WHERE key_id = ?";
    let first = id(1);
    let binds = [Bind::from(first.as_bytes())];
    let revived = test.database.execute(revive, &binds).await;
    assert!(revived.err().unwrap().is_unique_violation());
    let revive = "UPDATE fieldseal_data_keys SET state = 'active' WHERE key_id = ?";
    assert!(test.database.execute(revive, &binds).await.is_err());
    let revive = "UPDATE fieldseal_data_keys SET state = 'active', slot = 2 WHERE key_id = ?";
    assert!(test.database.execute(revive, &binds).await.is_err());
    let revive = "UPDATE fieldseal_data_keys SET state = 'alive' WHERE key_id = ?";
    assert!(test.database.execute(revive, &binds).await.is_err());
    test.end().await;
}

fn index(name: &str, line: &str) -> IndexRecord {
    IndexRecord {
        table: "shop.customers".to_owned(),
        column: "email".to_owned(),
        name: name.to_owned(),
        line: line.to_owned(),
    }
}

fn layout(item: &str, line: &str) -> LayoutRecord {
    LayoutRecord {
        table: "shop.customers".to_owned(),
        item: item.to_owned(),
        line: line.to_owned(),
    }
}

async fn lines_are_recorded_once_and_compared_ever_after(server: Server) {
    let (test, store) = store_on(server).await;
    let exact = index("exact", "contact t|trim/1 bytes 16 into email_exact");
    // Names that a character collation would take for the same.
    let alike = [
        index("Exact", "a"),
        index("exact ", "b"),
        index("éxact", "c"),
    ];
    let all = [&[exact.clone()][..], &alike[..]].concat();
    store.record_indexes(&all).await.unwrap();
    store.record_indexes(&all).await.unwrap();
    store.record_indexes(&alike[1..]).await.unwrap();

    let changed = index("exact", "contact t|trim/1 bytes 32 into email_exact");
    let error = store
        .record_indexes(&[index("fresh", "d"), changed.clone()])
        .await
        .unwrap_err();
    let KeyStoreError::Differs {
        what,
        recorded,
        configured,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((recorded, configured), (exact.line, changed.line));
    for named in ["exact", "email", "shop.customers"] {
        assert!(what.contains(named), "{what}");
    }
    let rows = test
        .database
        .query("SELECT COUNT(*) FROM fieldseal_indexes", &[])
        .await;
    assert_eq!(
        rows.unwrap()[0].int(0).unwrap(),
        4,
        "nothing was recorded beside it"
    );

    let bind = layout("bind", "row: id i");
    let column = layout("column email", "seal contact t");
    store
        .record_layout(&[bind.clone(), column.clone()])
        .await
        .unwrap();
    store.record_layout(&[column]).await.unwrap();
    let error = store
        .record_layout(&[layout("bind", "column")])
        .await
        .unwrap_err();
    assert!(matches!(error, KeyStoreError::Differs { .. }));
    let text = error.to_string();
    assert!(
        text.contains("`row: id i`") && text.contains("`column`"),
        "{text}"
    );
    test.end().await;
}

async fn concurrent_starts_record_the_same_lines(server: Server) {
    let (test, store) = store_on(server).await;
    let starts = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let lines: Vec<_> = (0..20)
                .map(|n| layout(&format!("column {n}"), "same"))
                .collect();
            store.record_layout(&lines).await
        })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
    let rows = test
        .database
        .query("SELECT COUNT(*) FROM fieldseal_layout", &[])
        .await;
    assert_eq!(rows.unwrap()[0].int(0).unwrap(), 20);
    test.end().await;
}

async fn a_closed_database_is_unavailable(server: Server) {
    let (test, store) = store_on(server).await;
    test.database.close().await;
    let error = store.active(&contact(), Purpose::Seal).await.unwrap_err();
    assert!(
        matches!(error, KeyStoreError::Unavailable { .. }),
        "{error}"
    );
    test.end().await;
}
