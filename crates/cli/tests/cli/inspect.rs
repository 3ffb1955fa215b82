//! Looking at DMS output, with and without a policy.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use fieldseal_dms::{ControlOperation, ControlRecord, Encoder, Spelling, Wire};
use fieldseal_model::Operation;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::shop::{Shop, change, customer, load};

fn records() -> Vec<Vec<u8>> {
    let unlisted = [("id", Wire::Number("1")), ("planet", Wire::Text("planted"))];
    vec![
        load("customers", &customer("1", "planted@example.org")),
        change("customers", Operation::Insert, (1, 100), &unlisted, None),
        b"{\"planted\": \n".to_vec(),
        load("accounts", &[("id", Wire::Number("1"))]),
        change(
            "customers",
            Operation::Delete,
            (2, 100),
            &[("id", Wire::Number("1"))],
            None,
        ),
        change(
            "customers",
            Operation::Delete,
            (1, 900),
            &[("id", Wire::Number("1"))],
            None,
        ),
        control(),
        load("awsdms_status", &[("task_name", Wire::Text("planted"))]),
    ]
}

/// A control record about the customers.
pub(crate) fn control() -> Vec<u8> {
    Encoder::new(Spelling::Compact).control(&ControlRecord {
        operation: ControlOperation::AddColumn,
        schema: "shop",
        table: "customers",
        timestamp: "2024-05-01T10:00:00.000000Z",
        task: "TASK",
        definition: None,
    })
}

#[test]
fn records_are_shown_without_their_values() {
    let shop = Shop::new();
    let good = shop.path("good.jsonl");
    fs::write(&good, records()[0].as_slice()).unwrap();
    let shown = shop.call(&["inspect", "good.jsonl"]).ends_with(0);
    assert_eq!(
        shown.out,
        "1: data load shop.customers at - [id, email, balance, photo, points] ok\n"
    );
    fs::write(shop.path("all"), records().concat()).unwrap();
    let shown = shop.call(&["inspect", "all", "--json"]).ends_with(4);
    let lines = shown.json_lines();
    assert_eq!(lines.len(), 8);
    assert_eq!(
        lines[1],
        json!({
            "record": 2, "kind": "data", "operation": "insert", "schema": "shop",
            "table": "customers", "columns": ["id", "planet"], "position": "1:100/1",
            "error": null,
        })
    );
    assert_eq!(lines[2]["kind"], "error");
    assert_eq!(lines[2]["error"], "not-json");
    let named = |line: &Value| json!([line["kind"], line["operation"], line["table"]]);
    assert_eq!(
        named(&lines[6]),
        json!(["control", "add-column", "customers"])
    );
    assert_eq!(
        named(&lines[7]),
        json!(["ignored", "load", "awsdms_status"])
    );
}

#[test]
fn a_policy_adds_its_verdict() {
    let shop = Shop::new();
    fs::write(shop.path("all"), records().concat()).unwrap();
    let shown = shop
        .call(&["inspect", "all", "--json", "--config", "policy.toml"])
        .ends_with(4);
    let verdicts: Vec<Value> = shown
        .json_lines()
        .iter()
        .map(|line| json!([line["verdict"], line["reason"]]))
        .collect();
    assert_eq!(
        verdicts,
        [
            json!(["applied", null]),
            json!(["quarantined", "unlisted-column"]),
            json!(["quarantined", "not-json"]),
            json!(["stops-the-shard", "unlisted-table"]),
            json!(["applied", null]),
            json!(["stops-the-shard", "binlog-file-fell-back"]),
            json!(["noted", null]),
            json!(["skipped", null]),
        ]
    );
    let text = shop.call(&["inspect", "all", "--config", "policy.toml"]);
    assert!(text.err.contains("2 would be applied"), "{}", text.err);
}

#[test]
fn a_kept_column_that_is_missing_is_told() {
    let shop = Shop::new();
    let cells = customer("1", "planted@example.org");
    fs::write(shop.path("one"), load("customers", &cells[..4])).unwrap();
    let shown = shop.call(&["inspect", "one", "--config", "policy.toml"]);
    let line = shown.ends_with(0).out;
    assert!(
        line.ends_with("quarantined: column-absent, column points\n"),
        "{line}"
    );
}

#[test]
fn gzip_and_standard_input_read_alike() {
    let shop = Shop::new();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&records().concat()).unwrap();
    let gzip = gzip.finish().unwrap();
    fs::write(shop.path("plain"), records().concat()).unwrap();
    let expected = shop.call(&["inspect", "plain"]).ends_with(4).out;
    let mut child = shop
        .command(&["inspect", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&gzip).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
