//! How many calls it takes. A million rows through the whole pipeline are counted by `benches kms`.

use std::sync::Arc;

use fieldseal_db::Dialect;
use fieldseal_dms::Wire;
use fieldseal_envelope::Purpose;
use fieldseal_keys::KeyProvider;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, policy, records};

use crate::peers::{HERE, Keys, domain, provider, start};

const ROWS: u32 = 1_000_000;
const BATCH: u32 = 2_000;

/// A million rows of the demo's customers: two fields of the domain `identity`, four of
/// `contact`, one of which is indexed. Drawn batch by batch, as the pipeline does.
#[tokio::test]
async fn a_million_rows_of_six_sealed_fields_cost_ten_calls_at_most() {
    let kms = start();
    let key = kms.create_key(HERE);
    let keys = Keys::new().await;
    let ring = keys.keyring(&[&provider(&kms, HERE, &key).await]).await;
    let (identity, contact) = (domain("identity"), domain("contact"));
    let mut seals = 0;
    for _ in 0..ROWS / BATCH {
        for (of, fields) in [(&identity, 2), (&contact, 4)] {
            let grants = ring.grant(of, Purpose::Seal, fields * BATCH).await;
            seals += grants
                .unwrap()
                .iter()
                .map(|grant| u64::from(grant.left()))
                .sum::<u64>();
        }
        ring.index_key(&contact).await.ok().unwrap();
    }
    assert_eq!(seals, 6_000_000);
    let calls = kms.calls().by_operation();
    let total: u64 = calls.values().sum();
    assert!(total <= 10, "{calls:?}");
    assert_eq!(kms.calls().of("GenerateDataKey"), 3, "{calls:?}");
}

const TABLE: &str = "shop.customers";

const CUSTOMERS: &str = r#"
[tables."shop.customers"]
key = { id = "integer" }
[tables."shop.customers".columns]
name    = { seal = "identity", kind = "text" }
born    = { seal = "identity", kind = "text" }
phone   = { seal = "contact", kind = "text" }
address = { seal = "contact", kind = "text" }
notes   = { seal = "contact", kind = "text" }
email   = { seal = "contact", kind = "text", index = [{ name = "exact", normalise = ["trim/1"], column = "email_bidx" }] }
"#;

/// The same by the pipeline, from record to row: what the first rows cost, later ones do not cost
/// again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_costs_the_same_however_many_rows_it_has() {
    let kms = start();
    let key = kms.create_key(HERE);
    let provider = provider(&kms, HERE, &key).await;
    let policy = policy(CUSTOMERS);
    let tables = fieldseal_store::create_tables(&policy, Dialect::Sqlite, None);
    let tables = tables.expect("the policy can be spelled");
    let rig = Rig::with(Server::Sqlite, policy, &tables, |_local| {
        provider as Arc<dyn KeyProvider>
    });
    let rig = rig.await;
    let mut calls = Vec::new();
    for rows in [1..=10, 1..=5_000] {
        let records = rows.map(customer).collect();
        rig.run(MemorySource::of(records)).await;
        calls.push(kms.calls().by_operation());
    }
    assert_eq!(rig.open_all(TABLE).await.len(), 5_000);
    assert_eq!(calls[0], calls[1]);
    // The key is looked up; the keys of two domains and one index are made, and opened to be sure.
    let expected = [("Decrypt", 3), ("DescribeKey", 1), ("GenerateDataKey", 3)];
    let expected = expected.map(|(operation, count)| (operation.to_owned(), count));
    assert!(calls[1].clone().into_iter().eq(expected), "{calls:?}");
    rig.end().await;
}

fn customer(id: u32) -> Vec<u8> {
    let (key, text) = (id.to_string(), format!("of customer {id}"));
    let columns = ["name", "born", "phone", "address", "notes", "email"];
    let mut cells = vec![("id", Wire::Number(&key))];
    cells.extend(columns.map(|column| (column, Wire::Text(&text))));
    records::insert(id, TABLE, &cells)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_that_need_one_cold_key_make_one_call() {
    let kms = start();
    let key = kms.create_key(HERE);
    let keys = Keys::new().await;
    let provider = provider(&kms, HERE, &key).await;
    let grants = keys.keyring(&[&provider]).await;
    let grants = grants.grant(&domain("contact"), Purpose::Seal, 1).await;
    let id = grants.unwrap()[0].key_id();

    let cold = Arc::new(keys.keyring(&[&provider]).await);
    kms.calls().reset();
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let ring = Arc::clone(&cold);
            tokio::spawn(async move {
                let opened = ring.opener(id, &domain("contact"), Purpose::Seal).await;
                opened.map(|_| ())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((kms.calls().of("Decrypt"), kms.calls().total()), (1, 1));
}
