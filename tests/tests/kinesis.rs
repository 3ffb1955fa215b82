//! Kinesis as the double plays it, read by the real SDK into SQLite: splits and merges, failures,
//! an old database restored, marks, and records that were dropped before they were read.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is the failure, and it says what it tried"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::Shard;
use fieldseal_aws::{Reach, SdkConfig, load};
use fieldseal_db::Bind;
use fieldseal_dms::Wire;
use fieldseal_doubles::{Fault, KinesisDouble, KinesisSettings as DoubleSettings, Limits};
use fieldseal_kinesis::{KinesisSettings, KinesisSource, Start};
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    BatchLimits, Capture, Progress, RecordSource, RunOptions, RunSummary, StopReason, Target,
};
use fieldseal_store::Beginning;
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
        let settings = KinesisSettings {
            stream: STREAM.to_owned(),
            start: Start::TrimHorizon,
            reads_per_second: 100,
            read_bytes_per_second: 64 << 20,
        };
        KinesisSource::connect(&self.config, settings)
            .await
            .unwrap()
    }

    /// Writes rows of these numbers, spread over the shards by their keys.
    async fn write(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let id = number.to_string();
            let cells = [("id", Wire::Number(&id)), ("name", Wire::Text("ada"))];
            let put = self.producer.put_record().stream_name(STREAM);
            let put = put
                .partition_key(format!("{TABLE}.{id}"))
                .data(Blob::new(insert(number, TABLE, &cells)));
            put.send().await.unwrap();
        }
    }

    async fn open_shards(&self) -> Vec<Shard> {
        let listed = self.producer.list_shards().stream_name(STREAM);
        let shards = listed.send().await.unwrap().shards.unwrap();
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
    let text = format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\n\
         [tables.\"{TABLE}\".columns]\nname = {{ seal = \"contact\", kind = \"text\" }}\n"
    );
    Rig::new(Server::Sqlite, policy(&text)).await
}

async fn rows(rig: &Rig) -> usize {
    rig.open_all(TABLE).await.len()
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
    let database = &rig.database.database;
    let yesterday = rig.store.checkpoints().await.unwrap();
    play.split_first().await;
    play.write(50..100).await;
    play.merge_first().await;
    play.merge_first().await;
    play.write(100..150).await;
    read_all(&play, &rig).await;
    assert_eq!(rows(&rig).await, 149);
    // Everything since yesterday is forgotten.
    for statement in [
        "DELETE FROM fieldseal_shards",
        "DELETE FROM customers WHERE id >= 50",
    ] {
        database.execute(statement, &[]).await.unwrap();
    }
    for (shard, sequence) in yesterday {
        let insert = "INSERT INTO fieldseal_shards (shard, fence, sequence, high, closed) VALUES (?, 9, ?, NULL, 0)";
        let binds = [Bind::from(&shard), Bind::from(sequence.as_str())];
        database.execute(insert, &binds).await.unwrap();
    }
    assert_eq!(rows(&rig).await, 49);
    read_all(&play, &rig).await;
    assert_eq!(rows(&rig).await, 149);
    // Two shards, one of them split, merged, merged: only the last is open.
    let closed = rig.store.shards().await.unwrap();
    assert_eq!(closed.values().filter(|closed| !**closed).count(), 1);
    rig.end().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_checkpoint_stops_its_shard_until_a_new_generation() {
    let (play, rig) = (play(1).await, rig().await);
    play.write(1..10).await;
    read_all(&play, &rig).await;
    // Written and dropped while nobody reads.
    play.write(10..20).await;
    play.double.clock().advance(LONGER_THAN_KEPT);
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
    play.double.clock().advance(LONGER_THAN_KEPT);
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
