//! Things that happen at an odd moment: a source that is away when a shard is opened, a shard whose
//! file was put away before a new epoch, duplicates that differ with something newer between them,
//! and a value that only an index of the target refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fieldseal_dms::Wire;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{Capture, RecordSource, ReplayOutcome, ShardInfo, SourceError, replay};
use fieldseal_store::Beginning;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::records::{insert, position, update};
use fieldseal_tests::harness::{MemorySource, Rig, policy};

const TABLE: &str = "shop.customers";

fn customers(key: &str) -> String {
    format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"{key}\" }}\n\
         [tables.\"{TABLE}\".columns]\nname = {{ seal = \"contact\", kind = \"text\" }}\n"
    )
}

async fn rig(server: Server) -> Rig {
    Rig::new(server, policy(&customers("integer"))).await
}

fn cells<'a>(id: &'a str, name: &'a str) -> [(&'a str, Wire<'a>); 2] {
    [("id", Wire::Number(id)), ("name", Wire::Text(name))]
}

/// A source that is away the first time a shard is opened.
struct AwayAtFirst {
    source: MemorySource,
    opened: AtomicU32,
}

#[async_trait]
impl RecordSource for AwayAtFirst {
    type Reader = <MemorySource as RecordSource>::Reader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        self.source.shards().await
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<Self::Reader, SourceError> {
        if self.opened.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(SourceError {
                what: "throttled".to_owned(),
                transient: true,
                lost: false,
            });
        }
        self.source.open(shard, after).await
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        self.source.mark(shard).await
    }
}

#[tokio::test]
async fn a_source_that_is_away_when_a_shard_is_opened_is_tried_again() {
    let rig = rig(Server::Sqlite).await;
    let source = AwayAtFirst {
        source: MemorySource::of(vec![insert(1, TABLE, &cells("1", "ada"))]),
        opened: AtomicU32::new(0),
    };
    let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(rig.open_all(TABLE).await.len(), 1);
    rig.end().await;
}

/// Old records must not win over the new epoch's because their file is in an archive by then.
#[tokio::test]
async fn a_record_held_from_a_shard_that_is_gone_keeps_its_epoch() {
    let rig = rig(Server::Sqlite).await;
    // An update without `name`: held. Its position is high, in the old lineage.
    let broken = update(50, TABLE, &[("id", Wire::Number("1"))], &[]);
    rig.run(MemorySource::default().shard("old", vec![broken]))
        .await;
    assert_eq!(rig.held().await.len(), 1);
    // The file is put away; the folder is empty when the epoch begins.
    let known = rig.store.known_shards().await.unwrap();
    let begun = rig.store.begin_epoch(&known, &[]).await.unwrap();
    assert_eq!(begun, Beginning::Begun(fieldseal_model::Epoch(2)));
    // In the new lineage positions are low again.
    rig.run(MemorySource::default().shard("new", vec![insert(3, TABLE, &cells("1", "new"))]))
        .await;
    let labels = |shard: &'static str| {
        let store = Arc::clone(&rig.store);
        async move {
            fieldseal_pipeline::Target::labels(&*store, shard)
                .await
                .unwrap()
        }
    };
    let held = rig.held().await.remove(0).record;
    let epoch = labels("old").await.epoch_at(&held.sequence);
    assert_eq!(
        epoch,
        fieldseal_model::Epoch(1),
        "labels are those of first sight"
    );
    rig.end().await;
}

/// The same through the rows: what was held under the old epoch must lose when it is replayed.
#[tokio::test]
async fn a_replay_from_a_shard_that_is_gone_does_not_undo_the_new_epoch() {
    let text = customers("integer");
    let mut rig = Rig::new(Server::Sqlite, policy(&text)).await;
    let broken = update(
        50,
        TABLE,
        &[
            ("id", Wire::Number("1")),
            ("name", Wire::Text("old")),
            ("nick", Wire::Text("x")),
        ],
        &[],
    );
    rig.run(MemorySource::default().shard("old", vec![broken]))
        .await;
    assert_eq!(rig.held_reasons().await, ["1 unlisted-column"]);
    let known = rig.store.known_shards().await.unwrap();
    rig.store.begin_epoch(&known, &[]).await.unwrap();
    rig.run(MemorySource::default().shard("new", vec![insert(3, TABLE, &cells("1", "new"))]))
        .await;
    // The operator lists the column as dropped and replays.
    rig.policy = Arc::new(policy(&format!("{text}nick = \"drop\"\n")));
    rig.restart().await;
    let held = rig.held().await.remove(0).record;
    let outcome = replay(&*rig.store, &rig.preparer, &held).await.unwrap();
    assert_eq!(outcome, ReplayOutcome::Applied);
    assert_eq!(rig.open_all(TABLE).await["1"]["name"], "new");
    rig.end().await;
}

/// A shard that is gone says nothing of where the present task stands.
#[tokio::test]
async fn a_generation_begins_after_an_epoch_although_an_old_shard_was_read_further() {
    let rig = rig(Server::Sqlite).await;
    let old = vec![insert(50, TABLE, &cells("1", "ada"))];
    rig.run(MemorySource::default().shard("old", old)).await;
    let known = rig.store.known_shards().await.unwrap();
    rig.store.begin_epoch(&known, &[]).await.unwrap();
    let begun = rig
        .store
        .begin_generations(
            &[TABLE.to_owned()],
            position(3),
            Capture::Stopped,
            "2024-05-02T08:00:00.000000Z",
            &known,
            &[],
        )
        .await
        .unwrap();
    assert!(matches!(begun, Beginning::Begun(_)), "{begun:?}");
    rig.end().await;
}

/// A stream that is sent again brings the old change behind the newer one.
#[tokio::test]
async fn two_changes_of_one_version_that_differ_are_seen_around_a_newer_one() {
    let rig = rig(Server::Sqlite).await;
    rig.run(MemorySource::of(vec![
        insert(1, TABLE, &cells("1", "ada")),
        update(2, TABLE, &cells("1", "bob"), &[]),
        insert(1, TABLE, &cells("1", "eve")),
        update(2, TABLE, &cells("1", "bob"), &[]),
    ]))
    .await;
    let taint = rig.table_status(TABLE).await.taint;
    assert_eq!(taint.as_deref(), Some("two-changes-of-one-version-differ"));
    rig.end().await;
}

/// Noise that does not compress: PostgreSQL's B-tree refuses an entry of more than 2,704 bytes.
fn long_key() -> String {
    let mut state = 7_u64;
    (0..8_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'!' + u8::try_from((state >> 33) % 90).expect("below 90"))
        })
        .filter(|c| !matches!(c, '"' | '\\'))
        .collect()
}

#[tokio::test]
async fn a_key_too_long_for_the_index_is_held_alone_on_postgres() {
    let rig = Rig::new(Server::Postgres, policy(&customers("text"))).await;
    let long = long_key();
    let row = |id| [("id", Wire::Text(id)), ("name", Wire::Text("ada"))];
    let (summary, _) = rig
        .run_into(
            MemorySource::of(vec![
                insert(1, TABLE, &row("a")),
                insert(2, TABLE, &row(&long)),
                insert(3, TABLE, &row("b")),
            ]),
            Arc::clone(&rig.store),
        )
        .await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(rig.open_all(TABLE).await.len(), 2);
    assert_eq!(rig.held_reasons().await, ["2 target-refused"]);
    rig.end().await;
}
