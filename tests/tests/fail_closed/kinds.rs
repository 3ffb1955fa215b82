//! Kept columns of every type the servers have: a value is written exactly, or only its own record
//! is held. Owns how that is tried; what each server's columns hold, in the server's own words, is in
//! the modules.

mod mariadb;
mod postgres;
mod sqlite;

use fieldseal_dms::Wire;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, policy, records};

const TABLE: &str = "shop.kinds";

/// One cell: the column, what DMS says, and what the server shows afterwards; `Err`: the reason
/// for which its record is held.
type Case = (
    &'static str,
    Wire<'static>,
    Result<&'static str, &'static str>,
);

/// A column: its name, its type, and the expression that shows it as text.
type Column = (&'static str, &'static str, &'static str);

async fn each_is_exact_or_held_alone(server: Server, columns: &[Column], cases: Vec<Case>) {
    let kept: Vec<String> = columns
        .iter()
        .map(|(name, ..)| format!("{name} = \"keep\""))
        .collect();
    let policy = policy(&format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\nabsent = \"null\"\n\
         [tables.\"{TABLE}\".columns]\nemail = {{ seal = \"contact\", kind = \"text\" }}\n{}",
        kept.join("\n")
    ));
    let rig = Rig::with(server, policy, &script(server, columns), |provider| {
        provider
    })
    .await;
    let mut all = Vec::new();
    for (id, (column, cell, _)) in (1..).zip(&cases) {
        let key = u32::to_string(&id);
        let cells = [
            ("id", Wire::Number(&key)),
            ("email", Wire::Text("ada@example.org")),
            (*column, *cell),
        ];
        all.push(records::insert(id, TABLE, &cells));
    }
    rig.run(MemorySource::of(all)).await;

    let held = rig.held_reasons().await;
    let mut wrong = Vec::new();
    for (id, (column, _, expected)) in (1_i64..).zip(&cases) {
        let show = columns
            .iter()
            .find(|(name, ..)| name == column)
            .map(|(.., show)| *show);
        let show = show.expect("a column of the table");
        let rows = rig
            .query(
                &format!("SELECT {show} FROM kinds WHERE id = ?"),
                &[id.into()],
            )
            .await;
        let stored = rows
            .first()
            .map(|row| row.opt_text(0).expect("the expression is text"));
        let reason = held
            .iter()
            .find_map(|held| held.strip_prefix(&format!("{id} ")));
        let right = match expected {
            Ok(text) => stored.as_ref().is_some_and(|s| s.as_deref() == Some(*text)),
            Err(why) => stored.is_none() && reason == Some(why),
        };
        if !right {
            wrong.push(format!(
                "{id} {column}: {expected:?}, but stored {stored:?}, held {reason:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{server:?}:\n{}", wrong.join("\n"));
    let kept = cases
        .iter()
        .filter(|(.., expected)| expected.is_ok())
        .count();
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.len(), kept);
    assert!(rows.values().all(|row| row["email"] == "ada@example.org"));
    rig.end().await;
}

fn script(server: Server, columns: &[Column]) -> String {
    let (before, bytes, version) = match server {
        Server::Sqlite => (
            "",
            "BLOB",
            "BLOB NOT NULL DEFAULT X'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'",
        ),
        Server::Postgres => (
            "CREATE TYPE color AS ENUM ('red', 'it''s'); ",
            "BYTEA",
            "BYTEA NOT NULL DEFAULT '\\xffffffffffffffffffffffffffffffff'",
        ),
        Server::MariaDb | Server::MySql => (
            "",
            "VARBINARY(200)",
            "BINARY(16) NOT NULL DEFAULT (UNHEX('FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'))",
        ),
    };
    let columns: Vec<String> = columns
        .iter()
        .map(|(name, declared, _)| format!("{name} {declared}"))
        .collect();
    format!(
        "{before}CREATE TABLE kinds (id BIGINT NOT NULL PRIMARY KEY, email {bytes}, {}, \
         _fieldseal_version {version})",
        columns.join(", ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_sqlite() {
    each_is_exact_or_held_alone(Server::Sqlite, &sqlite::COLUMNS, sqlite::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_postgres() {
    each_is_exact_or_held_alone(Server::Postgres, &postgres::COLUMNS, postgres::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_mariadb() {
    each_is_exact_or_held_alone(Server::MariaDb, &mariadb::COLUMNS, mariadb::cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_mysql() {
    if Server::MySql.is_there() {
        each_is_exact_or_held_alone(Server::MySql, &mariadb::COLUMNS, mariadb::mysql()).await;
    }
}

/// A sealed value takes 46 bytes more than the text, and not one more fits.
#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_value_that_is_too_long_for_its_column_is_held_alone() {
    let policy = policy(&format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\n\
         [tables.\"{TABLE}\".columns]\nemail = {{ seal = \"contact\", kind = \"text\" }}\nu8 = \"keep\""
    ));
    let tables = script(Server::MariaDb, &mariadb::COLUMNS[..1]);
    let rig = Rig::with(Server::MariaDb, policy, &tables, |provider| provider).await;
    let longest = 200 - 46;
    let all = (1..)
        .zip([longest - 1, longest, longest + 1, longest + 2])
        .map(|(id, length)| {
            let (key, text) = (u32::to_string(&id), "x".repeat(length));
            let cells = [
                ("id", Wire::Number(&key)),
                ("email", Wire::Text(&text)),
                ("u8", Wire::Null),
            ];
            records::insert(id, TABLE, &cells)
        });
    rig.run(MemorySource::of(all.collect())).await;
    assert_eq!(
        rig.held_reasons().await,
        ["3 does-not-fit email", "4 does-not-fit email"]
    );
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(rows["2"]["email"].len(), longest);
    rig.end().await;
}
