//! A key service that is down or denies. Owns that writes stop, nothing is written in clear, and
//! work goes on by itself.

use std::sync::Arc;

use fieldseal_db::Dialect;
use fieldseal_keys::KeyProvider;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::faults::{FaultyProvider, Outage};
use fieldseal_tests::harness::{MemorySource, Rig};
use tokio::sync::watch;

use super::{TABLE, people, person};

async fn rig() -> (Rig, Arc<FaultyProvider>) {
    let policy = people("", "");
    let tables = fieldseal_store::create_tables(&policy, Dialect::Sqlite, None);
    let tables = tables.expect("the policy can be spelled");
    let mut faulty = None;
    let rig = Rig::with(Server::Sqlite, policy, &tables, |inner| {
        let provider = FaultyProvider::around(inner);
        faulty = Some(Arc::clone(&provider));
        provider as Arc<dyn KeyProvider>
    });
    let rig = rig.await;
    (rig, faulty.expect("made by now"))
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_wait_for_the_keys_and_go_on_when_they_are_back() {
    for outage in [Outage::Down, Outage::Denied] {
        let (rig, provider) = rig().await;
        provider.fail(outage, 3);
        let records = (1..=5).map(person).collect();
        rig.run(MemorySource::of(records)).await;
        assert_eq!(
            provider.refused(),
            3,
            "{outage:?}: it was asked until it answered"
        );
        let rows = rig.open_all(TABLE).await;
        assert_eq!(rows.len(), 5);
        assert_eq!(rows["3"]["email"], "person3@example.org");
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_while_the_keys_are_away_and_reads_go_on_from_the_cache() {
    for outage in [Outage::Down, Outage::Denied] {
        let (rig, provider) = rig().await;
        rig.run(MemorySource::of(vec![person(1)])).await;
        assert_eq!(rig.open_all(TABLE).await.len(), 1);

        // The quarantine's key was not needed so far, so it must be made now.
        provider.fail(outage, 0);
        let records = vec![
            person(1),
            person(2),
            b"broken ada@example.org".to_vec(),
            person(3),
        ];
        let (stop, shutdown) = watch::channel(false);
        let watching = Arc::clone(&provider);
        let stopper = tokio::spawn(async move {
            while watching.refused() < 3 {
                tokio::task::yield_now().await;
            }
            let _ = stop.send(true);
        });
        let (summary, progress) = rig
            .run_until(MemorySource::of(records), Arc::clone(&rig.store), shutdown)
            .await;
        stopper.await.expect("it stops the run");
        assert_eq!(progress.records(), 0, "{outage:?}");
        assert!(summary.finished.is_empty());
        let rows = rig.open_all(TABLE).await;
        assert_eq!(
            rows.keys().collect::<Vec<_>>(),
            ["1"],
            "nothing of the batch is applied"
        );
        assert_eq!(
            rows["1"]["email"], "person1@example.org",
            "what was read can be read on"
        );
        assert!(rig.held().await.is_empty());
        assert_eq!(
            rig.status().await.shards[0].sequence,
            "1",
            "the checkpoint has not moved"
        );
        rig.end().await;
    }
}
