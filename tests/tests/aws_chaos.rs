//! A bad day on AWS, on two kinds of server: one call in a hundred to Kinesis and KMS fails (5xx,
//! throttled, cut off before or after its effect), iterators expire, records come twice and in
//! another order, shards are split and merged, KMS refuses the worker for a minute, and the real
//! binary is killed with SIGKILL over and over. At the end no row is missing, none is too many, none
//! differs, and nothing planted stands anywhere in clear: not in a table, not in a log of any level.

#![expect(
    clippy::print_stdout,
    reason = "a test says its seed and what it counted"
)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use fieldseal_doubles::{Calls, Fault, Faults};
use fieldseal_tests::aws::doubles::{Doubles, STREAM};
use fieldseal_tests::aws::producer::Producer;
use fieldseal_tests::aws::shop::{Record, Shop};
use fieldseal_tests::aws::{Lines, OTHERS, Stage, WORKER};
use fieldseal_tests::databases::Server;
use fieldseal_tests::random::Random;
use tokio::process::Child;

const KILLS: usize = 50;

/// The shop's rows: enough that every worker leaves something to the next.
const ROWS: u64 = 4_000;

/// So many kills' worth of records is on the stream before the first worker is started.
const AHEAD: usize = 10;

/// After this many deaths a shard is split or two are merged.
const RESHARD_EVERY: usize = 4;

/// How long KMS refuses the worker.
const DENIED: Duration = Duration::from_secs(60);

/// The worker has used up the keys that it still had if it writes nothing for so long: twice their age.
const KEYS_ARE_GONE: Duration = Duration::from_secs(4);

/// Small batches, so that most deaths come in the middle of something; small budgets and a short
/// memory for keys, so that KMS is asked all the time.
const LINES: Lines<'_> = Lines {
    source: "max_batch_rows = 5",
    keys: "max_uses = 25\ncache_max_age_seconds = 2",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_on_postgres() {
    a_bad_day(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_on_mariadb() {
    a_bad_day(Server::MariaDb).await;
}

async fn a_bad_day(server: Server) {
    let random = Random::seeded(&format!("aws_chaos, {server:?}"));
    let mut day = Day::begin(server, random).await;
    let shop = Shop::open(ROWS, day.random.number());
    let parts = shop.records.len().div_ceil(KILLS + AHEAD);
    let (ahead, rest) = shop.records.split_at(parts * AHEAD);
    day.records_come(ahead).await;
    let mut parts = rest.chunks(parts);
    for kill in 0..KILLS {
        day.records_come(parts.next().unwrap_or_default()).await;
        if kill % RESHARD_EVERY == 0 {
            day.producer.reshard(&mut day.random).await;
        }
        let mut worker = day.worker_commits().await;
        if kill == KILLS / 2 {
            day.a_minute_without_keys(&mut worker).await;
        }
        day.kill(worker).await;
    }
    assert_eq!(parts.len(), 0, "every record is put");
    let (committed, stored) = (day.stage.committed().await, day.stored());
    println!("{server:?}: {KILLS} kills, {committed} of {stored} records committed by then");

    let mut last = day.stage.worker.start(&["run", "--until-idle"], "trace");
    let ended = last.wait().await.expect("the binary ends");
    assert!(ended.success(), "{ended}: {}", day.stage.worker.log());
    day.check(&shop).await;
    day.check_faults();
    day.stage.end().await;
}

/// One server's bad day.
struct Day {
    server: Server,
    random: Random,
    doubles: Doubles,
    producer: Producer,
    stage: Stage,
}

impl Day {
    async fn begin(server: Server, mut random: Random) -> Self {
        let doubles = Doubles::start(random.number());
        let stage = Stage::set(server, doubles.peers(), LINES).await;
        let producer = Producer::connect(&doubles.kinesis.endpoint(), OTHERS, STREAM).await;
        doubles.have_a_bad_day();
        Self {
            server,
            random,
            doubles,
            producer,
            stage,
        }
    }

    /// A few in each call, so that there are calls to fail.
    async fn records_come(&mut self, records: &[Record]) {
        for few in records.chunks(5) {
            self.producer.put(few).await;
        }
    }

    /// A new worker that has committed something.
    async fn worker_commits(&mut self) -> Child {
        let before = self.stage.committed().await;
        let mut worker = self.stage.worker.start(&["run"], "trace");
        self.commits_beyond(before, &mut worker).await;
        worker
    }

    async fn commits_beyond(&self, before: u64, worker: &mut Child) {
        while self.stage.committed().await == before {
            self.lives(worker);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn lives(&self, worker: &mut Child) {
        let ended = worker.try_wait().expect("it can be asked");
        let log = || self.stage.worker.log();
        assert_eq!(ended, None, "the worker has ended by itself: {}", log());
    }

    /// The worker's keys run out, and it is denied new ones: it writes no row, in clear or otherwise,
    /// asks on, and goes on by itself when it is no longer denied.
    async fn a_minute_without_keys(&self, worker: &mut Child) {
        let kms = &self.doubles.kms;
        let denials = || of_kind(kms.faults(), &["Denied"]);
        kms.faults().set(Fault::Denied(WORKER.to_owned()));
        // A slow machine may still be busy with what was sealed by then.
        let mut before = 0;
        for _ in 0..15 {
            before = self.stage.committed().await;
            tokio::time::sleep(KEYS_ARE_GONE).await;
            if self.stage.committed().await == before {
                break;
            }
        }
        assert!(before < self.stored(), "nothing is left that needs a key");
        let denied = denials();
        tokio::time::sleep(DENIED).await;
        assert_eq!(self.stage.committed().await, before, "no key, no row");
        assert!(denied > 0 && denials() > denied, "it asks on: {denied}");
        self.lives(worker);
        kms.faults().clear();
        self.doubles.have_a_bad_day();
        self.commits_beyond(before, worker).await;
    }

    /// Some moments after a commit, with records on the stream that are not committed yet.
    async fn kill(&mut self, mut worker: Child) {
        tokio::time::sleep(Duration::from_micros(self.random.below(100_000))).await;
        self.lives(&mut worker);
        worker.kill().await.expect("it can be killed");
        let status = worker.wait().await.expect("it can be waited for");
        assert_eq!(status.signal(), Some(9), "{status}");
        let (committed, stored) = (self.stage.committed().await, self.stored());
        assert!(committed < stored, "{committed} of {stored} are committed");
    }

    /// Records on the stream, copies too.
    fn stored(&self) -> u64 {
        self.doubles.kinesis.stored(STREAM).unwrap_or_default() as u64
    }

    async fn check(&self, shop: &Shop) {
        let server = self.server;
        let compared = self.stage.compare(&shop.scenario.truth).await;
        println!("{server:?}: {compared}");
        assert!(compared.holds(), "{compared}");
        assert_eq!(compared.equal, shop.scenario.truth.rows());
        // Those that must be there; a duplicate of one is held once more.
        assert!(self.stage.quarantined().await >= shop.scenario.quarantined);
        // Counted in the transaction that applied it, so a death can neither lose one nor repeat one.
        let committed = self.stage.committed().await;
        assert_eq!(committed, self.stored(), "each record is committed once");

        assert_eq!(shop.found, shop.scenario.needles.len(), "the search finds");
        let searched = self.stage.search(&shop.scenario.needles).await;
        println!("{server:?}: searched {} bytes", searched.bytes);
        assert_eq!(searched.hits, 0, "plaintext in {:?}", searched.first);
    }

    /// That the day was as bad as it was meant to be.
    fn check_faults(&self) {
        let Doubles { kinesis, kms, .. } = &self.doubles;
        for (calls, faults) in [
            (kinesis.calls(), kinesis.faults()),
            (kms.calls(), kms.faults()),
        ] {
            println!("{:?}: calls: {:?}", self.server, calls.by_operation());
            println!("{:?}: struck: {:?}", self.server, counts(faults));
        }
        one_in_a_hundred(kinesis.calls(), kinesis.faults());
        one_in_a_hundred(kms.calls(), kms.faults());
        for kind in FAILURES {
            let both = of_kind(kinesis.faults(), &[kind]) + of_kind(kms.faults(), &[kind]);
            assert!(both >= 2, "{kind}: {both}");
        }
        for kind in ["ExpiredIterators", "DuplicatedPuts", "ReorderedPuts"] {
            let struck = of_kind(kinesis.faults(), &[kind]);
            assert!(struck >= 10, "{kind}: {struck}");
        }
    }
}

/// How calls of both services fail.
const FAILURES: [&str; 4] = [
    "ServerErrors",
    "Throttling",
    "DroppedBefore",
    "DroppedAfter",
];

/// Of so many calls that a third as many failures, or three times as many, would be no chance.
fn one_in_a_hundred(calls: &Calls, faults: &Faults) {
    let (failed, all) = (of_kind(faults, &FAILURES), calls.total());
    let share = failed * 300 >= all && failed * 33 <= all;
    assert!(share && all >= 2_000, "{failed} of {all} calls failed");
}

fn of_kind(faults: &Faults, kinds: &[&str]) -> u64 {
    let counts = counts(faults).into_iter();
    let wanted = counts.filter(|(kind, _)| kinds.contains(kind));
    wanted.map(|(_, count)| count).sum()
}

fn counts(faults: &Faults) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for ((_, kind), count) in faults.struck() {
        *counts.entry(kind).or_default() += count;
    }
    counts
}
