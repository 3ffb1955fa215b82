//! What an account of few rights is told on MySQL and MariaDB: which right it lacks, and what is
//! wrong with keys and foreign keys that it may only read.

use fieldseal_model::Engine;
use fieldseal_source::{CommitOrder, HEARTBEAT_TABLE, Severity, SourceDatabase};
use fieldseal_tests::databases::{Server, TestDatabase, run};

use crate::{any_policy, name, policy};

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
async fn what_the_account_lacks_is_said_on_mariadb() {
    what_the_account_lacks_is_said(Server::MariaDb).await;
}

#[tokio::test]
async fn cascades_and_keys_are_looked_at_on_mariadb() {
    cascades_and_keys_are_looked_at(Server::MariaDb).await;
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
