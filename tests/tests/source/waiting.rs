//! What is waited for behind L on MySQL and MariaDB: transactions that are open or prepared.

use fieldseal_db::Sql;
use fieldseal_model::Engine;
use fieldseal_source::{CommitOrder, HEARTBEAT_TABLE, SourceDatabase};
use fieldseal_tests::databases::{Server, TestDatabase, run};

use crate::{any_policy, ends, name, number};

async fn without_a_heartbeat_open_transactions_are_waited_for(server: Server) {
    let test = TestDatabase::on(server).await;
    let source = SourceDatabase::connect(&test.url, Engine::MySql)
        .await
        .unwrap();
    run(&test.database, &["CREATE TABLE t (id INT PRIMARY KEY)"]).await;
    let (writer, reader) = (test.one_connection().await, test.one_connection().await);
    let connection = number(&writer, "SELECT CAST(CONNECTION_ID() AS SIGNED)").await;
    run(&writer, &["BEGIN", "INSERT INTO t VALUES (1)"]).await;
    // Has changed nothing, so the load need not wait for it.
    run(&reader, &["BEGIN", "SELECT * FROM t"]).await;
    let order = CommitOrder::Transactions;
    let reading = source.read_position(&any_policy("mysql"), order).await;
    let reading = reading.unwrap();
    assert_eq!(reading.caution(), None);
    let open = source.still_open(&reading).await.unwrap();
    assert!(open.processes.contains(&connection), "{open:?}");
    run(&writer, &["COMMIT"]).await;
    // One that begins later is no matter.
    run(&writer, &["BEGIN", "INSERT INTO t VALUES (2)"]).await;
    ends(&source, &reading).await;
    run(&writer, &["ROLLBACK"]).await;
    let missing = format!("SELECT 1 FROM {HEARTBEAT_TABLE}");
    let found = test.database.query(Sql::dynamic(missing), &[]).await;
    assert!(found.is_err(), "nothing was written at the source");
    for database in [writer, reader] {
        database.close().await;
    }
    source.close().await;
    test.end().await;
}

async fn prepared_xa_transactions_are_waited_for(server: Server) {
    let test = TestDatabase::on(server).await;
    let source = SourceDatabase::connect(&test.url, Engine::MySql)
        .await
        .unwrap();
    let name = name(&test).await;
    run(&test.database, &["CREATE TABLE t (id INT PRIMARY KEY)"]).await;
    let writer = test.one_connection().await;
    let xa = |words: &str| format!("XA {words} '{name}'");
    let insert = "INSERT INTO t VALUES (1)";
    let steps = [xa("START"), insert.to_owned(), xa("END"), xa("PREPARE")];
    run(&writer, &steps.each_ref().map(String::as_str)).await;
    let mut seen = Vec::new();
    for order in [CommitOrder::Heartbeat, CommitOrder::Transactions] {
        let reading = source.read_position(&any_policy("mysql"), order).await;
        let open = match &reading {
            Ok(reading) => Some(source.still_open(reading).await),
            Err(_) => None,
        };
        seen.push((order, reading, open));
    }
    // Before anything is judged: it outlives its connection, and whoever else asks this server
    // would wait for it.
    run(&writer, &[&xa("COMMIT")]).await;
    for (order, reading, open) in seen {
        let (reading, open) = (reading.unwrap(), open.unwrap().unwrap());
        assert!(
            open.transactions >= 1 || reading.caution().is_some(),
            "{order:?}: {open:?}"
        );
        if server == Server::MariaDb {
            assert_eq!(reading.caution(), None);
        }
        ends(&source, &reading).await;
    }
    writer.close().await;
    source.close().await;
    test.end().await;
}

#[tokio::test]
async fn without_a_heartbeat_open_transactions_are_waited_for_on_mariadb() {
    without_a_heartbeat_open_transactions_are_waited_for(Server::MariaDb).await;
}

#[tokio::test]
async fn prepared_xa_transactions_are_waited_for_on_mariadb() {
    prepared_xa_transactions_are_waited_for(Server::MariaDb).await;
}

#[tokio::test]
async fn without_a_heartbeat_open_transactions_are_waited_for_on_mysql() {
    if Server::MySql.is_there() {
        without_a_heartbeat_open_transactions_are_waited_for(Server::MySql).await;
    }
}

#[tokio::test]
async fn prepared_xa_transactions_are_waited_for_on_mysql() {
    if Server::MySql.is_there() {
        prepared_xa_transactions_are_waited_for(Server::MySql).await;
    }
}
