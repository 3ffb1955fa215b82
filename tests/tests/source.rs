//! What is asked of a source, on real servers: L and what it waits for, rights, settings, keys and
//! foreign keys. Owns the databases; the command that uses it is in `source_cli`.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::time::Duration;

use fieldseal_db::{Connect, Database, Sql};
use fieldseal_model::{Engine, Position};
use fieldseal_policy::Policy;
use fieldseal_source::{
    CommitOrder, HEARTBEAT_TABLE, Reading, Severity, SourceDatabase, StillOpen,
};
use fieldseal_tests::databases::{Server, TestDatabase};

/// A policy over tables of the test's own database, which is the schema on MySQL.
fn policy(engine: &str, tables: &str) -> Policy {
    let text = format!(
        "[source]\nid = \"shop\"\nengine = \"{engine}\"\nfiles.dir = \"source\"\n\
         [target]\nurl = \"sqlite://target.db\"\n\
         [keys]\ndeployment = \"tests\"\nlocal.root_file = \"root.key\"\n{tables}"
    );
    Policy::parse(&text).unwrap_or_else(|mistakes| panic!("{}", mistakes.in_file("policy")))
}

fn any_policy(engine: &str) -> Policy {
    policy(engine, "[tables.\"shop.t\"]\nkey = { id = \"integer\" }\n")
}

/// A connection of its own, on which statements follow one another.
async fn one(test: &TestDatabase) -> Database {
    let settings = Connect {
        create: false,
        connections: 1,
    };
    Database::connect(&test.url, settings).await.unwrap()
}

async fn run(database: &Database, statements: &[&str]) {
    for statement in statements {
        let sql = Sql::dynamic((*statement).to_owned());
        let done = database.execute_script(sql).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

async fn number(database: &Database, question: &'static str) -> i64 {
    database.query(question, &[]).await.unwrap()[0]
        .int(0)
        .unwrap()
}

/// The database of a test, as SQL names it.
async fn name(test: &TestDatabase) -> String {
    let rows = test.database.query("SELECT DATABASE()", &[]).await.unwrap();
    rows[0].text(0).unwrap()
}

/// Asks until nothing is open any more; other tests on the server have transactions of their own.
async fn ends(source: &SourceDatabase, reading: &Reading) {
    for _ in 0..600 {
        if source.still_open(reading).await.unwrap() == StillOpen::default() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "still open: {:?}",
        source.still_open(reading).await.unwrap()
    );
}

// MySQL and MariaDB ------------------------------------------------------------------------------

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
    // What others write on this server moves its binlog too; sooner or later nobody does between
    // the two looks at its end.
    let (policy, mut refused) = (any_policy("mysql"), None);
    for _ in 0..500 {
        let reading = source.read_position(&policy, CommitOrder::Heartbeat);
        refused = reading.await.err();
        if refused.is_some() {
            break;
        }
    }
    let why = refused.expect("it is noticed").to_string();
    for part in [
        "did not reach the binlog",
        "binlog_ignore_db",
        "--no-heartbeat",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    source.close().await;
    test.end().await;
}

async fn without_a_heartbeat_open_transactions_are_waited_for(server: Server) {
    let test = TestDatabase::on(server).await;
    let source = SourceDatabase::connect(&test.url, Engine::MySql)
        .await
        .unwrap();
    run(&test.database, &["CREATE TABLE t (id INT PRIMARY KEY)"]).await;
    let (writer, reader) = (one(&test).await, one(&test).await);
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
    let writer = one(&test).await;
    let xa = |words: &str| format!("XA {words} '{name}'");
    let insert = "INSERT INTO t VALUES (1)";
    let steps = [xa("START"), insert.to_owned(), xa("END"), xa("PREPARE")];
    run(&writer, &steps.each_ref().map(String::as_str)).await;
    let mut seen = Vec::new();
    for order in [CommitOrder::Heartbeat, CommitOrder::Transactions] {
        let reading = source.read_position(&any_policy("mysql"), order).await;
        let reading = reading.unwrap();
        let open = source.still_open(&reading).await.unwrap();
        seen.push((order, reading, open));
    }
    // Before anything is judged: it outlives its connection, and whoever else asks this server
    // would wait for it.
    run(&writer, &[&xa("COMMIT")]).await;
    for (order, reading, open) in seen {
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

/// An account that may do this much and no more; its URL.
async fn account(test: &TestDatabase, name: &str, grants: &[&str]) -> String {
    run(
        &test.database,
        &[&format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'x'")],
    )
    .await;
    for grant in grants {
        run(&test.database, &[&format!("GRANT {grant} TO '{name}'@'%'")]).await;
    }
    let (_, place) = test.url.rsplit_once('@').unwrap();
    format!("mysql://{name}:x@{place}")
}

async fn what_the_account_lacks_is_said(server: Server) {
    let test = TestDatabase::on(server).await;
    let name = name(&test).await;
    let user = format!("u{}", &name[name.len().saturating_sub(20)..]);
    let select = format!("SELECT ON {name}.*");
    let url = account(&test, &user, &[&select]).await;
    let policy = any_policy("mysql");
    let refusal = async |order| {
        let source = SourceDatabase::connect(&url, Engine::MySql).await.unwrap();
        let refused = source.read_position(&policy, order).await;
        source.close().await;
        refused.unwrap_err().to_string()
    };
    let no_table = refusal(CommitOrder::Heartbeat).await;
    assert!(
        no_table.contains("CREATE TABLE fieldseal_heartbeat"),
        "{no_table}"
    );
    assert!(no_table.contains("--no-heartbeat"), "{no_table}");
    let make = format!("GRANT SELECT, INSERT, UPDATE ON {name}.{HEARTBEAT_TABLE} TO '{user}'@'%'");
    let table = format!(
        "CREATE TABLE {HEARTBEAT_TABLE} (id INT NOT NULL PRIMARY KEY, beats BIGINT NOT NULL)"
    );
    run(&test.database, &[&table, &make]).await;
    let no_position = refusal(CommitOrder::Heartbeat).await;
    assert!(
        no_position.contains("GRANT REPLICATION CLIENT"),
        "{no_position}"
    );
    let client = match server {
        Server::MariaDb => "BINLOG MONITOR",
        _ => "REPLICATION CLIENT",
    };
    let grant = format!("GRANT {client} ON *.* TO '{user}'@'%'");
    run(&test.database, &[&grant]).await;
    let no_list = refusal(CommitOrder::Transactions).await;
    assert!(no_list.contains("GRANT PROCESS"), "{no_list}");
    // Exactly what the advice named is enough.
    let source = SourceDatabase::connect(&url, Engine::MySql).await.unwrap();
    let reading = source.read_position(&policy, CommitOrder::Heartbeat).await;
    assert!(reading.is_ok(), "{reading:?}");
    source.close().await;
    run(&test.database, &[&format!("DROP USER '{user}'@'%'")]).await;
    test.end().await;
}

async fn cascades_and_keys_are_looked_at(server: Server) {
    let test = TestDatabase::on(server).await;
    let name = name(&test).await;
    run(
        &test.database,
        &[
            "CREATE TABLE parents (id INT PRIMARY KEY) ENGINE=InnoDB",
            "CREATE TABLE children (id INT PRIMARY KEY, a INT, b INT, c INT, d INT, e INT, \
             kind ENUM('x', 'y'), \
             CONSTRAINT del_cascade FOREIGN KEY (a) REFERENCES parents (id) ON DELETE CASCADE, \
             CONSTRAINT upd_cascade FOREIGN KEY (b) REFERENCES parents (id) ON UPDATE CASCADE, \
             CONSTRAINT del_null FOREIGN KEY (c) REFERENCES parents (id) ON DELETE SET NULL, \
             CONSTRAINT upd_null FOREIGN KEY (d) REFERENCES parents (id) ON UPDATE SET NULL, \
             CONSTRAINT refuses FOREIGN KEY (e) REFERENCES parents (id) ON DELETE RESTRICT) \
             ENGINE=InnoDB",
            "CREATE TABLE keyless (a INT, b INT NOT NULL, c INT, UNIQUE (c), UNIQUE (a, b))",
            "CREATE TABLE uniquely (id INT PRIMARY KEY, code VARCHAR(9) NOT NULL UNIQUE)",
        ],
    )
    .await;
    // May read, and no more: information_schema would show it no foreign key.
    let user = format!("c{}", &name[name.len().saturating_sub(20)..]);
    let client = match server {
        Server::MariaDb => "BINLOG MONITOR, SLAVE MONITOR ON *.*",
        _ => "REPLICATION CLIENT ON *.*",
    };
    let select = format!("SELECT ON {name}.*");
    let url = account(&test, &user, &[&select, client]).await;
    let text = |accepted: &str, leak: &str, key: &str| {
        format!(
            "[tables.\"{name}.children\"]\nkey = {{ id = \"integer\" }}\n\
             accept_cascades = [{accepted}]\n\
             columns.kind = {{ seal = \"c\", kind = \"text\", \
             index = [{{ name = \"e\", column = \"k_bidx\"{leak} }}] }}\n\
             [tables.\"{name}.keyless\"]\nkey = {{ c = \"integer\" }}\n\
             [tables.\"{name}.uniquely\"]\nkey = {{ {key} = \"text\" }}\n\
             [tables.\"{name}.absent\"]\nkey = {{ id = \"integer\" }}\n"
        )
    };
    let findings = async |text: &str| {
        let source = SourceDatabase::connect(&url, Engine::MySql).await.unwrap();
        let found = source.findings(&policy("mysql", text)).await.unwrap();
        source.close().await;
        found
    };
    let found = findings(&text("", "", "code")).await;
    let all: Vec<String> = found.iter().map(ToString::to_string).collect();
    let seen = all.join("\n");
    for wanted in [
        "\"del_cascade\" has ON DELETE CASCADE",
        "\"upd_cascade\" has ON UPDATE CASCADE",
        "\"del_null\" has ON DELETE SET NULL",
        "\"upd_null\" has ON UPDATE SET NULL",
        "column \"kind\" is an enumeration",
        "keyless: has no primary key and no unique key without NULL",
        "absent: is not there",
    ] {
        assert!(seen.contains(wanted), "{wanted} in\n{seen}");
    }
    assert_eq!(all.len(), 7, "{seen}");
    assert!(found.iter().all(|one| one.severity == Severity::Error));

    let listed = "\"del_cascade\", \"UPD_CASCADE\", \"del_null\", \"upd_null\", \"gone\"";
    let found = findings(&text(listed, ", accept_leak = true", "other")).await;
    let seen: Vec<String> = found.iter().map(ToString::to_string).collect();
    let seen = seen.join("\n");
    assert!(
        !seen.contains("unlogged as") && !seen.contains("CASCADE,"),
        "{seen}"
    );
    assert!(seen.contains("accept_cascades lists \"gone\""), "{seen}");
    assert!(
        seen.contains("uniquely: the policy's key is neither"),
        "{seen}"
    );
    assert_eq!(found.len(), 4, "{seen}");
    run(&test.database, &[&format!("DROP USER '{user}'@'%'")]).await;
    test.end().await;
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
async fn without_a_heartbeat_open_transactions_are_waited_for_on_mariadb() {
    without_a_heartbeat_open_transactions_are_waited_for(Server::MariaDb).await;
}

#[tokio::test]
async fn prepared_xa_transactions_are_waited_for_on_mariadb() {
    prepared_xa_transactions_are_waited_for(Server::MariaDb).await;
}

#[tokio::test]
async fn what_the_account_lacks_is_said_on_mariadb() {
    what_the_account_lacks_is_said(Server::MariaDb).await;
}

#[tokio::test]
async fn cascades_and_keys_are_looked_at_on_mariadb() {
    cascades_and_keys_are_looked_at(Server::MariaDb).await;
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

#[tokio::test]
async fn what_the_account_lacks_is_said_on_mysql() {
    if Server::MySql.is_there() {
        what_the_account_lacks_is_said(Server::MySql).await;
    }
}

#[tokio::test]
async fn cascades_and_keys_are_looked_at_on_mysql() {
    if Server::MySql.is_there() {
        cascades_and_keys_are_looked_at(Server::MySql).await;
    }
}

// PostgreSQL -------------------------------------------------------------------------------------

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
    let (writer, reader) = (one(&test).await, one(&test).await);
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
    let writer = one(&test).await;
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
    let reading = read(&source).await;
    let open = source.still_open(&reading).await.unwrap();
    run(&writer, &[&format!("COMMIT PREPARED '{gid}'")]).await;
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
