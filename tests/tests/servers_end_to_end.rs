//! Loads, inserts, updates, deletes and changed keys over several shards, on every server, against
//! a plain map that never sees a record. Owns that every row opens to the truth, is found by its
//! blind index, and that a worker whose shard was taken over writes nothing more. The ordering
//! rule under hostile histories is tested with the histories.

use std::collections::BTreeMap;

use fieldseal_dms::Wire;
use fieldseal_model::Value;
use fieldseal_pipeline::StopReason;
use fieldseal_policy::Policy;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::faults::{ApplyFault, FaultyTarget};
use fieldseal_tests::harness::{MemorySource, Opened, Rig, counter, policy_with, records};

const TABLE: &str = "shop.members";
const SHARDS: usize = 4;

fn members() -> Policy {
    policy_with(
        "max_batch_rows = 64",
        r#"
[tables."shop.members"]
key = [{ tenant = "integer" }, { code = "text" }]
first_load = "unregistered"
[tables."shop.members".columns]
born  = { seal = "identity", kind = "date" }
paid  = { seal = "payment", kind = "decimal", scale = 2 }
notes = { seal = "contact", kind = "text", pad = 64, seal_null = true }
level = "keep"
[tables."shop.members".columns.email]
seal = "contact"
kind = "text"
index = [{ name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx" }]
mask = [{ email_domain = true, column = "email_domain" }]
"#,
    )
}

/// A row as the shop has it.
#[derive(Clone)]
struct Member {
    email: String,
    born: Option<String>,
    paid: String,
    notes: Option<String>,
    level: String,
}

type Key = (u32, String);

/// xorshift64* (Vigna 2016): the same seed gives the same history everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        u32::try_from(high % u64::from(limit)).expect("below a u32")
    }

    /// Keys that a careless collation would take for one another.
    fn key(&mut self) -> Key {
        let codes = [
            "abc",
            "ABC",
            "abc ",
            "äbc",
            "a\u{308}bc",
            "ß",
            "ss",
            "x'y\"z`",
            "10",
            "010",
        ];
        let code = codes[self.below(10) as usize];
        (self.below(12) + 1, code.to_owned())
    }

    fn member(&mut self) -> Member {
        let number = self.below(1_000_000);
        let half = self.below(2) == 0;
        Member {
            email: format!("  Member{number}@Example.ORG "),
            born: half
                .then(|| format!("19{:02}-0{}-1{}", number % 100, number % 9 + 1, number % 10)),
            paid: format!("{}.{:02}", number % 5_000, number % 100),
            notes: (!number.is_multiple_of(3)).then(|| "грüße 😀 ".repeat((number % 40) as usize)),
            level: format!("level {}", number % 4),
        }
    }
}

/// The shop with everything DMS would have sent of it.
struct Shop {
    /// Shown by whatever fails: it makes the same shop again.
    seed: u64,
    dice: Dice,
    rows: BTreeMap<Key, Member>,
    change: u32,
    shards: Vec<Vec<Vec<u8>>>,
}

impl Shop {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            dice: Dice(seed),
            rows: BTreeMap::new(),
            change: 0,
            shards: vec![Vec::new(); SHARDS],
        }
    }

    fn send(&mut self, record: Vec<u8>) {
        let shard = self.dice.below(u32::try_from(SHARDS).expect("a few")) as usize;
        if self.dice.below(20) == 0 {
            self.shards[(shard + 1) % SHARDS].push(record.clone());
        }
        self.shards[shard].push(record);
    }

    fn load(&mut self, rows: u32) {
        for _ in 0..rows {
            let (key, member) = (self.dice.key(), self.dice.member());
            if self.rows.contains_key(&key) {
                continue;
            }
            let record = with_cells(&key, &member, |cells| records::load(TABLE, cells));
            self.rows.insert(key, member);
            self.send(record);
        }
    }

    fn live(&mut self, changes: u32) {
        for _ in 0..changes {
            self.change += 1;
            let n = self.change;
            let (key, member) = (self.dice.key(), self.dice.member());
            let known = self.rows.contains_key(&key);
            let record = match self.dice.below(10) {
                _ if !known => {
                    let record =
                        with_cells(&key, &member, |cells| records::insert(n, TABLE, cells));
                    self.rows.insert(key, member);
                    record
                }
                0..=1 => {
                    self.rows.remove(&key);
                    with_key(&key, |cells| records::delete(n, TABLE, cells))
                }
                2..=3 => {
                    let new = self.dice.key();
                    if self.rows.contains_key(&new) {
                        continue;
                    }
                    self.rows.remove(&key);
                    let record = with_cells(&new, &member, |cells| {
                        with_key(&key, |before| records::update(n, TABLE, cells, before))
                    });
                    self.rows.insert(new, member);
                    record
                }
                _ => {
                    let record =
                        with_cells(&key, &member, |cells| records::update(n, TABLE, cells, &[]));
                    self.rows.insert(key, member);
                    record
                }
            };
            self.send(record);
        }
    }

    fn source(&self) -> MemorySource {
        let shards = self.shards.iter().enumerate();
        shards.fold(MemorySource::default(), |source, (number, records)| {
            source.shard(&format!("s{number}"), records.clone())
        })
    }

    fn records(&self) -> u64 {
        self.shards.iter().map(|shard| shard.len() as u64).sum()
    }

    /// The truth in the form in which rows are opened.
    fn truth(&self) -> BTreeMap<String, Opened> {
        self.rows
            .iter()
            .map(|((tenant, code), member)| {
                let mut cells = Opened::new();
                let mut put = |name: &str, value: &str| cells.insert(name.into(), value.into());
                put("tenant", &tenant.to_string());
                put("code", code);
                put("email", &member.email);
                put("level", &member.level);
                let paid = member.paid.trim_end_matches('0').trim_end_matches('.');
                put("paid", if paid.is_empty() { "0" } else { paid });
                if let Some(born) = &member.born {
                    put("born", born);
                }
                if let Some(notes) = &member.notes {
                    put("notes", notes);
                }
                (format!("{tenant}/{code}"), cells)
            })
            .collect()
    }
}

fn with_cells<R>(key: &Key, member: &Member, write: impl FnOnce(records::Cells<'_>) -> R) -> R {
    let tenant = key.0.to_string();
    write(&[
        ("tenant", Wire::Number(&tenant)),
        ("code", Wire::Text(&key.1)),
        ("email", Wire::Text(&member.email)),
        (
            "born",
            member.born.as_deref().map_or(Wire::Null, Wire::Text),
        ),
        ("paid", Wire::Text(&member.paid)),
        (
            "notes",
            member.notes.as_deref().map_or(Wire::Null, Wire::Text),
        ),
        ("level", Wire::Text(&member.level)),
    ])
}

fn with_key<R>(key: &Key, write: impl FnOnce(records::Cells<'_>) -> R) -> R {
    let tenant = key.0.to_string();
    // As a string here and a number there: DMS does both.
    write(&[
        ("tenant", Wire::Text(&tenant)),
        ("code", Wire::Text(&key.1)),
    ])
}

async fn every_row_is_the_shops(server: Server) {
    let mut rig = Rig::new(server, members()).await;
    let mut shop = Shop::new(0x5eed_0001);
    shop.load(150);
    shop.live(600);
    rig.run(shop.source()).await;
    compare(&rig, &shop).await;

    // The service starts again where it stopped, and the shop lives on.
    shop.live(600);
    rig.restart().await;
    rig.run(shop.source()).await;
    compare(&rig, &shop).await;

    let status = rig.table_status(TABLE).await;
    let counted: u64 = ["loads", "inserts", "updates", "deletes", "skipped"]
        .iter()
        .map(|name| counter(&status, name))
        .sum();
    assert_eq!(
        counted,
        shop.records(),
        "every record is counted exactly once"
    );
    assert_eq!(status.rows, shop.rows.len() as u64);
    assert_eq!(status.foreign_rows, 0);
    assert!(rig.held().await.is_empty());
    assert_eq!(status.taint, None);
    looked_up(&rig, &shop).await;
    rig.end().await;
}

async fn compare(rig: &Rig, shop: &Shop) {
    let (rows, truth) = (rig.open_all(TABLE).await, shop.truth());
    let keys = |rows: &BTreeMap<String, Opened>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&rows), keys(&truth), "seed {:#x}", shop.seed);
    for (key, expected) in &truth {
        assert_eq!(&rows[key], expected, "row {key}, seed {:#x}", shop.seed);
    }
}

async fn looked_up(rig: &Rig, shop: &Shop) {
    let (vault, table) = (rig.vault(), rig.table(TABLE));
    for ((tenant, code), member) in shop.rows.iter().take(40) {
        let asked = Value::text(&member.email.trim().to_lowercase());
        let found = vault
            .find(table, "email", "exact", &asked)
            .await
            .expect("it can be asked");
        let same = shop
            .rows
            .values()
            .filter(|other| other.email == member.email)
            .count();
        assert_eq!(found.len(), same, "{tenant}/{code}");
        let key = [tenant.to_string(), code.clone()];
        let row = vault.by_key(table, &key).await.expect("it can be asked");
        assert!(
            row.is_some_and(|row| row.failures().count() == 0),
            "{tenant}/{code}"
        );
    }
    let nobody = Value::text("nobody@example.org");
    let found = vault
        .find(table, "email", "exact", &nobody)
        .await
        .expect("it can be asked");
    assert!(found.is_empty());
}

async fn a_worker_whose_shard_was_taken_over_writes_nothing_more(server: Server) {
    let rig = Rig::new(server, members()).await;
    let mut shop = Shop::new(0x5eed_0002);
    shop.live(300);
    // The second worker comes while the first one's second batch is ready.
    let slow = FaultyTarget::first(&rig.store, &[ApplyFault::AnswerLost, ApplyFault::TakenOver]);
    let only = MemorySource::of(shop.shards[0].clone());
    let (summary, progress) = rig.run_into(only.clone(), slow).await;
    assert!(
        matches!(summary.stopped["s0"], StopReason::Fenced),
        "{:?}",
        summary.stopped
    );
    // Its first commit took place, but it lost the shard before it could know.
    assert_eq!(progress.records(), 0);
    let first = rig.status().await;
    let sequence: u64 = first.shards[0].sequence.parse().expect("a number");
    assert_eq!(
        sequence,
        64.min(shop.shards[0].len() as u64),
        "only what it had committed before"
    );

    rig.run(shop.source()).await;
    compare(&rig, &shop).await;
    let status = rig.table_status(TABLE).await;
    let counted: u64 = status.counters.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, shop.records(), "nothing is counted twice");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_the_shops_on_sqlite() {
    every_row_is_the_shops(Server::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_the_shops_on_postgres() {
    every_row_is_the_shops(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_the_shops_on_mariadb() {
    every_row_is_the_shops(Server::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_taken_over_writes_nothing_more_on_sqlite() {
    a_worker_whose_shard_was_taken_over_writes_nothing_more(Server::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_taken_over_writes_nothing_more_on_postgres() {
    a_worker_whose_shard_was_taken_over_writes_nothing_more(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_taken_over_writes_nothing_more_on_mariadb() {
    a_worker_whose_shard_was_taken_over_writes_nothing_more(Server::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_the_shops_on_mysql() {
    if Server::MySql.is_there() {
        every_row_is_the_shops(Server::MySql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_taken_over_writes_nothing_more_on_mysql() {
    if Server::MySql.is_there() {
        a_worker_whose_shard_was_taken_over_writes_nothing_more(Server::MySql).await;
    }
}
