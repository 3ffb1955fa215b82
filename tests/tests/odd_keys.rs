//! Keys that a database compares or prints in a way of its own: decimals beyond a double's digits,
//! zero-filled numbers, bits. A change must meet its own row and no other.

use std::error::Error as _;

use fieldseal::reader::{OpenedCell, OpenedRow};
use fieldseal_dms::Wire;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::records::{delete, insert, update};
use fieldseal_tests::harness::{MemorySource, Rig, policy};

/// A rig over one table whose key column has this type, and the policy's kind for it.
async fn rig(server: Server, declared: &str, kind: &str) -> Rig {
    let policy = policy(&format!(
        "[tables.\"shop.things\"]\nkey = {{ id = {kind} }}\n\
         [tables.\"shop.things\".columns]\n\
         name = {{ seal = \"contact\", kind = \"text\" }}\n"
    ));
    let (bytes, version) = match server {
        Server::Postgres => (
            "BYTEA",
            format!("BYTEA NOT NULL DEFAULT '\\x{}'", "FF".repeat(16)),
        ),
        Server::Sqlite => (
            "BLOB",
            format!("BLOB NOT NULL DEFAULT X'{}'", "FF".repeat(16)),
        ),
        _ => (
            "LONGBLOB",
            format!("BINARY(16) NOT NULL DEFAULT X'{}'", "FF".repeat(16)),
        ),
    };
    let table = format!(
        "CREATE TABLE things (id {declared} NOT NULL PRIMARY KEY, name {bytes}, \
         _fieldseal_version {version});"
    );
    Rig::with(server, policy, &table, |provider| provider).await
}

fn cells<'a>(id: Wire<'a>, name: &'a str) -> [(&'a str, Wire<'a>); 2] {
    [("id", id), ("name", Wire::Text(name))]
}

/// Two keys that are one number as doubles.
const ONE: &str = "9007199254740992";
const OTHER: &str = "9007199254740993";

async fn a_delete_meets_its_own_decimal(server: Server, declared: &str) {
    let rig = rig(server, declared, "\"decimal\"").await;
    let table = "shop.things";
    rig.run(MemorySource::of(vec![
        insert(1, table, &cells(Wire::Number(ONE), "ada")),
        insert(2, table, &cells(Wire::Number(OTHER), "bob")),
    ]))
    .await;
    assert_eq!(rig.open_all(table).await.len(), 2, "{server:?}");
    rig.run(MemorySource::of(vec![
        insert(1, table, &cells(Wire::Number(ONE), "ada")),
        insert(2, table, &cells(Wire::Number(OTHER), "bob")),
        delete(3, table, &[("id", Wire::Number(ONE))]),
    ]))
    .await;
    let rows = rig.open_all(table).await;
    let left: Vec<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(left, [OTHER], "{server:?}");
    rig.end().await;
}

#[tokio::test]
async fn a_delete_meets_its_own_decimal_on_mariadb() {
    a_delete_meets_its_own_decimal(Server::MariaDb, "DECIMAL(20,0)").await;
}

#[tokio::test]
async fn a_delete_meets_its_own_decimal_on_mysql() {
    if Server::MySql.is_there() {
        a_delete_meets_its_own_decimal(Server::MySql, "DECIMAL(20,0)").await;
    }
}

#[tokio::test]
async fn a_delete_meets_its_own_decimal_on_postgres() {
    a_delete_meets_its_own_decimal(Server::Postgres, "NUMERIC(20,0)").await;
}

#[tokio::test]
async fn a_delete_meets_its_own_decimal_on_sqlite() {
    a_delete_meets_its_own_decimal(Server::Sqlite, "DECIMALTEXT(20,0)").await;
}

/// A row is found again under its key: inserted, updated, deleted, and nothing is left.
async fn found_again(server: Server, declared: &str, kind: &str, id: Wire<'_>) {
    let rig = rig(server, declared, kind).await;
    let table = "shop.things";
    let records = [
        insert(1, table, &cells(id, "ada")),
        update(2, table, &cells(id, "bob"), &[("id", id)]),
        delete(3, table, &[("id", id)]),
    ];
    for end in 1..=records.len() {
        rig.run(MemorySource::of(records[..end].to_vec())).await;
        let left = rig.open_all(table).await.len();
        assert_eq!(
            left,
            usize::from(end < 3),
            "{server:?} {declared} after {end}"
        );
        assert!(rig.held_reasons().await.is_empty(), "{declared}");
    }
    rig.end().await;
}

#[tokio::test]
async fn a_zero_filled_key_is_found_again_on_mariadb() {
    found_again(
        Server::MariaDb,
        "INT(5) ZEROFILL",
        "\"integer\"",
        Wire::Number("45"),
    )
    .await;
}

#[tokio::test]
async fn a_zero_filled_decimal_key_is_found_again_on_mariadb() {
    found_again(
        Server::MariaDb,
        "DECIMAL(9,2) ZEROFILL",
        "\"decimal\"",
        Wire::Number("45.5"),
    )
    .await;
}

#[tokio::test]
async fn a_year_key_is_found_again_on_mariadb() {
    found_again(Server::MariaDb, "YEAR", "\"integer\"", Wire::Number("1999")).await;
}

#[tokio::test]
async fn an_instant_key_is_found_again_on_every_server() {
    let id = Wire::Text("2024-05-02T08:00:00.120Z");
    for (server, declared) in [
        (Server::MariaDb, "TIMESTAMP(6)"),
        (Server::Postgres, "TIMESTAMPTZ"),
        (Server::Sqlite, "TIMESTAMP"),
    ] {
        found_again(server, declared, "\"timestamp\"", id).await;
    }
}

#[tokio::test]
async fn a_date_and_time_key_is_found_again_on_every_server() {
    let id = Wire::Text("2024-05-02T08:00:00.100Z");
    for (server, declared) in [
        (Server::MariaDb, "DATETIME(3)"),
        (Server::Postgres, "TIMESTAMP(3)"),
        (Server::Sqlite, "DATETIME"),
    ] {
        found_again(server, declared, "\"datetime\"", id).await;
    }
}

/// A BIT compares as a number with no parameter that holds its bytes: a delete would not find it.
#[tokio::test]
async fn a_bit_key_is_refused_on_mariadb() {
    let rig = rig(
        Server::MariaDb,
        "VARBINARY(2)",
        "{ kind = \"bytes\", bits = 10 }",
    )
    .await;
    rig.sql("ALTER TABLE things MODIFY id BIT(10) NOT NULL", &[])
        .await;
    let found = fieldseal_store::findings(&rig.database.database, &rig.policy).await;
    let of_id = found.unwrap().iter().any(|finding| {
        finding.severity == fieldseal_store::Severity::Error
            && finding.to_string().contains("id")
            && finding.to_string().contains("BIT")
    });
    assert!(of_id, "a change of a row must find the row");
    rig.end().await;
}

#[tokio::test]
async fn a_uuid_key_is_found_again_on_every_server() {
    let text = "6ccd780c-baba-1026-9564-5b8c656024db";
    let upper = text.to_ascii_uppercase();
    for (server, declared) in [
        (Server::MariaDb, "UUID"),
        (Server::MariaDb, "BINARY(16)"),
        (Server::MySql, "BINARY(16)"),
        (Server::Postgres, "UUID"),
        (Server::Sqlite, "BLOB"),
    ] {
        if !server.is_there() {
            continue;
        }
        found_again(server, declared, "\"uuid\"", Wire::Text(&upper)).await;
        let rig = rig(server, declared, "\"uuid\"").await;
        let table = "shop.things";
        let row = cells(Wire::Text(&upper), "ada");
        rig.run(MemorySource::of(vec![insert(1, table, &row)]))
            .await;
        let rows = rig.open_all(table).await;
        assert_eq!(rows[text]["name"], "ada", "{server:?} {declared}");
        let key = [upper.clone()];
        let found = rig.vault().by_key(rig.table(table), &key).await;
        assert!(found.unwrap().is_some(), "{server:?} {declared}");
        let next = rig.vault().page(rig.table(table), Some(&key), 10).await;
        assert!(next.unwrap().is_empty(), "{server:?} {declared}");
        rig.end().await;
    }
}

/// What goes wrong when rows are read by the keys that are shown of them: each by its key, and
/// page behind page.
async fn read_by_key(server: Server, declared: &str, kind: &str, ids: &[&str]) -> Vec<String> {
    let rig = rig(server, declared, &format!("\"{kind}\"")).await;
    let table = "shop.things";
    let records = (1..)
        .zip(ids)
        .map(|(n, id)| insert(n, table, &cells(Wire::Text(id), "ada")))
        .collect();
    rig.run(MemorySource::of(records)).await;
    let (vault, of) = (rig.vault(), rig.table(table));
    let all = vault
        .page(of, None, 10)
        .await
        .expect("the table can be read");
    let shown = |row: &OpenedRow| match &row.cells[0].1 {
        OpenedCell::Kept(text) => String::from_utf8(text.expose().to_vec()).expect("a key is text"),
        _ => "no key".to_owned(),
    };
    let mut wrong = Vec::new();
    if all.len() != ids.len() {
        wrong.push(format!("{} rows", all.len()));
    }
    for (number, row) in all.iter().enumerate() {
        let key = [shown(row)];
        match vault.by_key(of, &key).await {
            Ok(Some(_)) => {}
            Ok(None) => wrong.push(format!("no row of key {}", key[0])),
            Err(error) => wrong.push(format!("by key: {error}: {:?}", error.source())),
        }
        match vault.page(of, Some(&key), 10).await {
            Ok(rest) if rest.len() == ids.len() - number - 1 => {}
            Ok(rest) => wrong.push(format!("{} rows behind key {}", rest.len(), key[0])),
            Err(error) => wrong.push(format!("page: {error}: {:?}", error.source())),
        }
    }
    rig.end().await;
    wrong
        .iter()
        .map(|what| format!("{server:?} {declared}: {what}"))
        .collect()
}

#[tokio::test]
async fn rows_are_read_by_keys_of_every_kind_on_every_server() {
    let moments = [
        "2024-05-02T08:00:00Z",
        "2024-05-02T08:00:00.5Z",
        "2024-05-02T09:00:00Z",
        "2024-05-03T00:00:00Z",
    ];
    let numbers = ["-10.5", "1.25", "9", "10"];
    let dates = ["0999-01-01", "2024-05-02", "2024-05-03"];
    let texts = ["A", "a", "b ", "ä"];
    let bytes = ["00", "0001", "41", "ff"];
    use Server::{MariaDb, MySql, Postgres, Sqlite};
    let cases: [(&[Server], &str, &str, &[&str]); 16] = [
        (&[MariaDb, MySql], "TIMESTAMP(6)", "timestamp", &moments),
        (&[Postgres], "TIMESTAMPTZ", "timestamp", &moments),
        (&[Sqlite], "TIMESTAMP", "timestamp", &moments),
        (&[MariaDb, MySql], "DATETIME(6)", "datetime", &moments),
        (&[Postgres], "TIMESTAMP", "datetime", &moments),
        (&[Sqlite], "DATETIME", "datetime", &moments),
        (
            &[MariaDb, MySql, Postgres],
            "DECIMAL(9,2)",
            "decimal",
            &numbers[1..3],
        ),
        (&[Sqlite], "DECIMALTEXT(9,2)", "decimal", &numbers[1..3]),
        (
            &[MariaDb, MySql, Postgres, Sqlite],
            "DATE",
            "date",
            &dates[1..],
        ),
        (
            &[MariaDb],
            "VARCHAR(9) COLLATE utf8mb4_nopad_bin",
            "text",
            &texts,
        ),
        (
            &[MySql],
            "VARCHAR(9) COLLATE utf8mb4_0900_bin",
            "text",
            &texts,
        ),
        (&[Postgres], "TEXT COLLATE \"C\"", "text", &texts),
        (&[Sqlite], "TEXT", "text", &texts),
        (&[MariaDb, MySql], "VARBINARY(9)", "bytes", &bytes),
        (&[Postgres], "BYTEA", "bytes", &bytes),
        (&[Sqlite], "BLOB", "bytes", &bytes),
    ];
    let mut wrong = Vec::new();
    for (servers, declared, kind, ids) in cases {
        for server in servers.iter().copied().filter(|server| server.is_there()) {
            wrong.extend(read_by_key(server, declared, kind, ids).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
