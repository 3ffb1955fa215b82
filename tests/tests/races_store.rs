//! The tombstone race of `docs/ORDERING.md`, point 6, through the real pipeline and store: in
//! every round, batches that delete some keys at version 10 and batches that write the same keys
//! at versions 7 and 8 are applied at the same moment. A row that a newer delete should have
//! removed is a ghost. The variants that must fail are in `races_controls`.

#![expect(clippy::print_stdout, reason = "a test says what it counted")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fieldseal_db::{Bind, Database};
use fieldseal_model::{Operation, SequenceNumber};
use fieldseal_pipeline::{Committed, Origin, SealedBatch, Target, TargetError};
use fieldseal_store::{ReadyBatch, Store};
use fieldseal_tests::course::{POLICY, TABLES, change, count, number, rows, version};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::around::{Apply, Around};
use fieldseal_tests::harness::{MemorySource, Rig, policy_with};
use tokio::sync::Barrier;

/// A round's keys, half of them in either table; a batch is one round.
#[derive(Clone, Copy)]
struct Round {
    /// How many keys are raced for in all rounds together.
    all: u64,
    /// Written at two versions and deleted at a newer one.
    raced: u64,
    /// Written only.
    kept: u64,
}

impl Round {
    const fn keys(self) -> u64 {
        self.raced + self.kept
    }

    const fn rounds(self) -> u64 {
        self.all / self.raced
    }

    const fn records(self) -> u64 {
        self.rounds() * self.keys()
    }

    /// The parameters of `id % ? < ?`, which is true of the raced ones.
    fn raced(self) -> [Bind<'static>; 2] {
        [self.keys(), self.raced].map(|n| Bind::from(i64::try_from(n).expect("a small number")))
    }
}

/// Long enough that a table's part of a batch is asked for by the range of its keys first: under
/// the shared lock, the other writer's rows come between that question and the write.
const SHORT: Round = Round {
    all: 100_000,
    raced: 80,
    kept: 16,
};

/// The shards with the version of all their changes. The writers share the tables' locks, the
/// deleter takes them alone.
const WRITERS: [(&str, u32); 2] = [("older", 7), ("newer", 8)];
const DELETER: (&str, u32) = ("deletes", 10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ghost_on_sqlite() {
    no_ghost(Server::Sqlite, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ghost_on_postgres() {
    no_ghost(Server::Postgres, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ghost_on_mariadb() {
    no_ghost(Server::MariaDb, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ghost_on_mysql() {
    if Server::MySql.is_there() {
        no_ghost(Server::MySql, SHORT).await;
    }
}

async fn no_ghost(server: Server, round: Round) {
    let limit = format!("max_batch_rows = {}", round.keys());
    let rig = Rig::new(server, policy_with(&limit, POLICY)).await;
    let racing = Racing {
        line: Barrier::new(WRITERS.len() + 1),
        started: Mutex::default(),
        gave_way: Mutex::default(),
    };
    let racing = Around::new(&rig.store, racing);
    // Only a hang lasts so long: one shard has left the line and the others wait for it.
    let run = rig.run_into(source(round), Arc::clone(&racing));
    let run = tokio::time::timeout(Duration::from_secs(500), run).await;
    let (summary, _) = run.expect("no shard hangs");
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);

    let gave_way = racing.apply.gave_way.lock();
    let gave_way = gave_way.unwrap_or_else(PoisonError::into_inner).clone();
    assert!(
        gave_way.is_empty(),
        "{} deadlocks or time-outs: {gave_way:?}",
        gave_way.len()
    );
    check(&rig.database.database, round).await;
    rig.end().await;
}

fn source(round: Round) -> MemorySource {
    let (records, keys) = (round.records(), round.keys());
    let mut source = MemorySource::default();
    for (name, version) in WRITERS {
        source = source.made(name, records, move |key| {
            change(Operation::Insert, table(key), key, version)
        });
    }
    source.made(DELETER.0, records, move |number| {
        // From the other end of the round: the order of a batch's records is not that of locks.
        let key = number / keys * keys + (keys - 1 - number % keys);
        // Where nothing is to be deleted, a key that nobody writes, for one length of all batches.
        let key = if key % keys < round.raced {
            key
        } else {
            key + records
        };
        change(Operation::Delete, table(key), key, DELETER.1)
    })
}

fn table(key: u64) -> &'static str {
    TABLES[usize::from(key.is_multiple_of(2))]
}

async fn check(database: &Database, round: Round) {
    let (records, kept) = (round.records(), round.rounds() * round.kept);
    let ghosts = count(
        database,
        "SELECT COUNT(*) FROM things WHERE id % ? < ?",
        &round.raced(),
    )
    .await
        + count(
            database,
            "SELECT COUNT(*) FROM others WHERE id % ? < ?",
            &round.raced(),
        )
        .await;
    let name = database.dialect().name();
    println!(
        "{name}: {} keys raced for, {ghosts} ghosts",
        round.rounds() * round.raced
    );
    assert_eq!(ghosts, 0, "rows whose key a newer change had deleted");

    let rows_left = count(database, "SELECT COUNT(*) FROM things", &[]).await
        + count(database, "SELECT COUNT(*) FROM others", &[]).await;
    assert_eq!(rows_left, kept, "rows that nobody deleted");
    let newest = version(WRITERS[1].1);
    let newest = [Bind::from(newest.as_bytes())];
    let stale = count(
        database,
        "SELECT COUNT(*) FROM things WHERE _fieldseal_version <> ?",
        &newest,
    )
    .await
        + count(
            database,
            "SELECT COUNT(*) FROM others WHERE _fieldseal_version <> ?",
            &newest,
        )
        .await;
    assert_eq!(stale, 0, "rows that are not at their newest version");
    let tombstones = count(database, "SELECT COUNT(*) FROM fieldseal_tombstones", &[]).await;
    assert_eq!(tombstones, records, "every delete is remembered");

    let counters = "SELECT shard, inserts + updates + deletes, skipped, quarantined FROM fieldseal_counters ORDER BY shard, table_id";
    let mut outcomes: HashMap<String, (u64, u64)> = HashMap::new();
    for row in rows(database, counters).await {
        let outcome = outcomes.entry(row.text(0).expect("a name")).or_default();
        outcome.0 += number(&row, 1);
        outcome.1 += number(&row, 2);
        assert_eq!(number(&row, 3), 0, "nothing is held");
    }
    println!("{name}: applied and skipped: {outcomes:?}");
    for (shard, (applied, skipped)) in &outcomes {
        assert_eq!(
            applied + skipped,
            records,
            "{shard} counts each record once"
        );
    }
    // Without this the shards merely took turns.
    let (applied, skipped) = outcomes[WRITERS[1].0];
    assert!(applied > kept && skipped > 0, "either side wins at times");
}

/// What is applied first by each shard in a round begins at one moment.
struct Racing {
    line: Barrier,
    /// By shard, the end of the batch that was let go last: a further try does not line up.
    started: Mutex<HashMap<String, SequenceNumber>>,
    /// Deadlocks, lock time-outs and whatever else made a shard try again.
    gave_way: Mutex<Vec<String>>,
}

impl Racing {
    fn is_first_try(&self, batch: &SealedBatch) -> bool {
        let Origin::Shard { shard, to, .. } = batch.origin() else {
            return false;
        };
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.insert(shard.clone(), to.clone()).as_ref() != Some(to)
    }
}

#[async_trait]
impl Apply for Racing {
    async fn apply(&self, store: &Store, batch: &ReadyBatch) -> Result<Committed, TargetError> {
        if self.is_first_try(batch.batch()) {
            self.line.wait().await;
        }
        let applied = store.apply(batch).await;
        if let Err(error) = &applied {
            let mut gave_way = self.gave_way.lock().unwrap_or_else(PoisonError::into_inner);
            gave_way.push(error.to_string());
        }
        applied
    }
}
