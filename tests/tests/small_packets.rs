//! Statements that a database would refuse for their size: a server that takes small packets only
//! (MariaDB refuses a larger one by number, MySQL cuts the connection in the middle of it), and
//! SQLite's count of parameters. Nothing that fits alone may be refused because of its company. A
//! file of its own, since the limit is the whole server's.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fieldseal_db::{Connect, Database};
use fieldseal_dms::Wire;
use fieldseal_pipeline::{
    Bound, Committed, RowChange, RunSummary, TableLayout, Target as _, TargetError,
};
use fieldseal_store::{ReadyBatch, Store};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::around::{Apply, Around};
use fieldseal_tests::harness::records::{delete, insert};
use fieldseal_tests::harness::{MemorySource, Rig, policy};
use tokio::sync::watch;
use tokio::time::timeout;

const TABLE: &str = "shop.customers";

const SMALL: usize = 1 << 20;

/// A run that is tried again for ever must end somehow; one that ends takes a second.
const LIMIT: Duration = Duration::from_secs(300);

/// Hands every batch on and notes what was refused.
#[derive(Default)]
struct Watch {
    applied: AtomicU32,
    refused: Mutex<Vec<String>>,
}

#[async_trait]
impl Apply for Watch {
    async fn apply(&self, store: &Store, batch: &ReadyBatch) -> Result<Committed, TargetError> {
        let answer = store.apply(batch).await;
        match &answer {
            Ok(_) => {
                self.applied.fetch_add(1, Ordering::Relaxed);
            }
            // One with a value that no packet holds is rightly refused.
            Err(_) if largest(batch) >= SMALL => {}
            Err(error) => {
                let rows = batch.batch().rows().len();
                let said = format!("{rows} rows: {error}");
                self.refused.lock().expect("nobody panicked").push(said);
            }
        }
        answer
    }
}

/// The longest value of a batch, or record that it holds.
fn largest(batch: &ReadyBatch) -> usize {
    let rows = batch.batch().rows().iter();
    let values = rows.filter_map(|row| match row.change() {
        RowChange::Upsert(values) => Some(values),
        RowChange::Delete => None,
    });
    let bytes = values.flatten().map(|value| match value {
        Bound::Text(text) => text.len(),
        Bound::Bytes(bytes) => bytes.len(),
        Bound::Null | Bound::Int(_) | Bound::Unsigned(_) => 8,
    });
    let held = batch.batch().quarantine().iter();
    bytes
        .chain(held.map(|entry| entry.payload.len()))
        .max()
        .unwrap_or(0)
}

/// Reads `records` into the rig's database over connections that know the server's present limit.
async fn watched(rig: &Rig, records: Vec<Vec<u8>>) -> (RunSummary, Vec<String>) {
    let fresh = Database::connect(&rig.database.url, Connect::default())
        .await
        .expect("the server answers");
    let store = Arc::new(Store::new(fresh.clone(), &rig.policy));
    let layouts: Vec<_> = rig.policy.tables().iter().map(TableLayout::of).collect();
    store.describe(&layouts).await.expect("the tables fit");
    let around = Around::new(&store, Watch::default());
    let (stop, shutdown) = watch::channel(false);
    let run = rig.run_until(MemorySource::of(records), Arc::clone(&around), shutdown);
    let ended = timeout(LIMIT, run).await;
    fresh.close().await;
    drop(stop);
    let refused = around
        .apply
        .refused
        .lock()
        .expect("nobody panicked")
        .clone();
    let applied = around.apply.applied.load(Ordering::Relaxed);
    let (summary, _) = ended
        .unwrap_or_else(|_| panic!("tried for ever; {applied} batches are in, {refused:?} not"));
    (summary, refused)
}

/// The same while the server takes small packets only.
async fn watched_small(rig: &Rig, records: Vec<Vec<u8>>) -> (RunSummary, Vec<String>) {
    let old = rig
        .query("SELECT CAST(@@GLOBAL.max_allowed_packet AS CHAR)", &[])
        .await;
    let old = old[0].text(0).expect("a number");
    let set = |size: &str| format!("SET GLOBAL max_allowed_packet = {size}");
    rig.sql(&set(&SMALL.to_string()), &[]).await;
    let answer = watched(rig, records).await;
    rig.sql(&set(&old), &[]).await;
    answer
}

/// Names so long that a batch of them is beyond a packet, and one that is so alone.
async fn long_values(server: Server) {
    let columns = "[tables.\"shop.customers\"]\nkey = { id = \"integer\" }\n\
                   columns.name = { seal = \"contact\", kind = \"text\" }\n";
    let rig = Rig::new(server, policy(columns)).await;
    let record = |n: u32, name: &str| {
        let id = n.to_string();
        let cells = [("id", Wire::Number(&id)), ("name", Wire::Text(name))];
        insert(n, TABLE, &cells)
    };
    let mut records: Vec<Vec<u8>> = (1..=40).map(|n| record(n, &"-".repeat(100_000))).collect();
    records.push(record(99, &"x".repeat(3 << 20)));
    let (summary, refused) = watched_small(&rig, records).await;
    // The last one is too large to be held as well: the shard stops there and says so.
    assert_eq!(rig.open_all(TABLE).await.len(), 40, "{:?}", summary.stopped);
    assert_eq!(summary.stopped.len(), 1);
    assert_eq!(refused, Vec::<String>::new());
    rig.end().await;
}

/// Makes a record of a change.
type Made = fn(u32, &[(&str, Wire<'_>)]) -> Vec<u8>;

/// Keys so long that the question for their stored versions is beyond a packet.
async fn long_keys(server: Server) {
    let columns = "[tables.\"shop.customers\"]\nkey = { code = \"text\" }\n\
                   columns.name = { seal = \"contact\", kind = \"text\" }\n";
    let policy = policy(columns);
    let tables = fieldseal_store::create_tables(&policy, server.dialect(), None);
    let tables = tables.expect("the policy can be spelled");
    // As long as InnoDB takes a key: 3,072 bytes.
    let long = tables.replacen("VARCHAR(255)", "VARCHAR(768)", 1);
    assert_ne!(long, tables);
    let rig = Rig::with(server, policy, &long, |provider| provider).await;
    let code = |n: u32| format!("{n:04}{}", "\u{1F600}".repeat(760));
    let all = |change: Made, first: u32| {
        let change = |n| {
            change(
                first + n,
                &[("code", Wire::Text(&code(n))), ("name", Wire::Text("ada"))],
            )
        };
        (0..400).map(change).collect::<Vec<_>>()
    };
    let inserts = all(|n, cells| insert(n, TABLE, cells), 1);
    let (summary, refused) = watched_small(&rig, inserts.clone()).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(rig.open_all(TABLE).await.len(), 400);
    // Deletes ask for the stored versions as well.
    let deletes = all(|n, cells| delete(n, TABLE, &cells[..1]), 1_001);
    let both = inserts.into_iter().chain(deletes).collect();
    let (summary, refused) = watched_small(&rig, both).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(rig.open_all(TABLE).await.len(), 0);
    rig.end().await;
}

#[tokio::test]
async fn nothing_is_refused_for_its_company_on_mariadb() {
    long_values(Server::MariaDb).await;
    long_keys(Server::MariaDb).await;
}

#[tokio::test]
async fn nothing_is_refused_for_its_company_on_mysql() {
    if Server::MySql.is_there() {
        long_values(Server::MySql).await;
        long_keys(Server::MySql).await;
    }
}

/// SQLite takes 32,766 parameters. A look-up of 1,024 keys of 33 columns would have 33,792; other
/// databases have no such primary keys.
#[tokio::test]
async fn nothing_is_refused_for_the_columns_of_its_key_on_sqlite() {
    const COLUMNS: usize = 33;
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("k{column}")).collect();
    let key: Vec<String> = names
        .iter()
        .map(|name| format!("{{ {name} = \"integer\" }}"))
        .collect();
    let columns = format!(
        "[tables.\"shop.customers\"]\nkey = [{}]\n\
         columns.name = {{ seal = \"contact\", kind = \"text\" }}\n",
        key.join(", ")
    );
    let rig = Rig::new(Server::Sqlite, policy(&columns)).await;
    let records = (1..=600_u32).map(|n| {
        let id = n.to_string();
        let mut cells: Vec<(&str, Wire<'_>)> = names
            .iter()
            .map(|name| (name.as_str(), Wire::Number(&id)))
            .collect();
        cells.push(("name", Wire::Text("ada")));
        insert(n, TABLE, &cells)
    });
    let (summary, refused) = watched(&rig, records.collect()).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(rig.open_all(TABLE).await.len(), 600);
    rig.end().await;
}
