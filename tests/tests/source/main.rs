//! What is asked of a source, on real servers: L and what it waits for, rights, settings, keys and
//! foreign keys. Owns the databases; the command that uses it is in `source_cli`.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod account;
mod position;
mod postgres;
mod waiting;

use std::time::Duration;

use fieldseal_db::Database;
use fieldseal_policy::Policy;
use fieldseal_source::{Reading, SourceDatabase, StillOpen};
use fieldseal_tests::databases::TestDatabase;

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
