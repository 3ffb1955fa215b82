//! The answer to a COMMIT gets lost between server and worker, again and again: the worker cannot
//! know what happened, and yet every record takes effect once and is counted once.

#![expect(
    clippy::print_stdout,
    reason = "a test says its seed and what it counted"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fieldseal_db::{Connect, Database};
use fieldseal_pipeline::{TableLayout, Target as _};
use fieldseal_store::Store;
use fieldseal_tests::course::{Course, POLICY, TABLES, number, rows};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, policy_with};
use fieldseal_tests::proxy::{Fate, Proxy};
use fieldseal_tests::random::Random;

const COURSE: Course = Course {
    shards: 4,
    blocks: 12,
    block: 40,
};

/// Records of a batch: 60 batches of each shard.
const BATCH: u64 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    lost_answers(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb() {
    lost_answers(Server::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mysql() {
    if Server::MySql.is_there() {
        lost_answers(Server::MySql).await;
    }
}

async fn lost_answers(server: Server) {
    let mut random = Random::seeded(&format!("lost answers, {server:?}"));
    let rig = Rig::new(
        server,
        policy_with(&format!("max_batch_rows = {BATCH}"), POLICY),
    )
    .await;
    let decide = move || match random.below(9) {
        0 => Fate::AnswerLost,
        1 => Fate::CutAtOnce,
        2 => Fate::NeverSent,
        _ => Fate::Passed,
    };
    let proxy = Proxy::start(address(&rig.database.url), rig.database.dialect(), decide).await;
    let store = store_through(&rig, server, proxy.address()).await;
    // Only a hang lasts so long.
    let run = rig.run_into(source(), Arc::clone(&store));
    let run = tokio::time::timeout(Duration::from_secs(300), run).await;
    let (summary, _) = run.expect("no shard hangs");
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);

    let fates = [
        Fate::Passed,
        Fate::AnswerLost,
        Fate::CutAtOnce,
        Fate::NeverSent,
    ];
    let commits = fates.map(|fate| (fate, proxy.commits(fate)));
    println!("{server:?}: {commits:?}");
    assert!(
        commits.iter().all(|(_, commits)| *commits >= 5),
        "every fate is met"
    );
    let database = &rig.database.database;
    COURSE.check_versions(database).await;
    COURSE.check_counters(database).await;
    for table in TABLES {
        COURSE.check_opened(table, &rig.open_all(table).await);
    }
    for row in rows(database, "SELECT sequence, closed FROM fieldseal_shards").await {
        assert_eq!(row.text(0).expect("a place"), COURSE.records().to_string());
        assert_eq!(number(&row, 1), 1, "the shard is closed");
    }
    store.database().close().await;
    drop(proxy);
    rig.end().await;
}

/// Only what is applied goes through the proxy; keys are reserved directly.
async fn store_through(rig: &Rig, server: Server, proxy: SocketAddr) -> Arc<Store> {
    let url = &rig.database.url;
    let mut url = url.replacen(&address(url).to_string(), &proxy.to_string(), 1);
    if server == Server::MySql {
        // It offers TLS, under which the proxy would see no COMMIT.
        url.push_str("?ssl-mode=DISABLED");
    }
    let database = Database::connect(&url, Connect::default()).await;
    let store = Store::new(database.expect("the proxy passes on"), &rig.policy);
    let layouts: Vec<TableLayout> = rig.policy.tables().iter().map(TableLayout::of).collect();
    let described = store.describe(&layouts).await;
    described.expect("the target is as it was");
    Arc::new(store)
}

fn source() -> MemorySource {
    (0..COURSE.shards).fold(MemorySource::default(), |source, shard| {
        let name = format!("shard-{shard}");
        source.made(&name, COURSE.records(), move |number| {
            COURSE.record(shard, number)
        })
    })
}

/// Where the server of a URL `scheme://user:password@address/name` is.
fn address(url: &str) -> SocketAddr {
    let place = url
        .rsplit_once('/')
        .and_then(|(before, _)| before.rsplit_once('@'));
    let (_, place) = place.expect("the URL has a user and a name");
    place
        .parse()
        .expect("the test servers are named by address")
}
