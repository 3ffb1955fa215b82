//! Broken and odd records in the middle of good ones, through the whole pipeline. Owns what
//! becomes of each file of `fixtures/hostile`, as `fixtures/hostile-outcomes.tsv` says; what the
//! decoder alone makes of them is tested beside the decoder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fieldseal_dms::Wire;
use fieldseal_pipeline::StopReason;
use fieldseal_policy::Policy;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, counter, policy_with, records};

const TABLE: &str = "shop.customers";

const TABLES: &str = r#"
[tables."shop.customers"]
key = { id = "integer" }
first_load = "unregistered"
[tables."shop.customers".columns]
name       = { seal = "identity", kind = "text", pad = 32 }
phone      = { seal = "contact", kind = "text", mask = [{ keep_last = 4, column = "phone_last4" }] }
birth_date = { seal = "identity", kind = "date" }
address    = { seal = "contact", kind = "text" }
notes      = { seal = "contact", kind = "text" }
created_at = { seal = "identity", kind = "datetime" }
score      = { seal = "identity", kind = "decimal", scale = 2 }
[tables."shop.customers".columns.email]
seal = "contact"
kind = "text"
index = [{ name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx" }]
"#;

/// Files whose position is of another kind of database: their shard must stop.
const OF_ANOTHER_ENGINE: [&str; 2] = [
    "185-postgres-position.json",
    "186-postgres-position-in-lower-case.json",
];

fn hostile_policy(unlisted_tables: &str) -> Policy {
    let source = format!("unlisted_tables = \"{unlisted_tables}\"\nmax_batch_rows = 50");
    policy_with(&source, TABLES)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn hostile() -> Vec<(String, Vec<u8>)> {
    let folder = std::fs::read_dir(fixtures().join("hostile")).expect("the folder is there");
    let paths = folder.map(|entry| entry.expect("the folder can be listed").path());
    let named = paths.map(|path| {
        (
            path.file_name().map(|n| n.to_string_lossy().into_owned()),
            path,
        )
    });
    let mut files: Vec<(String, Vec<u8>)> = named
        .filter_map(|(name, path)| Some((name?, std::fs::read(path).ok()?)))
        .filter(|(name, _)| name != "expect.tsv")
        .collect();
    files.sort();
    assert!(files.len() >= 200, "{} files", files.len());
    files
}

/// A good record: a row that no hostile record touches, standing behind every hostile position.
fn good(number: u32) -> Vec<u8> {
    let (id, email) = ((100_000 + number).to_string(), email(number));
    records::insert(
        1_000_000 + number,
        TABLE,
        &[
            ("id", Wire::Number(&id)),
            ("name", Wire::Text("Nora Beispiel")),
            ("email", Wire::Text(&email)),
            ("phone", Wire::Text("+49 30 5550000")),
            ("birth_date", Wire::Text("1984-03-09")),
            ("address", Wire::Text("Musterweg 4")),
            ("notes", Wire::Null),
            ("created_at", Wire::Text("2024-05-01T10:20:30Z")),
            ("score", Wire::Text("12.50")),
        ],
    )
}

fn email(number: u32) -> String {
    format!("good{number}@example.org")
}

/// What became of each hostile file when a good record stood before and behind it.
async fn outcomes(server: Server) -> BTreeMap<String, String> {
    let rig = Rig::new(server, hostile_policy("skip")).await;
    let files: Vec<_> = hostile()
        .into_iter()
        .filter(|(n, _)| !OF_ANOTHER_ENGINE.contains(&n.as_str()))
        .collect();
    let mut all = Vec::new();
    for (number, (_, bytes)) in (0..).zip(&files) {
        all.push(good(number));
        all.push(bytes.clone());
    }
    let goods = u32::try_from(files.len()).expect("a few hundred");
    all.push(good(goods));
    let progress = rig.run(MemorySource::of(all.clone())).await;
    assert_eq!(
        progress.records(),
        all.len() as u64,
        "every record is behind the checkpoint"
    );

    let rows = rig.open_all(TABLE).await;
    for number in 0..=goods {
        let row = rows.get(&(100_000 + number).to_string());
        let row = row.unwrap_or_else(|| panic!("good record {number} was not applied"));
        assert_eq!(row["email"], email(number));
        assert_eq!(row["score"], "12.5");
    }
    let broken = rows
        .values()
        .flatten()
        .filter(|(_, text)| text.starts_with('!'));
    assert_eq!(broken.count(), 0, "every value opens");

    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in rig.held().await {
        let column = entry
            .column
            .map(|column| format!(" {column}"))
            .unwrap_or_default();
        let reason = format!("{}: {}{column}", entry.record.index, entry.reason);
        held.entry(entry.record.sequence.to_string())
            .or_default()
            .push(reason);
    }
    let mut outcomes = BTreeMap::new();
    for (index, (name, _)) in files.into_iter().enumerate() {
        let sequence = (index * 2 + 2).to_string();
        let outcome = held.remove(&sequence).map_or_else(
            || "applied or ignored".to_owned(),
            |reasons| format!("quarantined {}", reasons.join(", ")),
        );
        outcomes.insert(name, outcome);
    }
    assert!(held.is_empty(), "no good record is held: {held:?}");
    let objects: usize = all
        .iter()
        .map(|record| fieldseal_dms::decode(record).count())
        .sum();
    assert_eq!(
        counted(&rig).await,
        objects as u64,
        "every object is counted once, nothing is lost"
    );
    rig.end().await;
    outcomes
}

/// Everything that was counted, as whatever it was.
async fn counted(rig: &Rig) -> u64 {
    let columns =
        "loads + inserts + updates + deletes + skipped + quarantined + controls + ignored";
    let rows = rig
        .query(&format!("SELECT {columns} FROM fieldseal_counters"), &[])
        .await;
    rows.iter()
        .map(|row| u64::try_from(row.int(0).expect("a count")).expect("a count"))
        .sum()
}

fn expected() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(fixtures().join("hostile-outcomes.tsv"));
    let text = text.expect("the outcomes are there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('\t'))
        .map(|(a, b)| (a.into(), b.into()))
        .collect()
}

fn compare(outcomes: &BTreeMap<String, String>) {
    let mut differ = String::new();
    let expected = expected();
    for (name, outcome) in outcomes {
        if expected.get(name) != Some(outcome) {
            let _ = writeln!(differ, "{name}\t{outcome}");
        }
    }
    assert!(differ.is_empty(), "these came to something else:\n{differ}");
    let unknown: Vec<_> = expected
        .keys()
        .filter(|name| !outcomes.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "no such files: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_ends_applied_ignored_or_quarantined_and_good_ones_are_applied_on_sqlite() {
    compare(&outcomes(Server::Sqlite).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_ends_applied_ignored_or_quarantined_and_good_ones_are_applied_on_postgres() {
    compare(&outcomes(Server::Postgres).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_ends_applied_ignored_or_quarantined_and_good_ones_are_applied_on_mariadb() {
    compare(&outcomes(Server::MariaDb).await);
}

/// One hostile record alone between two good ones, each in a shard of its own: only records of
/// another kind of database stop their shard; the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn none_but_those_of_another_engine_stops_its_shard_and_only_its_own() {
    let rig = Rig::new(Server::Sqlite, hostile_policy("stop")).await;
    let files = hostile();
    let mut source = MemorySource::default();
    for (number, (name, bytes)) in (0..).zip(&files) {
        let shard = vec![good(number * 2), bytes.clone(), good(number * 2 + 1)];
        source = source.shard(name, shard);
    }
    let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;

    let rows = rig.open_all(TABLE).await;
    for (number, (name, _)) in (0..).zip(&files) {
        let row = |good: u32| rows.contains_key(&(100_000 + number * 2 + good).to_string());
        assert!(row(0), "{name}: the record before it is applied");
        assert_eq!(
            row(1),
            !summary.stopped.contains_key(name),
            "{name}: the record behind it"
        );
        match summary.stopped.get(name) {
            None => assert!(summary.finished.contains(name), "{name}"),
            Some(StopReason::OtherEngine { .. }) => {
                assert!(OF_ANOTHER_ENGINE.contains(&name.as_str()), "{name}");
            }
            Some(other) => panic!("{name}: {other}"),
        }
    }
    for name in OF_ANOTHER_ENGINE {
        assert!(summary.stopped.contains_key(name), "{name}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_an_unlisted_table_stops_its_shard_until_the_policy_lists_it() {
    let rig = Rig::new(Server::Sqlite, hostile_policy("stop")).await;
    let stranger = records::insert(5, "shop.strangers", &[("id", Wire::Number("1"))]);
    let source = MemorySource::default()
        .shard("a", vec![good(0), stranger.clone(), good(1)])
        .shard("b", vec![good(2), good(3)]);
    for _ in 0..2 {
        let (summary, _) = rig.run_into(source.clone(), Arc::clone(&rig.store)).await;
        let reason = summary.stopped["a"].to_string();
        assert_eq!(
            reason,
            "shard a at 2: table shop.strangers is not in the policy; add it, or set \
             `unlisted_tables = \"skip\"`"
        );
        assert!(summary.finished.contains("b"));
        let rows: Vec<_> = rig.open_all(TABLE).await.into_keys().collect();
        assert_eq!(rows, ["100000", "100002", "100003"]);
    }
    let status = rig.status().await;
    let place = |shard: &str| {
        let found = status.shards.iter().find(|s| s.shard == shard);
        found.map(|s| s.sequence.clone())
    };
    assert_eq!(
        place("a").as_deref(),
        Some("1"),
        "it stands before the record"
    );
    assert_eq!(place("b").as_deref(), Some("2"));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_an_unlisted_table_is_skipped_where_the_policy_says_so() {
    let rig = Rig::new(Server::Sqlite, hostile_policy("skip")).await;
    let stranger = records::insert(5, "shop.strangers", &[("id", Wire::Number("1"))]);
    rig.run(MemorySource::of(vec![good(0), stranger, good(1)]))
        .await;
    assert_eq!(rig.open_all(TABLE).await.len(), 2);
    assert_eq!(rig.held().await.len(), 0);
    let ignored = rig
        .query(
            "SELECT ignored FROM fieldseal_counters WHERE table_id = ?",
            &["".into()],
        )
        .await;
    assert_eq!(ignored[0].int(0).expect("a count"), 1);
    assert_eq!(counter(&rig.table_status(TABLE).await, "ignored"), 0);
    rig.end().await;
}
