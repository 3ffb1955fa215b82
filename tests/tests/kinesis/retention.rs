//! Records that are dropped after a day: shards to which nothing was written go on, those that lost
//! something stop until a new generation.

use std::time::Duration;

use fieldseal_db::Bind;
use fieldseal_kinesis::Start;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{Capture, RecordSource, StopReason, Target};
use fieldseal_store::Beginning;
use fieldseal_tests::aws::doubles::STREAM;
use fieldseal_tests::aws::stream::Stream;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::Rig;
use fieldseal_tests::harness::records::position;

use crate::{TABLE, ids, read, read_all, rig, rig_on, rows, write};

const LONGER_THAN_KEPT: Duration = Duration::from_secs(25 * 3600);

/// Begins a generation with a mark on every shard, as `fieldseal generation begin` does.
async fn begin_generation(stream: &Stream, rig: &Rig) {
    let known = rig.store.known_shards().await.unwrap();
    let source = stream.source(Start::TrimHorizon).await;
    let mut marks = Vec::new();
    for shard in source.shards().await.unwrap() {
        let mark = source.mark(&shard.name).await.unwrap();
        marks.push((shard.name, mark));
    }
    let begun = rig
        .store
        .begin_generations(
            &[TABLE.to_owned()],
            position(4_000),
            Capture::Stopped,
            "2024-05-02T00:00:00.000000Z",
            &known,
            &marks,
        )
        .await
        .unwrap();
    assert!(matches!(begun, Beginning::Begun(_)), "{begun:?}");
}

/// Nobody reads for longer than records are kept. The database has a clock of its own.
async fn nobody_reads(stream: &Stream, rig: &Rig) {
    stream.double.clock().advance(LONGER_THAN_KEPT);
    age(rig, "%", 25 * 3600).await;
}

/// These shards were last seen at their ends so many seconds earlier than they were.
async fn age(rig: &Rig, shards: &str, seconds: i64) {
    let earlier = "UPDATE fieldseal_shards SET end_seen = end_seen - ? WHERE shard LIKE ?";
    rig.sql(earlier, &[Bind::from(seconds), Bind::from(shards)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_shard_had_nothing_more_is_remembered_on_every_server() {
    for server in [
        Server::Sqlite,
        Server::Postgres,
        Server::MariaDb,
        Server::MySql,
    ] {
        if !server.is_there() {
            continue;
        }
        let rig = rig_on(server).await;
        let begin = SequenceNumber::start();
        let taken = async || rig.store.take_shard("a", &[]).await.unwrap();
        assert_eq!(taken().await.end_seen, None, "{server:?}");
        // By another worker, or of another checkpoint.
        let later = SequenceNumber::from(9);
        for (other, place) in [(1, &begin), (0, &later)] {
            let fence = taken().await.fence + other;
            rig.store.note_end("a", fence, place).await.unwrap();
            assert_eq!(taken().await.end_seen, None, "{server:?}");
        }
        let fence = taken().await.fence;
        rig.store.note_end("a", fence, &begin).await.unwrap();
        age(&rig, "a", 3_600).await;
        let age = taken().await.end_seen.unwrap().as_secs();
        assert!((3_600..7_200).contains(&age), "{server:?}: {age}");
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_to_which_nothing_was_written_for_long_goes_on() {
    let (stream, rig) = (Stream::start(2).await, rig().await);
    write(&stream, 1..20).await;
    read_all(&stream, &rig).await;
    // The last records are dropped while a worker reads on, and finds nothing.
    stream.double.clock().advance(LONGER_THAN_KEPT);
    age(&rig, "%", 12 * 3600).await;
    write(&stream, 20..40).await;
    read_all(&stream, &rig).await;
    assert_eq!(rows(&rig).await, 39);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_lost_records_stops_and_the_others_go_on() {
    let (stream, rig) = (Stream::start(3).await, rig().await);
    write(&stream, 1..40).await;
    read_all(&stream, &rig).await;
    let (first, _) = rig.store.checkpoints().await.unwrap().remove(0);
    stream.double.clock().advance(LONGER_THAN_KEPT);
    age(&rig, &first, 25 * 3600).await;
    write(&stream, 40..100).await;
    let summary = read(&stream, &rig).await;
    let stopped: Vec<&String> = summary.stopped.keys().collect();
    assert_eq!(stopped, [&first]);
    let read = ids(&rig).await;
    let missing = (40..100).filter(|id| !read.contains(id)).count();
    assert!(missing > 0 && missing < 60, "{missing}");
    assert!(read.is_superset(&(1..40).collect()));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_checkpoint_stops_its_shard_until_a_new_generation() {
    let (stream, rig) = (Stream::start(1).await, rig().await);
    write(&stream, 1..10).await;
    read_all(&stream, &rig).await;
    // Written and dropped while nobody reads.
    write(&stream, 10..20).await;
    nobody_reads(&stream, &rig).await;
    write(&stream, 20..30).await;
    let summary = read(&stream, &rig).await;
    let reasons: Vec<String> = summary.stopped.values().map(ToString::to_string).collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].contains("generation begin"), "{reasons:?}");
    assert_eq!(rows(&rig).await, 9);
    begin_generation(&stream, &rig).await;
    read_all(&stream, &rig).await;
    assert_eq!(rows(&rig).await, 19);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_vanished_unread_stops_its_children_and_nothing_else() {
    let (stream, rig) = (Stream::start(2).await, rig().await);
    write(&stream, 1..20).await;
    read_all(&stream, &rig).await;
    write(&stream, 20..40).await;
    stream.split_first().await;
    nobody_reads(&stream, &rig).await;
    write(&stream, 40..80).await;
    // The other shard's checkpoint is dropped too; what is looked at is the one that was split.
    let summary = read(&stream, &rig).await;
    let lost = |reason: &&StopReason| matches!(reason, StopReason::Lost);
    let cut_off = |reason: &&StopReason| matches!(reason, StopReason::ParentLost { .. });
    let stopped = summary.stopped.values();
    assert_eq!(stopped.clone().filter(lost).count(), 1);
    assert_eq!(stopped.clone().filter(cut_off).count(), 2);
    assert_eq!(stopped.count(), 4);
    // Again at the next start: it does not heal by being told.
    assert_eq!(read(&stream, &rig).await.stopped.len(), 4);
    begin_generation(&stream, &rig).await;
    read_all(&stream, &rig).await;
    assert_eq!(rows(&rig).await, 19 + 40);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_made_anew_under_its_name_is_another_stream() {
    let (stream, rig) = (Stream::start(1).await, rig().await);
    write(&stream, 1..10).await;
    read_all(&stream, &rig).await;
    stream.double.clock().advance(Duration::from_secs(60));
    stream.double.create_stream(STREAM, 1);
    write(&stream, 10..20).await;
    let summary = read(&stream, &rig).await;
    assert!(matches!(
        summary.stopped.values().collect::<Vec<_>>()[..],
        [StopReason::Lost]
    ));
    assert_eq!(rows(&rig).await, 19);
    begin_generation(&stream, &rig).await;
    read_all(&stream, &rig).await;
    rig.end().await;
}
