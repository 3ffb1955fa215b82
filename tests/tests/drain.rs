//! A worker that is told to end while the stream goes on: the real binary on the stand-ins, with
//! records on every shard and more coming. What it has committed is exact, and the next worker has
//! the rest.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::ShardIteratorType;
use fieldseal_model::SequenceNumber;
use fieldseal_tests::aws::doubles::{Doubles, STREAM};
use fieldseal_tests::aws::producer::Producer;
use fieldseal_tests::aws::shop::Shop;
use fieldseal_tests::aws::{Lines, OTHERS, Stage, reach};
use fieldseal_tests::course::{number, rows};
use fieldseal_tests::databases::Server;
use fieldseal_tests::random::Random;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::watch;

/// Enough that small batches of it take far longer than a drain.
const ROWS: u64 = 1_200;

/// Small batches, so that the signal comes in the middle of something.
const LINES: Lines<'_> = Lines {
    source: "max_batch_rows = 5",
    keys: "",
};

/// How often a few more come, which is less than a worker can read.
const PACE: Duration = Duration::from_millis(100);

/// It gives itself nine seconds; only a hang lasts so long.
const HANGS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_drains_from_a_stream_that_goes_on_on_postgres() {
    drains(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_drains_from_a_stream_that_goes_on_on_mariadb() {
    drains(Server::MariaDb).await;
}

async fn drains(server: Server) {
    let mut random = Random::seeded(&format!("drain, {server:?}"));
    let doubles = Doubles::start(random.number());
    let mut stage = Stage::set(server, doubles.peers(), LINES).await;
    let endpoint = doubles.kinesis.endpoint();
    let mut producer = Producer::connect(&endpoint, OTHERS, STREAM).await;
    let mut shop = Shop::open(ROWS, random.number());
    let later = shop.records.split_off(shop.records.len() / 2);
    producer.put(&shop.records).await;
    let (worker_ended, has_ended) = watch::channel(false);
    let puts = tokio::spawn(async move {
        for few in later.chunks(5) {
            producer.put(few).await;
        }
        // The last ones come again and again, as they may.
        while !*has_ended.borrow() {
            producer.put(&later[later.len() - 5..]).await;
            tokio::time::sleep(PACE).await;
        }
    });

    let mut worker = stage.worker.start(&["run"], "info");
    commits(&stage, &mut worker).await;
    let pid = worker.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    kill_process(pid.unwrap(), Signal::TERM).unwrap();
    let ended = tokio::time::timeout(HANGS, worker.wait()).await;
    let ended = ended.expect("it ends by itself").unwrap();
    // A drain that is broken off ends with 6.
    assert_eq!(ended.code(), Some(0), "{}", stage.worker.log());

    let stored = doubles.kinesis.stored(STREAM).unwrap() as u64;
    let committed = stage.committed().await;
    assert!(committed < stored, "all {stored} records were committed");
    // Of the five reads a second that a shard allows, the worker may have taken all.
    doubles.kinesis.clock().advance(Duration::from_secs(2));
    assert_exact(&stage, &Client::new(&reach(&endpoint, OTHERS).await)).await;

    worker_ended.send_replace(true);
    puts.await.unwrap();
    let mut second = stage.worker.start(&["run", "--until-idle"], "info");
    let ended = second.wait().await.unwrap();
    assert_eq!(ended.code(), Some(0), "{}", stage.worker.log());
    let compared = stage.compare(&shop.scenario.truth).await;
    assert!(compared.holds(), "{compared}");
    assert_eq!(compared.equal, shop.scenario.truth.rows());
    let stored = doubles.kinesis.stored(STREAM).unwrap() as u64;
    assert_eq!(
        stage.committed().await,
        stored,
        "each record is committed once"
    );
    stage.end().await;
}

/// Until the worker has committed something.
async fn commits(stage: &Stage, worker: &mut Child) {
    while stage.committed().await == 0 {
        let ended = worker.try_wait().unwrap();
        assert_eq!(ended, None, "{}", stage.worker.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Of each shard exactly the records up to its checkpoint are counted.
async fn assert_exact(stage: &Stage, stream: &Client) {
    let database = &stage.database.database;
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let sql = "SELECT shard, loads + inserts + updates + deletes + skipped + quarantined + \
               controls + ignored FROM fieldseal_counters";
    for row in rows(database, sql).await {
        *counted.entry(row.text(0).unwrap()).or_default() += number(&row, 1);
    }
    let checkpoints = rows(database, "SELECT shard, sequence FROM fieldseal_shards").await;
    assert!(!checkpoints.is_empty());
    for row in checkpoints {
        let (shard, sequence) = (row.text(0).unwrap(), row.text(1).unwrap());
        let (id, _) = shard.split_once('@').unwrap();
        let passed = passed(stream, id, &sequence.parse().unwrap()).await;
        let counted = counted.get(&shard).copied().unwrap_or_default();
        assert_eq!(counted, passed, "{shard} up to {sequence}");
    }
}

/// How many records of a shard lie up to `checkpoint`.
async fn passed(stream: &Client, shard: &str, checkpoint: &SequenceNumber) -> u64 {
    let get = stream.get_shard_iterator().stream_name(STREAM);
    let get = get
        .shard_id(shard)
        .shard_iterator_type(ShardIteratorType::TrimHorizon);
    let mut iterator = get.send().await.unwrap().shard_iterator;
    let mut passed = 0;
    loop {
        let get = stream.get_records().set_shard_iterator(iterator);
        let page = get.send().await.unwrap();
        let places = page.records.iter().map(|record| &record.sequence_number);
        let places = places.map(|place| place.parse::<SequenceNumber>().unwrap());
        let upto = places.filter(|place| place <= checkpoint).count();
        passed += upto as u64;
        if upto < page.records.len() || page.millis_behind_latest == Some(0) {
            return passed;
        }
        iterator = page.next_shard_iterator;
    }
}
