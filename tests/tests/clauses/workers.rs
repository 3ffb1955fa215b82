//! What a worker must notice while it runs: that its shard was taken over, that its last commit
//! took place after all, that labels have changed since it read them. Owns those moments, on
//! SQLite: no server's spelling decides them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fieldseal_db::Bind;
use fieldseal_model::{Operation, SequenceNumber};
use fieldseal_pipeline::{Committed, StopReason, Target, TargetError};
use fieldseal_store::{Beginning, ReadyBatch, Store};
use fieldseal_tests::course::{self, change};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::around::{Apply, Around};
use fieldseal_tests::harness::faults::{ApplyFault, FaultyTarget};
use fieldseal_tests::harness::{MemorySource, Rig, counter, policy_with};

use crate::records::in_file;
use crate::{THINGS, at, version_in, versions};

/// Batches of one record each.
async fn rig() -> Rig {
    let policy = policy_with("max_batch_rows = 1", course::POLICY);
    Rig::new(Server::Sqlite, policy).await
}

fn one() -> MemorySource {
    MemorySource::of(vec![change(Operation::Insert, THINGS, 1, 7)])
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_worker_that_lost_its_shard_commits_nothing() {
    let rig = rig().await;
    let target = FaultyTarget::first(&rig.store, &[ApplyFault::TakenOver]);
    let (summary, _) = rig.run_into(one(), target).await;
    assert!(matches!(summary.stopped["s0"], StopReason::Fenced));
    assert_eq!(versions(&rig).await, at(&[]));
    assert_eq!(rig.status().await.shards[0].sequence, "0");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_commit_without_an_answer_counts_once() {
    let rig = rig().await;
    let target = FaultyTarget::first(&rig.store, &[ApplyFault::AnswerLost]);
    let (summary, _) = rig.run_into(one(), target).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    let status = rig.table_status(THINGS).await;
    let counted = ["inserts", "skipped"].map(|name| counter(&status, name));
    assert_eq!(counted, [1, 0]);
    rig.end().await;
}

/// What happens in the middle of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Before the first batch is applied, an epoch begins behind this record.
    EpochBefore(u64),
    /// When the first batch is committed, an epoch begins behind this record.
    EpochBehind(u64),
    /// Before the first batch is applied, the table's row of the lock is gone.
    TableVanishes,
}

/// An event beside the first batch.
struct Meanwhile {
    event: Event,
    calls: AtomicU32,
}

impl Meanwhile {
    fn new(rig: &Rig, event: Event) -> Arc<Around<Self>> {
        let calls = AtomicU32::new(0);
        Around::new(&rig.store, Self { event, calls })
    }
}

#[async_trait]
impl Apply for Meanwhile {
    async fn apply(&self, store: &Store, batch: &ReadyBatch) -> Result<Committed, TargetError> {
        let first = self.calls.fetch_add(1, Ordering::SeqCst) == 0;
        match self.event {
            Event::EpochBefore(behind) if first => begin_epoch(store, behind).await,
            Event::TableVanishes if first => {
                let delete = "DELETE FROM fieldseal_tables WHERE table_id = ?";
                let gone = store
                    .database()
                    .execute(delete, &[Bind::from(THINGS)])
                    .await;
                gone.unwrap();
            }
            _ => {}
        }
        let applied = store.apply(batch).await;
        if let Event::EpochBehind(behind) = self.event
            && first
        {
            begin_epoch(store, behind).await;
        }
        applied
    }
}

async fn begin_epoch(store: &Store, behind: u64) {
    let marks = [("s0".to_owned(), Some(SequenceNumber::from(behind)))];
    let known = store.known_shards().await.unwrap();
    let begun = store.begin_epoch(&known, &marks).await.unwrap();
    assert!(matches!(begun, Beginning::Begun(_)), "{begun:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_labels_that_changed_meanwhile_count() {
    let rig = rig().await;
    let target = Meanwhile::new(&rig, Event::EpochBefore(0));
    let (summary, _) = rig.run_into(one(), target).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    let version = version_in(2, 7).as_bytes().to_vec();
    assert_eq!(versions(&rig).await, [(1, version)]);
    rig.end().await;
}

/// The records behind the mark are of an earlier binlog file, as after a failover.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_an_epoch_that_begins_beside_a_running_worker_lets_files_count_anew() {
    let rig = rig().await;
    let target = Meanwhile::new(&rig, Event::EpochBehind(1));
    let source = MemorySource::of(vec![in_file(9, 1), in_file(3, 2)]);
    let (summary, _) = rig.run_into(source, target).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(versions(&rig).await.len(), 2);
    rig.end().await;
}

/// As above, and the first record behind the mark is of no table: what it carries on is only the
/// shard's highest position.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_batch_of_no_table_notices_an_epoch_too() {
    let rig = rig().await;
    let target = Meanwhile::new(&rig, Event::EpochBehind(1));
    let junk = b"{\"data\": {".to_vec();
    let source = MemorySource::of(vec![in_file(9, 1), junk, in_file(3, 2)]);
    let (summary, _) = rig.run_into(source, target).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(versions(&rig).await.len(), 2);
    rig.end().await;
}

/// Without its row there is no lock to take, even for a batch that writes no row of the table.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_table_without_its_row_is_an_error() {
    let rig = rig().await;
    let target = Meanwhile::new(&rig, Event::TableVanishes);
    let incomplete = fieldseal_tests::harness::records::insert(7, THINGS, &[]);
    let (summary, _) = rig
        .run_into(MemorySource::of(vec![incomplete]), target)
        .await;
    assert!(matches!(summary.stopped["s0"], StopReason::Target(_)));
    assert!(
        rig.held().await.is_empty(),
        "nothing is written without a lock"
    );
    rig.end().await;
}

/// Records behind the mark would have the former labels already.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_mark_lies_behind_what_was_applied() {
    let rig = rig().await;
    rig.run(one()).await;
    let marks = |at: u64| [("s0".to_owned(), Some(SequenceNumber::from(at)))];
    let known = rig.store.known_shards().await.unwrap();
    let before = rig.store.begin_epoch(&known, &marks(0)).await.unwrap();
    assert!(matches!(before, Beginning::ReadBeyondMark { .. }));
    let behind = rig.store.begin_epoch(&known, &marks(1)).await.unwrap();
    assert!(matches!(behind, Beginning::Begun(_)), "{behind:?}");
    rig.end().await;
}

/// The load that nobody registered is the first and only one, however often `migrate` runs.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_first_load_is_registered_once() {
    let tables = course::POLICY.replacen("key = ", "first_load = \"unregistered\"\nkey = ", 1);
    let rig = Rig::new(Server::Sqlite, policy_with("", &tables)).await;
    let again = fieldseal_store::migrate(&rig.database.database, &rig.policy).await;
    again.unwrap();
    let generations = rig.store.generations().await.unwrap();
    let first = |g: &fieldseal_store::GenerationState| (g.table.clone(), g.position.0);
    let found: Vec<_> = generations.iter().map(first).collect();
    assert_eq!(found, [(crate::OTHERS.to_owned(), 0)]);
    rig.end().await;
}
