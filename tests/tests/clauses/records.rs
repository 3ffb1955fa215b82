//! Records that no healthy source writes: two changes of one version, binlog files that count
//! backwards. Owns what must become of them.

use std::sync::Arc;

use fieldseal_dms::Wire;
use fieldseal_model::{Operation, Position, SequenceNumber};
use fieldseal_pipeline::{Capture, StopReason};
use fieldseal_store::{Beginning, Completion, Gone, Seen};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::faults::{ApplyFault, FaultyTarget};
use fieldseal_tests::harness::{MemorySource, records};

use crate::{THINGS, rig, versions};

/// An insert from this binlog file.
pub(crate) fn in_file(file: u32, id: u32) -> Vec<u8> {
    let at = Some(Position::mysql(file, 1_000));
    let id = id.to_string();
    let cells = [("id", Wire::Number(&id)), ("note", Wire::Text("a note"))];
    records::row_at(Operation::Insert, THINGS, at, &cells, None)
}

fn noted(operation: Operation, n: Option<u32>, note: &str) -> Vec<u8> {
    let cells = [("id", Wire::Number("1")), ("note", Wire::Text(note))];
    records::row(operation, THINGS, n, &cells, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_two_changes_of_one_version_that_differ_taint_their_table() {
    for (second, taint) in [
        ("one note", None),
        ("another", Some("two-changes-of-one-version-differ")),
    ] {
        let rig = rig(Server::Sqlite).await;
        let insert = |note| noted(Operation::Insert, Some(7), note);
        rig.run(MemorySource::of(vec![insert("one note"), insert(second)]))
            .await;
        assert_eq!(rig.table_status(THINGS).await.taint.as_deref(), taint);
        assert_eq!(rig.open_all(THINGS).await["1"]["note"], "one note");
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_what_two_halves_contradict_each_other_in_is_not_forgotten() {
    use ApplyFault::{Refused, Stale, Works};
    // Also where the labels change before each half is in.
    for faults in [
        [Refused, Works, Works, Works],
        [Refused, Stale, Works, Stale],
    ] {
        let rig = rig(Server::Sqlite).await;
        let insert = |note| noted(Operation::Insert, Some(7), note);
        let target = FaultyTarget::first(&rig.store, &faults);
        let all = MemorySource::of(vec![insert("one note"), insert("another")]);
        rig.run_into(all, target).await;
        let status = rig.table_status(THINGS).await;
        assert_eq!(
            status.taint.as_deref(),
            Some("two-changes-of-one-version-differ")
        );
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_file_number_that_falls_back_stops_the_shard() {
    let rig = rig(Server::Sqlite).await;
    let source = MemorySource::of(vec![in_file(7, 1), in_file(7, 2), in_file(6, 3)]);
    let (summary, _) = rig.run_into(source.clone(), Arc::clone(&rig.store)).await;
    let stopped = &summary.stopped["s0"];
    assert!(
        matches!(stopped, StopReason::FileFellBack { from: 7, to: 6, .. }),
        "{stopped:?}"
    );
    // Also when it is only read again, by a worker that has not seen the earlier ones.
    let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;
    assert!(matches!(
        summary.stopped["s0"],
        StopReason::FileFellBack { .. }
    ));
    let keys: Vec<i64> = versions(&rig).await.iter().map(|(id, _)| *id).collect();
    assert_eq!(keys, [1, 2]);
    rig.end().await;
}

/// A change that betrays its table's beginning does so when it is first seen, also where it goes to
/// quarantine: were it noticed only when it is replayed, the load would have been completed, and
/// relied on, meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_held_change_of_the_stopped_task_beyond_l_taints_before_it_is_replayed() {
    let unlisted = [("id", Wire::Number("1")), ("surname", Wire::Text("a note"))];
    for (n, taint) in [
        (4, None),
        (5, Some("change-of-the-stopped-task-beyond-l")),
        (9, Some("change-of-the-stopped-task-beyond-l")),
    ] {
        let rig = rig(Server::Sqlite).await;
        let marks = [("s0".to_owned(), Some(SequenceNumber::from(10_u64)))];
        let known = rig.store.known_shards().await.unwrap();
        let (at, tables) = (records::position(5), [THINGS.to_owned()]);
        let begun = rig
            .store
            .begin_generations(
                &tables,
                at,
                Capture::Stopped,
                "2024-05-02T09:00:00.000000Z",
                &known,
                &marks,
            )
            .await;
        assert!(matches!(begun.unwrap(), Beginning::Begun(_)));
        let update = records::row(Operation::Update, THINGS, Some(n), &unlisted, None);
        rig.run(MemorySource::of(vec![update])).await;
        assert_eq!(rig.held_reasons().await, ["1 unlisted-column"]);
        let status = rig.table_status(THINGS).await;
        assert_eq!(status.taint.as_deref(), taint, "change {n}");
        let ends = [("s0".to_owned(), Some(SequenceNumber::from(1_u64)))];
        let completed = rig
            .store
            .complete_generation(THINGS, &ends, Gone::PutAway, Seen::Nothing)
            .await;
        let refused = matches!(completed.unwrap(), Completion::NotYet(_));
        assert_eq!(refused, taint.is_some(), "change {n}");
        rig.end().await;
    }
}
