//! What a stream does at a bad moment: shards that end, are split or dropped while the target or
//! the source fails once, and positions that fall back meanwhile.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is the failure, and it says what it tried"
)]

mod odd;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fieldseal_dms::Wire;
use fieldseal_model::{Operation, Position};
use fieldseal_pipeline::{Capture, RunSummary, StopReason};
use fieldseal_store::{Beginning, Completion, Gone, Seen};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{Rig, policy, records};
use tokio::sync::watch;

use crate::odd::Odd;
use crate::stream::Stream;

const TABLE: &str = "shop.customers";

async fn rig() -> Rig {
    let text = format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\n\
         [tables.\"{TABLE}\".columns]\nname = {{ seal = \"contact\", kind = \"text\" }}\n"
    );
    Rig::new(Server::Sqlite, policy(&text)).await
}

/// A change at this place of the binlog.
fn change(operation: Operation, file: u32, offset: u32, id: u32, name: &str) -> Vec<u8> {
    let at = Some(Position::mysql(file, offset));
    let id = id.to_string();
    let cells = [("id", Wire::Number(&id)), ("name", Wire::Text(name))];
    let before = (operation == Operation::Update).then_some(&[][..]);
    records::row_at(operation, TABLE, at, &cells, before)
}

fn insert(file: u32, id: u32) -> Vec<u8> {
    change(Operation::Insert, file, 1000, id, "old")
}

fn update(file: u32, offset: u32, name: &str) -> Vec<u8> {
    change(Operation::Update, file, offset, 1, name)
}

fn load(id: &str) -> Vec<u8> {
    let cells = [("id", Wire::Number(id)), ("name", Wire::Text("loaded"))];
    records::load(TABLE, &cells)
}

async fn run(rig: &Rig, stream: &Stream) -> RunSummary {
    rig.run_into(stream.clone(), Arc::clone(&rig.store)).await.0
}

/// Runs while the target fails once to add a shard.
async fn run_with_a_hiccup(rig: &Rig, stream: &Stream) -> RunSummary {
    let odd = Odd {
        adding: AtomicU32::new(1),
        ..Odd::new(&rig.store)
    };
    rig.run_into(stream.clone(), Arc::new(odd)).await.0
}

fn fell_back(summary: &RunSummary, shard: &str) -> bool {
    let stopped = summary.stopped.get(shard);
    matches!(stopped, Some(StopReason::FileFellBack { .. }))
}

/// As `fieldseal epoch begin --at-checkpoints`.
async fn epoch_at_checkpoints(rig: &Rig, stream: &Stream) {
    let known = rig.store.known_shards().await.unwrap();
    let mut marks = stream.marks().await;
    rig.store.move_to_checkpoints(&mut marks).await.unwrap();
    let begun = rig.store.begin_epoch(&known, &marks).await.unwrap();
    assert!(matches!(begun, Beginning::Begun(_)), "{begun:?}");
}

/// As `fieldseal generation begin --all`.
async fn begin_generation(rig: &Rig, offset: u32, stream: &Stream) {
    let known = rig.store.known_shards().await.unwrap();
    let (at, marks) = (Position::mysql(900, offset), stream.marks().await);
    let (tables, started) = ([TABLE.to_owned()], "2024-05-01T00:00:00.000000Z");
    let begun = rig
        .store
        .begin_generations(&tables, at, Capture::Stopped, started, &known, &marks)
        .await;
    assert!(matches!(begun.unwrap(), Beginning::Begun(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_shard_is_told_although_the_target_fails_meanwhile() {
    let rig = rig().await;
    run(&rig, &Stream::default().open("gone", &[insert(7, 1)])).await;
    let stream = Stream::default().shard("other", &[], true, &[insert(7, 2)]);
    let summary = run_with_a_hiccup(&rig, &stream).await;
    let told = summary.stopped.get("gone");
    assert!(matches!(told, Some(StopReason::Lost)), "{told:?}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_child_is_told_although_the_target_fails_meanwhile() {
    let rig = rig().await;
    run(&rig, &Stream::default().open("gone", &[insert(7, 1)])).await;
    let stream = Stream::default()
        .shard("child", &["gone"], true, &[insert(7, 2)])
        .shard("other", &[], true, &[insert(7, 3)]);
    let summary = run_with_a_hiccup(&rig, &stream).await;
    let told = summary.stopped.get("child");
    assert!(
        matches!(told, Some(StopReason::ParentLost { .. })),
        "{told:?}"
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_number_that_falls_back_behind_a_split_stops_the_child() {
    let rig = rig().await;
    let newer = [update(3, 1000, "new")];
    let stream = Stream::default()
        .shard("parent", &[], true, &[insert(200, 1)])
        // Nothing came in between.
        .shard("short", &["parent"], true, &[])
        .shard("child", &["short"], false, &newer);
    assert!(fell_back(&run(&rig, &stream).await, "child"));
    // Also before a worker that has not seen the parent.
    assert!(fell_back(&run(&rig, &stream).await, "child"));
    // A new epoch lets it go on, and a further fall is noticed across a further split.
    epoch_at_checkpoints(&rig, &stream).await;
    let mut stream = stream.shard(
        "grandchild",
        &["child"],
        false,
        &[update(2, 1000, "newest")],
    );
    stream.shards[2].closed = true;
    let summary = run(&rig, &stream).await;
    assert!(fell_back(&summary, "grandchild"), "{:?}", summary.stopped);
    assert_eq!(summary.stopped.len(), 1);
    assert_eq!(rig.open_all(TABLE).await["1"]["name"], "new");
    epoch_at_checkpoints(&rig, &stream).await;
    let summary = run(&rig, &stream).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(rig.open_all(TABLE).await["1"]["name"], "newest");
    rig.end().await;
}

/// The positions of a merge's both parents count.
#[tokio::test(flavor = "multi_thread")]
async fn a_merged_shard_goes_on_from_the_higher_of_its_parents() {
    let rig = rig().await;
    let stream = Stream::default()
        .shard("left", &[], true, &[insert(9, 1)])
        .shard("right", &[], true, &[insert(7, 2)])
        .shard("merged", &["left", "right"], false, &[insert(8, 3)]);
    assert!(fell_back(&run(&rig, &stream).await, "merged"));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_at_checkpoints_frees_a_shard_that_was_closed_meanwhile() {
    let rig = rig().await;
    let old = [insert(200, 1), update(3, 1000, "new")];
    let open = Stream::default().open("a", &old);
    assert!(fell_back(&run(&rig, &open).await, "a"));
    let stream = Stream::default().shard("a", &[], true, &old).shard(
        "b",
        &["a"],
        false,
        &[update(3, 2000, "newest")],
    );
    epoch_at_checkpoints(&rig, &stream).await;
    let summary = run(&rig, &stream).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(rig.open_all(TABLE).await["1"]["name"], "newest");
    // The child began in the new epoch with what its parent had reached there.
    let mut further = stream.shard("c", &["b"], false, &[update(2, 1000, "lost")]);
    further.shards[1].closed = true;
    assert!(fell_back(&run(&rig, &further).await, "c"));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_may_not_be_opened_for_a_moment_is_not_read_from_its_start() {
    let rig = rig().await;
    let before = [insert(7, 1), insert(8, 2)];
    run(&rig, &Stream::default().open("a", &before)).await;
    let mut stream = Stream::default().open("a", &[&before[..], &[load("1")]].concat());
    begin_generation(&rig, 1, &stream).await;
    stream.refusal = Some("these credentials may not do this");
    let summary = run(&rig, &stream).await;
    let stopped = summary.stopped.get("a");
    assert!(
        matches!(stopped, Some(StopReason::Source(why)) if why.contains("credentials")),
        "{stopped:?}"
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_of_which_a_shard_was_dropped_unread_is_not_complete() {
    let rig = rig().await;
    let empty = Stream::default().open("old-0", &[]).open("old-1", &[]);
    begin_generation(&rig, 1, &empty).await;
    let stream = Stream::default()
        .open("old-0", &[load("1")])
        .open("old-1", &[load("2")]);
    run(&rig, &stream).await;
    // Row 2 of the second load comes on old-1, which is dropped before it is read.
    begin_generation(&rig, 2, &stream).await;
    let stream = Stream::default().open("new", &[load("1")]);
    let summary = run(&rig, &stream).await;
    assert!(matches!(summary.stopped["old-1"], StopReason::Lost));
    let complete = async || {
        let ends = stream.marks().await;
        let store = &rig.store;
        let done = store.complete_generation(TABLE, &ends, Gone::Dropped, Seen::Something);
        done.await.unwrap()
    };
    let refused = complete().await;
    let Completion::NotYet(reasons) = &refused else {
        panic!("{refused:?}")
    };
    assert!(
        reasons.iter().any(|reason| reason.contains("old-1")),
        "{reasons:?}"
    );
    // A new generation has nothing to do with what was dropped before it began.
    begin_generation(&rig, 3, &stream).await;
    let again = Stream::default().open("new", &[load("1"), load("1"), load("2")]);
    let summary = run(&rig, &again).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    let done = complete().await;
    assert!(matches!(done, Completion::Complete(_)), "{done:?}");
    rig.end().await;
}

/// A run that is told to end does not wait for a source or a target that is away.
#[tokio::test(flavor = "multi_thread")]
async fn a_drained_run_waits_neither_for_the_source_nor_for_the_target() {
    for mute in ["source", "target"] {
        let rig = rig().await;
        let mut stream = Stream::default().open("a", &[insert(7, 1)]);
        stream.mute = mute == "source";
        let mut odd = Odd::new(&rig.store);
        odd.mute = mute == "target";
        let odd = Arc::new(odd);
        let (stop, shutdown) = watch::channel(false);
        let running = rig.run_until(stream.clone(), Arc::clone(&odd), shutdown);
        let stopping = async {
            let waits = || match mute {
                "source" => stream.asked.load(Ordering::Relaxed) > 1,
                _ => odd.asked.load(Ordering::Relaxed) > 0,
            };
            while !waits() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.send(true).unwrap();
        };
        let both = async { tokio::join!(running, stopping) };
        // Both never answer.
        let ended = tokio::time::timeout(Duration::from_secs(60), both).await;
        let ((summary, _), ()) = ended.unwrap_or_else(|_| panic!("it waits for the {mute}"));
        assert!(summary.shut_down && summary.stopped.is_empty());
        rig.end().await;
    }
}
