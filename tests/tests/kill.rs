//! The real binary, killed with SIGKILL at random, over and over, and started again: at the end
//! every row is as it should be and every record was counted once.
//!
//! A kill counts only when the process had committed something and had not come to the end. The
//! process is stopped (SIGSTOP) before it is looked at, so that what is seen of its transactions is
//! still so when it dies.

#![expect(
    clippy::print_stdout,
    reason = "a test says its seed and what it counted"
)]

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fieldseal_db::{Database, DbErrorKind, Dialect};
use fieldseal_tests::course::{Course, POLICY, TABLES, count, number, rows};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{DEPLOYMENT, Rig, binary, policy};
use fieldseal_tests::random::Random;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// Records of a batch; no more than a block.
const BATCH: u32 = 20;

const KILLS: u32 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    killed_over_and_over(Server::Sqlite, KILLS, LONG).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    killed_over_and_over(Server::Postgres, KILLS, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb() {
    killed_over_and_over(Server::MariaDb, KILLS, LONG).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mysql() {
    if Server::MySql.is_there() {
        killed_over_and_over(Server::MySql, KILLS, LONG).await;
    }
}

/// Long enough that a hundred kills come before the end.
const LONG: Course = Course {
    shards: 4,
    blocks: 250,
    block: BATCH as u64,
};

/// For PostgreSQL, where fewer blocks take as long.
const SHORT: Course = Course {
    blocks: 120,
    ..LONG
};

async fn killed_over_and_over(server: Server, all: u32, course: Course) {
    // Those that must come while a transaction is open; the others may come at any moment.
    let all_inside = all * 4 / 5;
    let mut random = Random::seeded(&format!("kill, {server:?}"));
    let rig = Rig::new(server, policy(POLICY)).await;
    let worker = Worker::prepare(&rig, course);
    let observer = Observer::connect(&rig, course).await;
    let (mut kills, mut inside) = (0, 0);
    while kills < all {
        let child = worker.start();
        // As soon as those outside would be too many, none of them is allowed any more.
        let any = all - kills > all_inside.saturating_sub(inside);
        let open = observer.kill(child, &mut random, any).await;
        kills += 1;
        inside += u32::from(open);
    }
    let left = observer.end - observer.records().await;
    println!("{server:?}: {kills} kills, {inside} inside a transaction, {left} records left");
    assert!(inside >= all_inside, "kills inside a transaction");

    let mut last = worker.start();
    let ended = last.wait().await.expect("the binary ends");
    assert!(ended.success(), "{ended}: {}", worker.log());
    let database = &rig.database.database;
    course.check_versions(database).await;
    course.check_counters(database).await;
    for table in TABLES {
        course.check_opened(table, &rig.open_all(table).await);
    }
    observer.database.close().await;
    rig.end().await;
}

/// How the binary is started.
struct Worker {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    url: String,
}

impl Worker {
    /// Writes the records and the policy into the rig's folder, beside its root key.
    fn prepare(rig: &Rig, course: Course) -> Self {
        let source = rig.database.path("source");
        std::fs::create_dir(&source).expect("a folder for the records");
        for shard in 0..course.shards {
            let records: Vec<u8> = (0..course.records())
                .flat_map(|number| course.record(shard, number))
                .collect();
            let file = source.join(format!("shard-{shard}.jsonl"));
            std::fs::write(file, records).expect("the records are written");
        }
        let config = rig.database.path("pipeline.toml");
        let text = format!(
            "[source]\nid = \"shop\"\nengine = \"mysql\"\nfiles.dir = \"source\"\nmax_batch_rows = {BATCH}\n\
             [target]\nurl_env = \"FIELDSEAL_TEST_TARGET\"\n\
             [keys]\ndeployment = \"{DEPLOYMENT}\"\nlocal.root_file = \"root.key\"\n{POLICY}"
        );
        std::fs::write(&config, text).expect("the policy is written");
        Self {
            binary: binary::path(),
            config,
            log: rig.database.path("log"),
            url: rig.database.url.clone(),
        }
    }

    fn start(&self) -> Child {
        let log = File::create(&self.log).expect("a file for the log");
        Command::new(&self.binary)
            .args(["run", "--until-idle", "--config"])
            .arg(&self.config)
            .env("FIELDSEAL_TEST_TARGET", &self.url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A connection of its own, from which the worker is watched.
struct Observer {
    database: Database,
    /// How many records there are.
    end: u64,
}

impl Observer {
    async fn connect(rig: &Rig, course: Course) -> Self {
        let database = rig.database.one_connection().await;
        if database.dialect() == Dialect::Sqlite {
            // It asks whether somebody holds the lock, and does not wait for it.
            rows(&database, "PRAGMA busy_timeout = 0").await;
        }
        let end = course.shards * course.records();
        Self { database, end }
    }

    /// Kills the process after some of its commits; answers whether a transaction was open.
    async fn kill(&self, mut child: Child, random: &mut Random, any: bool) -> bool {
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let pid = pid.expect("it was just started");
        let mut seen = self.records().await;
        let mut commits = 1 + random.below(6);
        while commits > 0 {
            let ended = child.try_wait().expect("it can be asked");
            assert!(
                ended.is_none(),
                "it came to its end: the course is too short"
            );
            let records = self.records().await;
            if records > seen {
                seen = records;
                commits -= 1;
            }
        }
        tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
        loop {
            kill_process(pid, Signal::STOP).expect("it can be stopped");
            let open = self.sees_open_transaction().await;
            assert!(self.records().await < self.end, "the course is too short");
            // Mostly inside; every tenth wherever it happens to be.
            if open || (any && random.below(10) == 0) {
                child.kill().await.expect("it can be killed");
                return open;
            }
            kill_process(pid, Signal::CONT).expect("it can go on");
            tokio::time::sleep(Duration::from_micros(random.below(5_000))).await;
        }
    }

    /// How many records are committed.
    async fn records(&self) -> u64 {
        let counters = rows(
            &self.database,
            "SELECT loads + inserts + updates + deletes + skipped FROM fieldseal_counters",
        );
        counters.await.iter().map(|row| number(row, 0)).sum()
    }

    /// Whether a transaction of the stopped process is open and waits for it: no COMMIT of it is
    /// under way.
    async fn sees_open_transaction(&self) -> bool {
        // The server may still be at what it was told before the process stopped; and InnoDB
        // renews what it says of transactions when nobody has asked for 0.1 s.
        let settle = Duration::from_millis(match self.database.dialect() {
            Dialect::MySql => 120,
            _ => 10,
        });
        for _ in 0..2 {
            tokio::time::sleep(settle).await;
            if !self.asks_open_transaction().await {
                return false;
            }
        }
        true
    }

    async fn asks_open_transaction(&self) -> bool {
        let sql = match self.database.dialect() {
            Dialect::Sqlite => return self.is_locked().await,
            Dialect::Postgres => {
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
            }
            Dialect::MySql => {
                "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id WHERE db = DATABASE() AND command = 'Sleep'"
            }
        };
        count(&self.database, sql, &[]).await > 0
    }

    async fn is_locked(&self) -> bool {
        match self.database.execute_script("BEGIN IMMEDIATE").await {
            Ok(()) => {
                let rolled_back = self.database.execute_script("ROLLBACK").await;
                rolled_back.expect("nothing was done");
                false
            }
            Err(error) if error.kind() == DbErrorKind::Contention => true,
            Err(error) => panic!("the lock cannot be asked for: {error}"),
        }
    }
}
