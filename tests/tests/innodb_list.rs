//! L without a heartbeat, beside monitoring that reads InnoDB's list of transactions again and
//! again. A file of its own: whoever reads the list so often disturbs everyone on the server.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use fieldseal_model::Engine;
use fieldseal_source::{CommitOrder, Reading, SourceDatabase, SourceError, StillOpen};
use fieldseal_tests::databases::{Server, TestDatabase, run};
use fieldseal_tests::harness::policy;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Far below the tenth of a second after which InnoDB makes a new copy of its list.
const OFTEN: Duration = Duration::from_millis(20);

/// Somebody who reads the list often, until told to end.
struct Poller {
    task: JoinHandle<()>,
    end: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

impl Poller {
    async fn start(test: &TestDatabase) -> Self {
        let (end, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU32::new(0)),
        );
        let (database, ended, count) = (
            test.one_connection().await,
            Arc::clone(&end),
            Arc::clone(&asked),
        );
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let list = "SELECT COUNT(*) FROM information_schema.innodb_trx";
                database.query(list, &[]).await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                sleep(OFTEN).await;
            }
            database.close().await;
        });
        let poller = Self { task, end, asked };
        while poller.asked.load(Ordering::Relaxed) < 10 {
            sleep(OFTEN).await;
        }
        poller
    }

    async fn end(self) {
        self.end.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

async fn read(source: &SourceDatabase) -> Result<Reading, SourceError> {
    let policy = policy("[tables.\"shop.t\"]\nkey = { id = \"integer\" }\n");
    let order = CommitOrder::Transactions;
    source.read_position(&policy, order).await
}

/// Whether the reading waits for this connection's transaction, now.
async fn waits_for(source: &SourceDatabase, reading: &Reading, connection: i64) -> bool {
    let open: StillOpen = source.still_open(reading).await.unwrap();
    open.processes.contains(&connection)
}

/// A list that is older than the transaction lacks it, and the load would begin too early. So
/// either the list is known to be new enough, or there is no reading, and the reason is said.
async fn a_list_that_others_keep_old_is_not_believed(server: Server) {
    let test = TestDatabase::on(server).await;
    let source = SourceDatabase::connect(&test.url, Engine::MySql)
        .await
        .unwrap();
    run(&test.database, &["CREATE TABLE t (id INT PRIMARY KEY)"]).await;
    let writer = test.one_connection().await;
    let rows = writer
        .query("SELECT CAST(CONNECTION_ID() AS SIGNED)", &[])
        .await;
    let connection = rows.unwrap()[0].int(0).unwrap();
    let pollers = [Poller::start(&test).await, Poller::start(&test).await];
    run(&writer, &["BEGIN", "INSERT INTO t VALUES (1)"]).await;
    let reading = read(&source).await;
    for poller in pollers {
        poller.end().await;
    }
    match reading {
        Ok(reading) => assert!(waits_for(&source, &reading, connection).await),
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains("information_schema.innodb_trx"), "{said}");
            assert!(!error.is_transient(), "{said}");
        }
    }
    // With nobody beside it, there is an answer.
    let reading = read(&source).await.unwrap();
    assert!(waits_for(&source, &reading, connection).await);
    run(&writer, &["ROLLBACK"]).await;
    assert!(!waits_for(&source, &reading, connection).await);
    writer.close().await;
    source.close().await;
    test.end().await;
}

#[tokio::test]
async fn a_list_that_others_keep_old_is_not_believed_on_mariadb() {
    a_list_that_others_keep_old_is_not_believed(Server::MariaDb).await;
}

#[tokio::test]
async fn a_list_that_others_keep_old_is_not_believed_on_mysql() {
    if Server::MySql.is_there() {
        a_list_that_others_keep_old_is_not_believed(Server::MySql).await;
    }
}
