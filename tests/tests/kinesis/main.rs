//! Kinesis as the double plays it, read by the real SDK into SQLite: splits and merges, failures,
//! an old database restored, marks, and records that were dropped before they were read. Owns the
//! rows, and how they are written and read.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is the failure, and it says what it tried"
)]

mod begin;
mod lineage;
mod retention;

use std::collections::BTreeSet;
use std::sync::Arc;

use fieldseal_dms::Wire;
use fieldseal_kinesis::Start;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::RunSummary;
use fieldseal_tests::aws::stream::Stream;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::records::insert;
use fieldseal_tests::harness::{Rig, policy};

const TABLE: &str = "shop.customers";

/// Writes rows of these numbers, spread over the shards by their keys; answers where the last
/// one went.
async fn write(stream: &Stream, numbers: std::ops::Range<u32>) -> (String, SequenceNumber) {
    let mut last = None;
    for number in numbers {
        let id = number.to_string();
        let cells = [("id", Wire::Number(&id)), ("name", Wire::Text("ada"))];
        let data = insert(number, TABLE, &cells);
        last = Some(stream.put(&format!("{TABLE}.{id}"), data).await);
    }
    let last = last.unwrap();
    (last.shard_id, last.sequence_number.parse().unwrap())
}

async fn rig() -> Rig {
    rig_on(Server::Sqlite).await
}

async fn rig_on(server: Server) -> Rig {
    let text = format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\n\
         [tables.\"{TABLE}\".columns]\nname = {{ seal = \"contact\", kind = \"text\" }}\n"
    );
    Rig::new(server, policy(&text)).await
}

async fn rows(rig: &Rig) -> usize {
    rig.open_all(TABLE).await.len()
}

/// The numbers of the rows.
async fn ids(rig: &Rig) -> BTreeSet<u32> {
    let all = rig.open_all(TABLE).await.into_keys();
    all.map(|key| {
        key.trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap()
    })
    .collect()
}

/// Reads until idle, as a new process would.
async fn read(stream: &Stream, rig: &Rig) -> RunSummary {
    let (summary, _) = rig
        .run_into(
            stream.source(Start::TrimHorizon).await,
            Arc::clone(&rig.store),
        )
        .await;
    summary
}

async fn read_all(stream: &Stream, rig: &Rig) {
    let summary = read(stream, rig).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
}
