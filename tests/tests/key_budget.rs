//! The fleet's budget: many processes on one database use up many keys, and what they stored
//! shows that none of them sealed too often.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use fieldseal_db::run_migrations;
use fieldseal_envelope::{
    ColumnId, ColumnRef, Domain, Expected, KeyId, Purpose, TableId, sealed_key_id,
};
use fieldseal_keys::{KeyRef, KeyState, KeyStore, Keyring, KeyringSettings, LocalProvider};
use fieldseal_keystore::{DbKeyStore, migrations};
use fieldseal_model::{Kind, RowKey, Value};
use fieldseal_tests::databases::{Server, TestDatabase};

const WORKERS: u32 = 8;
const SEALS_EACH: u32 = 1_500;
const SEALS_PER_KEY: u64 = 400;
/// 8 workers × 1,500 seals at 400 a key: 30 keys at least.
const KEYS_USED_UP: usize = 20;

#[tokio::test]
async fn eight_processes_on_sqlite() {
    eight_processes(Server::Sqlite).await;
}

#[tokio::test]
async fn eight_processes_on_postgres() {
    eight_processes(Server::Postgres).await;
}

#[tokio::test]
async fn eight_processes_on_mariadb() {
    eight_processes(Server::MariaDb).await;
}

#[tokio::test]
async fn eight_processes_on_mysql() {
    if Server::MySql.is_there() {
        eight_processes(Server::MySql).await;
    }
}

async fn eight_processes(server: Server) {
    let test = TestDatabase::on(server).await;
    run_migrations(&test.database, migrations(test.dialect()))
        .await
        .unwrap();
    let bytes = if server == Server::Postgres {
        "BYTEA"
    } else {
        "BLOB"
    };
    let create = format!(
        "CREATE TABLE sealed_values (number BIGINT NOT NULL PRIMARY KEY, sealed {bytes} NOT NULL)"
    );
    let create = fieldseal_db::Sql::dynamic(create);
    test.database.execute(create, &[]).await.unwrap();
    let root = test.path("root");
    LocalProvider::create(&root).unwrap();

    let mut workers: Vec<Child> = (0..WORKERS).map(|n| start(&test.url, &root, n)).collect();
    for worker in &mut workers {
        let mut ready = [0; 6];
        let said = worker.stdout.as_mut().unwrap().read_exact(&mut ready);
        assert!(
            said.is_ok() && &ready == b"ready\n",
            "a worker did not start"
        );
    }
    for worker in &mut workers {
        drop(worker.stdin.take());
    }
    for mut worker in workers {
        assert!(worker.wait().unwrap().success(), "a worker failed");
    }

    let values = stored(&test).await;
    assert_eq!(values.len(), (WORKERS * SEALS_EACH) as usize);
    let mut seals: HashMap<KeyId, u64> = HashMap::new();
    let mut sharers: HashMap<KeyId, HashSet<i64>> = HashMap::new();
    let mut nonces = HashSet::new();
    for (number, sealed) in &values {
        let id = sealed_key_id(sealed).unwrap();
        *seals.entry(id).or_default() += 1;
        let worker = number / i64::from(SEALS_EACH);
        sharers.entry(id).or_default().insert(worker);
        assert!(
            nonces.insert((id, sealed[17..29].to_vec())),
            "a nonce was used twice"
        );
    }
    for (id, seals) in &seals {
        assert!(*seals <= SEALS_PER_KEY, "key {id} made {seals} seals");
    }
    // Else the processes ran one after the other, and nothing was shown. How many it is, the
    // machine's load decides.
    let shared = sharers.values().filter(|workers| workers.len() > 1).count();
    assert!(
        shared >= KEYS_USED_UP / 4,
        "only {shared} keys were shared by processes"
    );

    let store = DbKeyStore::new(test.database.clone());
    let keys = store.list().await.unwrap();
    for key in &keys {
        let seals = seals.get(&key.id).copied().unwrap_or(0);
        assert!(seals <= key.reserved && key.reserved <= SEALS_PER_KEY);
    }
    let used_up = keys
        .iter()
        .filter(|key| key.state == Some(KeyState::OpenOnly) && key.reserved == SEALS_PER_KEY);
    let used_up = used_up.count();
    assert!(used_up >= KEYS_USED_UP, "only {used_up} keys were used up");
    let active = keys
        .iter()
        .filter(|key| key.state == Some(KeyState::Active));
    assert!(active.count() <= 1);

    every_value_opens(store, &root, &values).await;
    test.end().await;
}

fn start(url: &str, root: &Path, number: u32) -> Child {
    Command::new(env!("CARGO_BIN_EXE_seal_worker"))
        .arg(url)
        .arg(root)
        .args([
            number.to_string(),
            SEALS_EACH.to_string(),
            SEALS_PER_KEY.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn stored(test: &TestDatabase) -> Vec<(i64, Vec<u8>)> {
    let select = "SELECT number, sealed FROM sealed_values";
    let rows = test.database.query(select, &[]).await.unwrap();
    rows.iter()
        .map(|row| (row.int(0).unwrap(), row.bytes(1).unwrap()))
        .collect()
}

/// With keys fetched by another process than those that sealed.
async fn every_value_opens(store: DbKeyStore, root: &Path, values: &[(i64, Vec<u8>)]) {
    let provider = Arc::new(LocalProvider::open(root).unwrap());
    let settings = KeyringSettings::default();
    let keyring = Keyring::new("shop-eu", vec![provider], Arc::new(store), settings)
        .await
        .unwrap();
    let domain: Domain = "contact".parse().unwrap();
    let keys: Vec<KeyRef> = values
        .iter()
        .map(|(_, sealed)| KeyRef {
            id: sealed_key_id(sealed).unwrap(),
            domain: domain.clone(),
            purpose: Purpose::Seal,
        })
        .collect();
    let openers = keyring.openers(&keys).await.unwrap();
    let table = TableId::new("shop.customers").unwrap();
    let column = ColumnRef::new(table, ColumnId::new("email").unwrap());
    for ((number, sealed), opener) in values.iter().zip(openers) {
        let opener = opener.unwrap_or_else(|error| panic!("{error}"));
        let row = RowKey::new([&Value::integer(&number.to_string()).unwrap()]).unwrap();
        let opened = opener.open_column(&column, &row, Expected::of(Kind::Text), sealed);
        assert!(opened.is_ok_and(|value| value.expose() == b"ada@example.org"));
    }
}
