//! A bad day on AWS, on every kind of server: one call in a hundred fails (5xx, throttled, cut off
//! before or after its effect), iterators expire, records come twice and in another order, shards
//! are split and merged, KMS refuses the worker for a while, and the real binary is killed with
//! SIGKILL over and over. At the end no row is missing, none is too many, none differs, and nothing
//! planted stands anywhere in clear: not in a table, not in a log of any level.

#![expect(
    clippy::print_stdout,
    reason = "a test says its seed and what it counted"
)]

use std::time::Duration;

use fieldseal_doubles::Fault;
use fieldseal_tests::aws::doubles::{Doubles, STREAM};
use fieldseal_tests::aws::producer::{Producer, counted};
use fieldseal_tests::aws::shop::Shop;
use fieldseal_tests::aws::{OTHERS, Stage, WORKER};
use fieldseal_tests::databases::Server;
use fieldseal_tests::random::Random;
use tokio::process::Child;

const KILLS: usize = 50;

/// The shop's rows: enough that every worker has something to do before it dies.
const ROWS: u64 = 4_000;

/// In this many deaths a shard is split or two are merged.
const RESHARD_EVERY: usize = 4;

/// How long KMS refuses the worker, in real time: data keys in use are held in memory for longer,
/// so a worker that is started meanwhile is what is refused.
const DENIED: Duration = Duration::from_secs(8);

/// A worker commits little at a time, so that most deaths come in the middle of something.
const SOURCE: &str = "max_batch_rows = 20";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_on_postgres() {
    a_bad_day(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_on_mariadb() {
    a_bad_day(Server::MariaDb).await;
}

async fn a_bad_day(server: Server) {
    let mut random = Random::seeded(&format!("aws_chaos, {server:?}"));
    let doubles = Doubles::start(random.number());
    let shop = Shop::open(ROWS, random.number());
    let mut stage = Stage::set(server, doubles.peers(), SOURCE).await;
    let endpoint = doubles.kinesis.endpoint();
    let mut producer = Producer::connect(&endpoint, OTHERS, STREAM).await;
    doubles.have_a_bad_day();

    let mut parts = shop.records.chunks(shop.records.len().div_ceil(KILLS));
    let mut ended_early = 0;
    for kill in 0..KILLS {
        if let Some(part) = parts.next() {
            producer.put(part).await;
        }
        if kill % RESHARD_EVERY == 0 {
            producer.reshard(&mut random).await;
        }
        if kill == KILLS / 2 {
            denied(&doubles, &mut stage).await;
        }
        let worker = stage.worker.start(&["run"], "trace");
        ended_early += u32::from(!die(worker, &stage, &mut random).await);
    }
    assert_eq!(parts.len(), 0, "every record is put");

    let committed = stage.committed().await;
    let mut last = stage.worker.start(&["run", "--until-idle"], "trace");
    let ended = last.wait().await.expect("the binary ends");
    assert!(ended.success(), "{ended}: {}", stage.worker.log());
    let (open, all) = counted(&producer.shards().await);
    println!(
        "{server:?}: {KILLS} kills, {ended_early} of them came too late; {committed} records were \
         committed by then of {}; {open} shards open of {all}; failed calls: {:?} {:?}",
        shop.records.len(),
        doubles.kinesis.calls().failed(),
        doubles.kms.calls().failed(),
    );
    check(&stage, &shop).await;
    stage.end().await;
}

/// Kills the worker some moments after it has committed something. False if it ended by itself.
async fn die(mut worker: Child, stage: &Stage, random: &mut Random) -> bool {
    let before = stage.committed().await;
    while stage.committed().await == before {
        if worker.try_wait().expect("it can be asked").is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_micros(random.below(200_000))).await;
    let running = worker.try_wait().expect("it can be asked").is_none();
    worker.kill().await.expect("it can be killed");
    running
}

/// A worker that is started while KMS refuses it writes no row, in clear or otherwise; when KMS
/// takes it again it goes on, or another that is started in its place.
async fn denied(doubles: &Doubles, stage: &mut Stage) {
    doubles.kms.faults().set(Fault::Denied(WORKER.to_owned()));
    let before = stage.committed().await;
    let mut worker = stage.worker.start(&["run"], "trace");
    tokio::time::sleep(DENIED).await;
    assert_eq!(stage.committed().await, before, "no key, no row");
    doubles.kms.faults().clear();
    doubles.have_a_bad_day();
    worker.kill().await.expect("it can be killed");
}

async fn check(stage: &Stage, shop: &Shop) {
    let compared = stage.compare(&shop.scenario.truth).await;
    println!("{compared}");
    assert!(compared.holds(), "{compared}");
    assert_eq!(compared.equal, shop.scenario.truth.rows());
    // Those that must be there; a duplicate of one is held once more.
    assert!(stage.quarantined().await >= shop.scenario.quarantined);
    assert_eq!(shop.found, shop.scenario.needles.len(), "the search finds");
    let searched = stage.search(&shop.scenario.needles).await;
    println!("searched {} bytes", searched.bytes);
    assert_eq!(searched.hits, 0, "plaintext in {:?}", searched.first);
}
