//! A source whose records stop a shard or are held, and files that are missing, cut or removed.

use std::fs;

use super::says;
use crate::shop::{Shop, customer, load, order};

#[test]
fn a_record_of_an_unlisted_table_stops_its_shard_with_5() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("accounts", &customer("1", "planted"))]);
    shop.write("b.jsonl", &[load("customers", &customer("1", "planted"))]);
    let called = shop.call(&["run", "--until-idle"]).ends_with(5);
    says(
        &called,
        &["shard a.jsonl stopped", "shop.accounts", "unlisted_tables"],
    );
    let status = shop.call(&["status", "--json"]).json();
    assert_eq!(status["tables"][0]["loads"], 1);
}

#[test]
fn a_service_whose_shards_have_all_stopped_ends_by_itself() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("accounts", &customer("1", "planted"))]);
    let called = shop.call(&["run"]).ends_with(5);
    says(&called, &["shard a.jsonl stopped"]);
}

#[test]
fn a_held_record_is_shown_with_what_to_do() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("orders", &order("1", "planted"))]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let shown = shop.call(&["quarantine", "show", "1"]).ends_with(0);
    says(
        &shown,
        &["load-of-no-generation", "to do", "generation begin"],
    );
}

#[test]
fn a_source_folder_that_is_missing_or_empty_is_named() {
    let shop = Shop::ready();
    fs::write(shop.path("source").join("export.ndjson"), "{}").unwrap();
    let called = shop.call(&["run", "--until-idle"]).ends_with(0);
    says(&called, &["WARN", "source holds no file named", "*.jsonl"]);
    fs::rename(shop.path("source"), shop.path("sauce")).unwrap();
    for call in [&["run", "--until-idle"][..], &["check"]] {
        let called = shop.call(call).ends_with(4);
        says(&called, &["cannot list source", "source.files.dir"]);
    }
}

#[test]
fn a_file_that_was_cut_is_told_by_run_and_status() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted"))]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    fs::write(shop.path("source/a.jsonl"), "{}").unwrap();
    let run = shop.call(&["run", "--until-idle"]).ends_with(5);
    says(
        &run,
        &[
            "source/a.jsonl ends before offset",
            "put the former file back",
        ],
    );
    let status = shop.call(&["status"]).ends_with(4);
    says(
        &status,
        &["shard a.jsonl ends before what is applied of it"],
    );
}

#[test]
fn a_file_that_is_removed_is_told_by_status() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted-1"))]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    fs::rename(
        shop.path("source").join("a.jsonl"),
        shop.path("source").join("a.away"),
    )
    .unwrap();
    let called = shop.call(&["status"]).ends_with(4);
    says(
        &called,
        &["shard a.jsonl is gone from the source", "put it back"],
    );
}
