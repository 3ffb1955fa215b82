//! A server that takes small packets only: MariaDB refuses a larger one by number, MySQL cuts the
//! connection in the middle of it. Neither may hold up what fits. A file of its own, since the limit
//! is the whole server's.

use std::sync::Arc;
use std::time::Duration;

use fieldseal_db::{Connect, Database};
use fieldseal_dms::Wire;
use fieldseal_pipeline::{TableLayout, Target as _};
use fieldseal_store::Store;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::records::insert;
use fieldseal_tests::harness::{MemorySource, Rig, policy};
use tokio::sync::watch;
use tokio::time::timeout;

const TABLE: &str = "shop.customers";

const TABLES: &str = r#"
[tables."shop.customers"]
key = { id = "integer" }
[tables."shop.customers".columns]
name = { seal = "contact", kind = "text" }
"#;

/// A run that is tried again for ever must end somehow; one that ends takes a second.
const LIMIT: Duration = Duration::from_secs(40);

fn cells<'a>(id: &'a str, name: &'a str) -> [(&'a str, Wire<'a>); 2] {
    [("id", Wire::Number(id)), ("name", Wire::Text(name))]
}

/// A server that takes small packets only: what is over its limit is refused, and the rest goes on.
async fn beyond_the_largest_packet(server: Server) {
    let rig = Rig::new(server, policy(TABLES)).await;
    let old = rig
        .query("SELECT CAST(@@GLOBAL.max_allowed_packet AS CHAR)", &[])
        .await;
    let old = old[0].text(0).expect("a number");
    rig.sql("SET GLOBAL max_allowed_packet = 1048576", &[])
        .await;
    let names: Vec<String> = (0..40)
        .map(|n| format!("{n}{}", "-".repeat(100_000)))
        .collect();
    let ids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let mut records: Vec<Vec<u8>> = (1..)
        .zip(names.iter().zip(&ids))
        .map(|(n, (name, id))| insert(n, TABLE, &cells(id, name)))
        .collect();
    let long = "x".repeat(3 << 20);
    records.push(insert(99, TABLE, &cells("99", &long)));
    // New connections learn the limit.
    let url = rig.database.url.clone();
    let policy = Arc::clone(&rig.policy);
    let fresh = Database::connect(&url, Connect::default())
        .await
        .expect("the server answers");
    let store = Arc::new(Store::new(fresh.clone(), &policy));
    let layouts: Vec<_> = policy.tables().iter().map(TableLayout::of).collect();
    store.describe(&layouts).await.expect("the tables fit");
    let (stop, shutdown) = watch::channel(false);
    let run = rig.run_until(MemorySource::of(records), store, shutdown);
    let ended = timeout(LIMIT, run).await;
    rig.sql(&format!("SET GLOBAL max_allowed_packet = {old}"), &[])
        .await;
    let rows = rig.open_all(TABLE).await.len();
    fresh.close().await;
    drop(stop);
    let (summary, _) = ended.unwrap_or_else(|_| panic!("tried for ever; {rows} rows are in"));
    // The last one is too large to be held as well: the shard stops there and says so.
    assert_eq!(rows, 40, "{:?}", summary.stopped);
    rig.end().await;
}

#[tokio::test]
async fn a_packet_too_large_does_not_hold_up_the_shard_on_mariadb() {
    beyond_the_largest_packet(Server::MariaDb).await;
}

#[tokio::test]
async fn a_packet_too_large_does_not_hold_up_the_shard_on_mysql() {
    if Server::MySql.is_there() {
        beyond_the_largest_packet(Server::MySql).await;
    }
}
