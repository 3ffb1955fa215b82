//! Kinesis as the double plays it, read by the real SDK into SQLite: splits and merges, failures,
//! an old database restored, marks, and records that were dropped before they were read.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is the failure, and it says what it tried"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::Shard;
use fieldseal_aws::{Reach, SdkConfig, load};
use fieldseal_db::Bind;
use fieldseal_dms::Wire;
use fieldseal_doubles::{Fault, KinesisDouble, KinesisSettings as DoubleSettings, Limits};
use fieldseal_kinesis::{KinesisReader, KinesisSettings, KinesisSource, Start};
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    BatchLimits, Capture, Progress, RecordSource, RunOptions, RunSummary, ShardInfo, SourceError,
    StopReason, Target,
};
use fieldseal_store::{Beginning, Store};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::records::{insert, position};
use fieldseal_tests::harness::{Rig, policy};
use tokio::sync::watch;

const TABLE: &str = "shop.customers";
const STREAM: &str = "shop";
const REGION: &str = "eu-central-1";
const WORKER: &str = "AKIAEXAMPLEWORKER";

/// A double with one stream, and who writes to it.
struct Play {
    double: KinesisDouble,
    config: SdkConfig,
    producer: Client,
}

async fn play(shards: u32) -> Play {
    let settings = DoubleSettings {
        limits: Limits::None,
        ..DoubleSettings::default()
    };
    let double = KinesisDouble::start(settings).unwrap();
    double.create_stream(STREAM, shards);
    let config = config(&double, WORKER).await;
    let producer = Client::new(&self::config(&double, "AKIAEXAMPLEPRODUCER").await);
    Play {
        double,
        config,
        producer,
    }
}

async fn config(double: &KinesisDouble, key: &str) -> SdkConfig {
    let reach = Reach {
        region: Some(REGION.to_owned()),
        endpoint: Some(double.endpoint()),
    };
    let credentials = Credentials::new(key, "no secret", None, None, "tests");
    load(&reach)
        .await
        .unwrap()
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

impl Play {
    async fn source(&self) -> KinesisSource {
        self.source_from(Start::TrimHorizon).await
    }

    async fn source_from(&self, start: Start) -> KinesisSource {
        let settings = KinesisSettings {
            stream: STREAM.to_owned(),
            start,
            reads_per_second: 100,
            read_bytes_per_second: 64 << 20,
        };
        KinesisSource::connect(&self.config, settings)
            .await
            .unwrap()
    }

    /// Writes rows of these numbers, spread over the shards by their keys; answers where the last
    /// one went.
    async fn write(&self, numbers: std::ops::Range<u32>) -> (String, SequenceNumber) {
        let mut last = None;
        for number in numbers {
            let id = number.to_string();
            let cells = [("id", Wire::Number(&id)), ("name", Wire::Text("ada"))];
            let put = self.producer.put_record().stream_name(STREAM);
            let put = put
                .partition_key(format!("{TABLE}.{id}"))
                .data(Blob::new(insert(number, TABLE, &cells)));
            last = Some(put.send().await.unwrap());
        }
        let last = last.unwrap();
        (last.shard_id, last.sequence_number.parse().unwrap())
    }

    async fn open_shards(&self) -> Vec<Shard> {
        // Faults of the worker's own calls strike these, too.
        let mut tries = 0;
        let listed = loop {
            let list = self.producer.list_shards().stream_name(STREAM);
            match list.send().await {
                Ok(listed) => break listed,
                Err(_) if tries < 20 => tries += 1,
                Err(error) => panic!("{error}"),
            }
        };
        let shards = listed.shards.unwrap();
        let open = |shard: &Shard| {
            let range = shard.sequence_number_range().unwrap();
            range.ending_sequence_number().is_none()
        };
        let mut open: Vec<Shard> = shards.into_iter().filter(open).collect();
        open.sort_by_key(|shard| hash(shard, false));
        open
    }

    async fn split_first(&self) {
        let shard = self.open_shards().await.remove(0);
        let middle = (hash(&shard, false) / 2 + hash(&shard, true) / 2).to_string();
        let split = self.producer.split_shard().stream_name(STREAM);
        let split = split
            .shard_to_split(shard.shard_id())
            .new_starting_hash_key(middle);
        split.send().await.unwrap();
        self.settle().await;
    }

    async fn merge_first(&self) {
        let open = self.open_shards().await;
        let merge = self.producer.merge_shards().stream_name(STREAM);
        let merge = merge
            .shard_to_merge(open[0].shard_id())
            .adjacent_shard_to_merge(open[1].shard_id());
        merge.send().await.unwrap();
        self.settle().await;
    }

    /// Until the stream is `ACTIVE` again.
    async fn settle(&self) {
        self.double.clock().advance(Duration::from_secs(1));
    }
}

fn hash(shard: &Shard, end: bool) -> u128 {
    let range = shard.hash_key_range().unwrap();
    let key = match end {
        true => range.ending_hash_key(),
        false => range.starting_hash_key(),
    };
    key.parse().unwrap()
}

async fn rig() -> Rig {
    rig_on(Server::Sqlite).await
}

async fn rig_on(server: Server) -> Rig {
    let text = format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\n\
         [tables.\"{TABLE}\".columns]\nname = {{ seal = \"contact\", kind = \"text\" }}\n"
    );
    Rig::new(server, policy(&text)).await
}

async fn rows(rig: &Rig) -> usize {
    rig.open_all(TABLE).await.len()
}

/// The numbers of the rows.
async fn ids(rig: &Rig) -> BTreeSet<u32> {
    let all = rig.open_all(TABLE).await.into_keys();
    all.map(|key| {
        key.trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap()
    })
    .collect()
}

/// Reads until idle, as a new process would.
async fn read(play: &Play, rig: &Rig) -> RunSummary {
    let (summary, _) = rig
        .run_into(play.source().await, Arc::clone(&rig.store))
        .await;
    summary
}

async fn read_all(play: &Play, rig: &Rig) {
    let summary = read(play, rig).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_and_merges_while_running_lose_nothing_on_a_bad_day() {
    let (play, rig) = (play(3).await, rig().await);
    let source = play.source().await;
    let (stop, shutdown) = watch::channel(false);
    let running = tokio::spawn(fieldseal_pipeline::run(
        Arc::new(source),
        Arc::clone(&rig.store),
        Arc::clone(&rig.preparer),
        Progress::new(),
        RunOptions {
            until_idle: false,
            limits: BatchLimits {
                records: 50,
                bytes: 1 << 20,
            },
        },
        shutdown,
    ));
    // The producer retries by itself; duplicates are what it may cause.
    for operation in ["GetRecords", "GetShardIterator", "ListShards"] {
        let faults = play.double.faults();
        faults.set_for(operation, Fault::ServerErrors(0.05));
        faults.set_for(operation, Fault::Throttling(0.05));
        faults.set_for(operation, Fault::DroppedAfter(0.05));
    }
    play.double.faults().set(Fault::ExpiredIterators(0.05));
    play.double.faults().set(Fault::EmptyReads(0.1));
    play.write(1..100).await;
    for round in 1..5 {
        play.split_first().await;
        play.write(round * 100..round * 100 + 50).await;
        play.merge_first().await;
        play.write(round * 100 + 50..(round + 1) * 100).await;
    }
    while rows(&rig).await < 499 {
        assert!(!running.is_finished());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(true).unwrap();
    let summary = running.await.unwrap().unwrap();
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert!(play.double.calls().failed().len() > 3);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_database_is_restored_across_a_split_and_a_merge() {
    let (play, rig) = (play(2).await, rig().await);
    play.write(1..50).await;
    read_all(&play, &rig).await;
    let yesterday = rig.store.checkpoints().await.unwrap();
    play.split_first().await;
    play.write(50..100).await;
    play.merge_first().await;
    play.merge_first().await;
    play.write(100..150).await;
    read_all(&play, &rig).await;
    assert_eq!(rows(&rig).await, 149);
    restore(&rig, &yesterday, &BTreeMap::new(), 50).await;
    assert_eq!(rows(&rig).await, 49);
    read_all(&play, &rig).await;
    assert_eq!(rows(&rig).await, 149);
    // Two shards, one of them split, merged, merged: only the last is open.
    let closed = rig.store.shards().await.unwrap();
    assert_eq!(closed.values().filter(|closed| !**closed).count(), 1);
    rig.end().await;
}

/// Forgets the rows from `first` on, and everything of the shards but these checkpoints.
async fn restore(
    rig: &Rig,
    checkpoints: &[(String, SequenceNumber)],
    closed: &BTreeMap<String, bool>,
    first: u32,
) {
    let database = &rig.database.database;
    database
        .execute("DELETE FROM fieldseal_shards", &[])
        .await
        .unwrap();
    let forget = "DELETE FROM customers WHERE id >= ?";
    let from = [Bind::from(i64::from(first))];
    database.execute(forget, &from).await.unwrap();
    for (shard, sequence) in checkpoints {
        let insert = "INSERT INTO fieldseal_shards (shard, fence, sequence, high, closed) VALUES (?, 9, ?, NULL, ?)";
        let closed = closed.get(shard).is_some_and(|closed| *closed);
        let binds = [
            Bind::from(shard),
            Bind::from(sequence.as_str()),
            Bind::from(i64::from(closed)),
        ];
        database.execute(insert, &binds).await.unwrap();
    }
}

/// A stream that notes every shard that is begun before its parents are applied to their ends.
struct Watched {
    stream: KinesisSource,
    store: Arc<Store>,
    parents: Mutex<BTreeMap<String, Vec<String>>>,
    begun: Arc<Mutex<Vec<(String, bool)>>>,
}

#[async_trait]
impl RecordSource for Watched {
    type Reader = KinesisReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let shards = self.stream.shards().await?;
        let parents = shards.iter().map(|s| (s.name.clone(), s.parents.clone()));
        self.parents.lock().unwrap().extend(parents);
        Ok(shards)
    }

    async fn open(
        &self,
        shard: &str,
        after: &SequenceNumber,
    ) -> Result<KinesisReader, SourceError> {
        let known = self.store.shards().await.unwrap();
        let parents = self.parents.lock().unwrap()[shard].clone();
        let in_order = parents.iter().all(|parent| known[parent]);
        let begun = (shard.to_owned(), in_order);
        self.begun.lock().unwrap().push(begun);
        self.stream.open(shard, after).await
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        self.stream.mark(shard).await
    }

    fn shards_end(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_is_read_in_order_from_any_old_checkpoint() {
    const STEPS: u32 = 12;
    let (play, rig) = (play(3).await, rig().await);
    let mut backups = vec![(Vec::new(), BTreeMap::new(), 1)];
    for step in 0..STEPS {
        let first = step * 20 + 1;
        play.write(first..first + 10).await;
        // Backups are of moments in the middle of shards.
        if step % 4 == 2 {
            read_all(&play, &rig).await;
            let checkpoints = rig.store.checkpoints().await.unwrap();
            backups.push((checkpoints, rig.store.shards().await.unwrap(), first + 10));
        }
        play.write(first + 10..first + 20).await;
        match step % 3 {
            0 => play.split_first().await,
            _ => play.merge_first().await,
        }
        if play.open_shards().await.len() == 1 {
            play.split_first().await;
        }
    }
    let all: BTreeSet<u32> = (1..=STEPS * 20).collect();
    for (checkpoints, closed, first) in backups {
        restore(&rig, &checkpoints, &closed, first).await;
        assert_eq!(ids(&rig).await, (1..first).collect());
        let begun = Arc::default();
        let source = Watched {
            stream: play.source().await,
            store: Arc::clone(&rig.store),
            parents: Mutex::default(),
            begun: Arc::clone(&begun),
        };
        let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;
        assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
        assert_eq!(ids(&rig).await, all);
        let begun = begun.lock().unwrap();
        assert!(begun.len() > 4, "{begun:?}");
        assert!(begun.iter().all(|(_, in_order)| *in_order), "{begun:?}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_begins_at_a_moment_or_at_a_record() {
    let play = play(2).await;
    play.write(1..20).await;
    play.double.clock().advance(Duration::from_secs(60));
    let moment = i64::try_from(play.double.clock().now()).unwrap() - 30_000;
    let (shard, record) = play.write(20..21).await;
    play.write(21..40).await;
    let begin = async |start: Start| {
        let rig = rig().await;
        let source = play.source_from(start).await;
        let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;
        let begun = ids(&rig).await;
        rig.end().await;
        (begun, summary.stopped)
    };
    let (begun, stopped) = begin(Start::Timestamp(moment)).await;
    assert!(stopped.is_empty(), "{stopped:?}");
    assert_eq!(begun, (20..40).collect());
    // Its own shard from there on, the other one from the oldest record.
    let (begun, stopped) = begin(Start::Sequence(record)).await;
    assert!(stopped.is_empty(), "{stopped:?}");
    assert!(begun.is_superset(&(20..40).collect()), "{begun:?}");
    let skipped: BTreeSet<u32> = (1..20).filter(|id| !begun.contains(id)).collect();
    assert!(
        !skipped.is_empty() && skipped.len() < 19,
        "{shard}: {skipped:?}"
    );
    // A record of no shard: nothing is begun.
    let (begun, stopped) = begin(Start::Sequence(SequenceNumber::from(7))).await;
    assert_eq!((begun.len(), stopped.len()), (0, 2));
    let said: Vec<String> = stopped.values().map(ToString::to_string).collect();
    assert!(
        said.iter().all(|said| said.contains("in no shard")),
        "{said:?}"
    );
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
async fn a_mark_moves_the_checkpoint_of_an_idle_shard_past_it() {
    let (play, rig) = (play(2).await, rig().await);
    play.write(1..2).await;
    play.split_first().await;
    let source = play.source().await;
    let mut marks = BTreeMap::new();
    for shard in source.shards().await.unwrap() {
        let mark = source.mark(&shard.name).await.unwrap();
        marks.insert(shard.name, mark);
    }
    assert_eq!(marks.values().filter(|mark| mark.is_none()).count(), 1);
    read_all(&play, &rig).await;
    let checkpoints: BTreeMap<String, SequenceNumber> =
        rig.store.checkpoints().await.unwrap().into_iter().collect();
    for (shard, mark) in marks {
        if let Some(mark) = mark {
            assert_eq!(checkpoints[&shard], mark);
        }
    }
    assert!(rig.held().await.is_empty());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_denied_or_gone_is_told_with_what_to_do() {
    let play = play(1).await;
    let told = async |stream: &str| {
        let settings = KinesisSettings {
            stream: stream.to_owned(),
            start: Start::TrimHorizon,
            reads_per_second: 5,
            read_bytes_per_second: 1 << 20,
        };
        let connected = KinesisSource::connect(&play.config, settings).await;
        let failed = connected.err().unwrap();
        assert!(!failed.transient, "{failed}");
        failed.what
    };
    let gone = told("other").await;
    assert!(gone.contains("does not exist"), "{gone}");
    let elsewhere = told("arn:aws:kinesis:us-east-1:123456789012:stream/shop").await;
    assert!(elsewhere.contains("us-east-1"), "{elsewhere}");
    let source = play.source().await;
    let shard = source.shards().await.unwrap().remove(0).name;
    play.double.faults().set(Fault::Denied(WORKER.to_owned()));
    let denied = told(STREAM).await;
    assert!(denied.contains("may not"), "{denied}");
    let denied = source.open(&shard, &SequenceNumber::start()).await;
    assert!(!denied.err().unwrap().transient);
}

/// Begins a generation with a mark on every shard, as `fieldseal generation begin` does.
async fn begin_generation(play: &Play, rig: &Rig) {
    let known = rig.store.known_shards().await.unwrap();
    let source = play.source().await;
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

const LONGER_THAN_KEPT: Duration = Duration::from_secs(25 * 3600);

/// Nobody reads for longer than records are kept. The database has a clock of its own.
async fn nobody_reads(play: &Play, rig: &Rig) {
    play.double.clock().advance(LONGER_THAN_KEPT);
    age(rig, "%", 25 * 3600).await;
}

/// These shards were last seen at their ends so many seconds earlier than they were.
async fn age(rig: &Rig, shards: &str, seconds: i64) {
    let earlier = "UPDATE fieldseal_shards SET end_seen = end_seen - ? WHERE shard LIKE ?";
    rig.sql(earlier, &[Bind::from(seconds), Bind::from(shards)])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_to_which_nothing_was_written_for_long_goes_on() {
    let (play, rig) = (play(2).await, rig().await);
    play.write(1..20).await;
    read_all(&play, &rig).await;
    // The last records are dropped while a worker reads on, and finds nothing.
    play.double.clock().advance(LONGER_THAN_KEPT);
    age(&rig, "%", 12 * 3600).await;
    play.write(20..40).await;
    read_all(&play, &rig).await;
    assert_eq!(rows(&rig).await, 39);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_lost_records_stops_and_the_others_go_on() {
    let (play, rig) = (play(3).await, rig().await);
    play.write(1..40).await;
    read_all(&play, &rig).await;
    let (first, _) = rig.store.checkpoints().await.unwrap().remove(0);
    play.double.clock().advance(LONGER_THAN_KEPT);
    age(&rig, &first, 25 * 3600).await;
    play.write(40..100).await;
    let summary = read(&play, &rig).await;
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
    let (play, rig) = (play(1).await, rig().await);
    play.write(1..10).await;
    read_all(&play, &rig).await;
    // Written and dropped while nobody reads.
    play.write(10..20).await;
    nobody_reads(&play, &rig).await;
    play.write(20..30).await;
    let summary = read(&play, &rig).await;
    let reasons: Vec<String> = summary.stopped.values().map(ToString::to_string).collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].contains("generation begin"), "{reasons:?}");
    assert_eq!(rows(&rig).await, 9);
    begin_generation(&play, &rig).await;
    read_all(&play, &rig).await;
    assert_eq!(rows(&rig).await, 19);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_vanished_unread_stops_its_children_and_nothing_else() {
    let (play, rig) = (play(2).await, rig().await);
    play.write(1..20).await;
    read_all(&play, &rig).await;
    play.write(20..40).await;
    play.split_first().await;
    nobody_reads(&play, &rig).await;
    play.write(40..80).await;
    // The other shard's checkpoint is dropped too; what is looked at is the one that was split.
    let summary = read(&play, &rig).await;
    let lost = |reason: &&StopReason| matches!(reason, StopReason::Lost);
    let cut_off = |reason: &&StopReason| matches!(reason, StopReason::ParentLost { .. });
    let stopped = summary.stopped.values();
    assert_eq!(stopped.clone().filter(lost).count(), 1);
    assert_eq!(stopped.clone().filter(cut_off).count(), 2);
    assert_eq!(stopped.count(), 4);
    // Again at the next start: it does not heal by being told.
    assert_eq!(read(&play, &rig).await.stopped.len(), 4);
    begin_generation(&play, &rig).await;
    read_all(&play, &rig).await;
    assert_eq!(rows(&rig).await, 19 + 40);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_made_anew_under_its_name_is_another_stream() {
    let (play, rig) = (play(1).await, rig().await);
    play.write(1..10).await;
    read_all(&play, &rig).await;
    play.double.clock().advance(Duration::from_secs(60));
    play.double.create_stream(STREAM, 1);
    play.write(10..20).await;
    let summary = read(&play, &rig).await;
    assert!(matches!(
        summary.stopped.values().collect::<Vec<_>>()[..],
        [StopReason::Lost]
    ));
    assert_eq!(rows(&rig).await, 19);
    begin_generation(&play, &rig).await;
    read_all(&play, &rig).await;
    rig.end().await;
}
