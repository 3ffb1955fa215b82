//! The same of PostgreSQL: L, what it waits for, keys and replica identity.

use fieldseal_db::Database;
use fieldseal_model::{Engine, Position};
use fieldseal_source::{CommitOrder, Reading, SourceDatabase};
use fieldseal_tests::databases::{Server, TestDatabase, run};

use crate::{any_policy, ends, number, policy};

async fn lsn(database: &Database) -> Position {
    let rows = database
        .query("SELECT pg_current_wal_flush_lsn()::text", &[])
        .await
        .unwrap();
    Position::parse(Engine::Postgres, &rows[0].text(0).unwrap()).unwrap()
}

async fn read(source: &SourceDatabase) -> Reading {
    // There is one way only; the word is for other engines.
    source
        .read_position(&any_policy("postgres"), CommitOrder::Heartbeat)
        .await
        .unwrap()
}

#[tokio::test]
async fn on_postgres_every_open_transaction_is_waited_for() {
    let test = TestDatabase::on(Server::Postgres).await;
    run(&test.database, &["CREATE TABLE t (id INT PRIMARY KEY)"]).await;
    let source = SourceDatabase::connect(&test.url, Engine::Postgres)
        .await
        .unwrap();
    let (writer, reader) = (test.one_connection().await, test.one_connection().await);
    let process = number(&writer, "SELECT pg_backend_pid()::bigint").await;
    run(&reader, &["BEGIN", "SELECT * FROM t"]).await;
    // So that its commit moves what is flushed.
    run(&writer, &["SET synchronous_commit = on"]).await;
    // The youngest transaction of the server: the xmax of a snapshot would not lie above it.
    run(&writer, &["BEGIN", "INSERT INTO t VALUES (1)"]).await;
    let before = lsn(&test.database).await;
    let reading = read(&source).await;
    assert!(before <= reading.position && reading.position <= lsn(&test.database).await);
    let open = source.still_open(&reading).await.unwrap();
    assert!(open.processes.contains(&process), "{open:?}");
    run(&writer, &["COMMIT"]).await;
    run(&writer, &["BEGIN", "INSERT INTO t VALUES (2)"]).await;
    ends(&source, &reading).await;
    let later = read(&source).await;
    assert!(later.position > reading.position, "one L for each load");
    run(&writer, &["ROLLBACK"]).await;
    for database in [writer, reader] {
        database.close().await;
    }
    source.close().await;
    test.end().await;
}

#[tokio::test]
async fn on_postgres_prepared_transactions_are_waited_for() {
    let test = TestDatabase::on(Server::Postgres).await;
    run(&test.database, &["CREATE TABLE t (id INT PRIMARY KEY)"]).await;
    let source = SourceDatabase::connect(&test.url, Engine::Postgres)
        .await
        .unwrap();
    let writer = test.one_connection().await;
    let gid = format!("fieldseal_{}", std::process::id());
    run(
        &writer,
        &[
            "BEGIN",
            "INSERT INTO t VALUES (1)",
            &format!("PREPARE TRANSACTION '{gid}'"),
        ],
    )
    .await;
    let any = any_policy("postgres");
    let reading = source.read_position(&any, CommitOrder::Heartbeat).await;
    let open = match &reading {
        Ok(reading) => Some(source.still_open(reading).await),
        Err(_) => None,
    };
    // Before anything is judged: it outlives its connection.
    run(&writer, &[&format!("COMMIT PREPARED '{gid}'")]).await;
    let (reading, open) = (reading.unwrap(), open.unwrap().unwrap());
    assert!(open.transactions >= 1 && open.prepared >= 1, "{open:?}");
    ends(&source, &reading).await;
    writer.close().await;
    source.close().await;
    test.end().await;
}

#[tokio::test]
async fn on_postgres_keys_and_replica_identity_are_looked_at() {
    let test = TestDatabase::on(Server::Postgres).await;
    run(
        &test.database,
        &[
            "CREATE TYPE mood AS ENUM ('x', 'y')",
            "CREATE TABLE parents (id INT PRIMARY KEY)",
            "CREATE TABLE children (id INT PRIMARY KEY, kind mood, \
             a INT REFERENCES parents (id) ON DELETE CASCADE)",
            "CREATE TABLE partly (id INT NOT NULL, n INT)",
            "CREATE UNIQUE INDEX ON partly (id) WHERE n > 0",
            "CREATE UNIQUE INDEX ON partly ((id + 1))",
            "CREATE TABLE whole (a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b))",
            "ALTER TABLE whole REPLICA IDENTITY FULL",
            "ALTER TABLE partly REPLICA IDENTITY FULL",
        ],
    )
    .await;
    let tables = "[tables.\"public.children\"]\nkey = { id = \"integer\" }\n\
                  columns.kind = { seal = \"c\", kind = \"text\", \
                  index = [{ name = \"e\", column = \"k_bidx\" }] }\n\
                  [tables.\"public.partly\"]\nkey = { id = \"integer\" }\n\
                  [tables.\"public.whole\"]\nkey = [{ b = \"integer\" }, { a = \"integer\" }]\n";
    let source = SourceDatabase::connect(&test.url, Engine::Postgres)
        .await
        .unwrap();
    let found = source.findings(&policy("postgres", tables)).await.unwrap();
    let all: Vec<String> = found.iter().map(ToString::to_string).collect();
    let seen = all.join("\n");
    for wanted in [
        "children: its log does not hold whole rows",
        "ALTER TABLE public.children REPLICA IDENTITY FULL",
        "column \"kind\" is an enumeration",
        "partly: has no primary key and no unique key without NULL",
    ] {
        assert!(seen.contains(wanted), "{wanted} in\n{seen}");
    }
    // The server is set as it should be, and its cascades are in the log.
    assert_eq!(all.len(), 3, "{seen}");
    source.close().await;
    test.end().await;
}

#[tokio::test]
async fn a_url_of_another_engine_is_refused() {
    let test = TestDatabase::on(Server::Postgres).await;
    let refused = SourceDatabase::connect(&test.url, Engine::MySql).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("another kind of database"), "{text}");
    test.end().await;
}
