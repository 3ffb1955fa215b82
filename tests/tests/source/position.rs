//! L on MySQL and MariaDB: the end of the binlog, and a heartbeat that must be seen in it.

use fieldseal_db::{Database, Sql};
use fieldseal_model::{Engine, Position};
use fieldseal_source::{CommitOrder, HEARTBEAT_TABLE, SourceDatabase};
use fieldseal_tests::databases::{Server, TestDatabase, run};

use crate::{any_policy, ends, number};

async fn binlog_end(test: &TestDatabase) -> Position {
    let rows = match test.database.query("SHOW MASTER STATUS", &[]).await {
        Ok(rows) => rows,
        Err(_) => test
            .database
            .query("SHOW BINARY LOG STATUS", &[])
            .await
            .unwrap(),
    };
    let text = format!(
        "{}:{}",
        rows[0].text(0).unwrap(),
        rows[0].unsigned(1).unwrap()
    );
    Position::parse(Engine::MySql, &text).unwrap()
}

/// The kind of the event that begins at a position of the present binlog.
async fn event_at(test: &TestDatabase, at: Position) -> String {
    let logs = test.database.query("SHOW BINARY LOGS", &[]).await.unwrap();
    let file = logs
        .iter()
        .map(|row| row.text(0).unwrap())
        .find(|file| {
            let start = Position::parse(Engine::MySql, &format!("{file}:0")).unwrap();
            start.file() == at.file()
        })
        .unwrap();
    let question = format!(
        "SHOW BINLOG EVENTS IN '{file}' FROM {} LIMIT 1",
        at.offset()
    );
    let rows = test.database.query(Sql::dynamic(question), &[]).await;
    rows.unwrap()[0].text(2).unwrap()
}

async fn l_is_the_end_of_the_binlog(server: Server) {
    let test = TestDatabase::on(server).await;
    let source = SourceDatabase::connect(&test.url, Engine::MySql)
        .await
        .unwrap();
    let policy = any_policy("mysql");
    let before = binlog_end(&test).await;
    let first = source
        .read_position(&policy, CommitOrder::Heartbeat)
        .await
        .unwrap();
    let between = binlog_end(&test).await;
    // The heartbeat before L and the one behind it.
    assert!(before < first.position && first.position < between);
    // L is exactly where a transaction begins, and nowhere inside one.
    let event = event_at(&test, first.position).await;
    assert!(event.to_lowercase().contains("gtid"), "{event} at L");
    ends(&source, &first).await;
    let second = source
        .read_position(&policy, CommitOrder::Heartbeat)
        .await
        .unwrap();
    assert!(second.position >= between, "one L for each load");
    let beats = number(&test.database, "SELECT beats FROM fieldseal_heartbeat").await;
    assert_eq!(beats, 4, "two for each reading, in one row");
    source.close().await;
    test.end().await;
}

/// A trigger takes each heartbeat back, so that it changes nothing, and then it is not logged: as
/// where the server leaves the database out of its binlog.
async fn a_heartbeat_that_does_not_reach_the_binlog_is_refused(server: Server) {
    let test = TestDatabase::on(server).await;
    let make = format!(
        "CREATE TABLE {HEARTBEAT_TABLE} (id INT NOT NULL PRIMARY KEY, beats BIGINT NOT NULL)"
    );
    let row = format!("INSERT INTO {HEARTBEAT_TABLE} VALUES (1, 0)");
    let trigger = format!(
        "CREATE TRIGGER silence BEFORE UPDATE ON {HEARTBEAT_TABLE} FOR EACH ROW \
         SET NEW.beats = OLD.beats"
    );
    run(&test.database, &[&make, &row, &trigger]).await;
    let source = SourceDatabase::connect(&test.url, Engine::MySql)
        .await
        .unwrap();
    // What others write on this server moves its binlog meanwhile.
    let writing = tokio::spawn(write_until_dropped(test.database.clone()));
    let policy = any_policy("mysql");
    for _ in 0..20 {
        let reading = source.read_position(&policy, CommitOrder::Heartbeat);
        refusal_of_the_heartbeat(&reading.await.expect_err("it is noticed").to_string());
    }
    writing.abort();
    source.close().await;
    test.end().await;
}

async fn write_until_dropped(database: Database) {
    database
        .execute("CREATE TABLE busy (n BIGINT)", &[])
        .await
        .unwrap();
    loop {
        database
            .execute("INSERT INTO busy VALUES (1)", &[])
            .await
            .unwrap();
    }
}

fn refusal_of_the_heartbeat(why: &str) {
    for part in [
        "did not reach the binlog",
        "binlog_ignore_db",
        "--no-heartbeat",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[tokio::test]
async fn l_is_the_end_of_the_binlog_on_mariadb() {
    l_is_the_end_of_the_binlog(Server::MariaDb).await;
}

#[tokio::test]
async fn a_heartbeat_that_does_not_reach_the_binlog_is_refused_on_mariadb() {
    a_heartbeat_that_does_not_reach_the_binlog_is_refused(Server::MariaDb).await;
}

#[tokio::test]
async fn l_is_the_end_of_the_binlog_on_mysql() {
    if Server::MySql.is_there() {
        l_is_the_end_of_the_binlog(Server::MySql).await;
    }
}

#[tokio::test]
async fn a_heartbeat_that_does_not_reach_the_binlog_is_refused_on_mysql() {
    if Server::MySql.is_there() {
        a_heartbeat_that_does_not_reach_the_binlog_is_refused(Server::MySql).await;
    }
}
