//! How many calls it takes.

use std::sync::Arc;

use fieldseal_envelope::Purpose;

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
