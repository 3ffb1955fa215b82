//! A stream whose answers do not come, and one whose producer's library puts records together: by
//! the real SDK from the double into SQLite.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::sync::Arc;
use std::time::Duration;

use fieldseal_dms::{AGGREGATED, Wire};
use fieldseal_doubles::Fault;
use fieldseal_kinesis::Start;
use fieldseal_pipeline::{RunSummary, open_held};
use fieldseal_tests::aws::stream::Stream;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::records::insert;
use fieldseal_tests::harness::{Rig, policy};

const TABLE: &str = "shop.customers";

/// Far beyond every limit: an answer that is waited for does not come within the test.
const NEVER: Duration = Duration::from_secs(3_600);
/// What a test takes at most where nothing is waited for without a limit.
const LIMIT: Duration = Duration::from_secs(120);

struct Play {
    stream: Stream,
    rig: Rig,
}

impl Play {
    async fn new() -> Self {
        let table = format!(
            "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\nfirst_load = \"unregistered\"\n\
             [tables.\"{TABLE}\".columns]\nname = {{ seal = \"contact\", kind = \"text\" }}\n"
        );
        Self {
            stream: Stream::start(1).await,
            rig: Rig::new(Server::Sqlite, policy(&table)).await,
        }
    }

    async fn put(&self, data: Vec<u8>) {
        self.stream.put(TABLE, data).await;
    }

    /// Reads until idle, with the limits that the binary has too.
    async fn read(&self) -> RunSummary {
        let source = self.stream.source(Start::TrimHorizon).await;
        let ran = self.rig.run_into(source, Arc::clone(&self.rig.store));
        let ran = tokio::time::timeout(LIMIT, ran).await;
        ran.expect("a call has a limit").0
    }

    async fn ids(&self) -> Vec<String> {
        self.rig.open_all(TABLE).await.into_keys().collect()
    }
}

fn change(id: u32) -> Vec<u8> {
    let text = id.to_string();
    let cells = [("id", Wire::Number(&text)), ("name", Wire::Text("ada"))];
    insert(id, TABLE, &cells)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_not_answered_is_given_up_and_made_again() {
    let play = Play::new().await;
    for id in 1..=9 {
        play.put(change(id)).await;
    }
    play.stream
        .double
        .faults()
        .next("GetRecords", Fault::Latency(NEVER), 1);
    let summary = play.read().await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    let all: Vec<String> = (1..=9).map(|id| id.to_string()).collect();
    assert_eq!(play.ids().await, all);
    assert!(play.stream.double.calls().of("GetRecords") > 1);
    play.rig.end().await;
}

/// A row of a load, always the same bytes.
fn row(id: u32) -> Vec<u8> {
    format!(
        r#"{{"data":{{"id":{id},"name":"ada"}},"metadata":{{"timestamp":"2024-05-02T08:00:00.000000Z","record-type":"data","operation":"load","schema-name":"shop","table-name":"customers"}}}}"#
    )
    .into_bytes()
}

/// MD5 of the message of rows 1 and 2.
const CHECKSUM: u128 = 0xe131_7f26_60de_2e20_6d9b_cdca_573a_c082;

/// The rows as the producer library puts them together, with this checksum behind them.
fn aggregated(ids: [u32; 2], checksum: u128) -> Vec<u8> {
    let mut message = field(1, TABLE.as_bytes());
    for id in ids {
        let record = [&[0x08, 0][..], &field(3, &row(id))].concat();
        message.extend(field(3, &record));
    }
    [&AGGREGATED[..], &message, &checksum.to_be_bytes()].concat()
}

/// A field of bytes, its length in two groups of seven bits.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let groups = [(length & 0x7f) | 0x80, length >> 7].map(|group| u8::try_from(group).unwrap());
    [&[number << 3 | 2][..], &groups, bytes].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_aggregate_is_held_by_its_name_and_a_good_one_is_rows() {
    let play = Play::new().await;
    let damaged = aggregated([3, 4], CHECKSUM);
    play.put(aggregated([1, 2], CHECKSUM)).await;
    play.put(damaged.clone()).await;
    play.put(row(5)).await;
    let summary = play.read().await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(play.ids().await, ["1", "2", "5"]);
    let held = play.rig.held().await;
    let reasons: Vec<&str> = held.iter().map(|entry| entry.reason.as_str()).collect();
    assert_eq!(reasons, ["broken-aggregate"]);
    let opened = open_held(&play.rig.preparer, &held[0].record).await;
    assert_eq!(opened.unwrap().expose(), damaged, "all of it is kept");
    play.rig.end().await;
}
