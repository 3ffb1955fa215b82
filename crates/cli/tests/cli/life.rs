//! A deployment from its first migration to a target that is ready, as an operator goes through
//! it.

use fieldseal_dms::Wire;
use fieldseal_model::Operation;
use serde_json::{Value, json};

use crate::inspect::control;
use crate::shop::{Shop, change, customer, load, order};

/// Reads two shards with a load, changes, and two records that go to quarantine.
fn first_day(shop: &Shop) {
    let mut unlisted = customer("5", "planted-5@example.org").to_vec();
    unlisted.push(("nickname", Wire::Text("planted nickname")));
    let delete = [("id", Wire::Number("2"))];
    let moved = customer("30", "planted-3@example.org");
    shop.write(
        "a.jsonl",
        &[
            load("customers", &customer("1", "planted-old@example.org")),
            load("customers", &customer("2", "planted-2@example.org")),
            load("customers", &customer("3", "planted-3@example.org")),
            load("orders", &order("1", "planted note")),
            change("customers", Operation::Insert, (1, 100), &unlisted, None),
        ],
    );
    // One after the other, so that the loads are not older than what is there already.
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let renamed = customer("1", "planted-1@example.org");
    shop.write(
        "b.jsonl",
        &[
            change(
                "customers",
                Operation::Update,
                (1, 200),
                &renamed,
                Some(&[]),
            ),
            change("customers", Operation::Delete, (1, 300), &delete, None),
            change(
                "customers",
                Operation::Update,
                (1, 400),
                &moved,
                Some(&[("id", Wire::Number("3"))]),
            ),
        ],
    );
    shop.call(&["run", "--until-idle"]).ends_with(0);
}

fn held(shop: &Shop, reason: &str) -> String {
    let list = shop.call(&["quarantine", "list", "--json"]).ends_with(0);
    let lines = list.json_lines();
    let entry = lines.iter().find(|entry| entry["reason"] == reason);
    entry.unwrap_or_else(|| panic!("{reason} in {lines:?}"))["id"].to_string()
}

fn table(status: &Value, name: &str) -> Value {
    let tables = status["tables"].as_array().unwrap();
    tables
        .iter()
        .find(|table| table["table"] == name)
        .unwrap()
        .clone()
}

#[test]
fn from_nothing_to_ready() {
    let shop = Shop::new();
    let check = shop.call(&["check", "--json"]).ends_with(4).json();
    assert_eq!(check["ok"], false);
    let migrated = shop.call(&["migrate"]).ends_with(0);
    assert!(migrated.out.contains("made the root key file"));
    assert!(!shop.call(&["migrate"]).ends_with(0).out.contains("made"));
    let schema = shop.call(&["schema"]).ends_with(0);
    shop.script(&schema.out);
    let check = shop.call(&["check", "--json"]).ends_with(0).json();
    assert_eq!(check["ok"], true);
    assert!(
        check
            .to_string()
            .contains("whoever loses this file has lost the data")
    );

    first_day(&shop);
    shop.call(&["check"]).ends_with(0);
    applied(&shop);
    opened(&shop);
    quarantined(&shop);
    loaded_again(&shop);
    let report = shop.call(&["status"]).ends_with(0);
    assert_eq!(report.out.lines().last(), Some("ready"));
    new_epoch(&shop);
}

fn applied(shop: &Shop) {
    let status = shop.call(&["status", "--json"]).ends_with(4).json();
    let customers = table(&status, "shop.customers");
    for (counter, count) in [
        ("rows", 2),
        ("loads", 3),
        ("updates", 2),
        ("deletes", 1),
        ("quarantined", 1),
        ("foreign_rows", 0),
    ] {
        assert_eq!(customers[counter], count, "{counter}");
    }
    assert_eq!(table(&status, "shop.orders")["quarantined"], 1);
    let shards = status["shards"].as_array().unwrap();
    let lags: Vec<&Value> = shards.iter().map(|shard| &shard["lag"]).collect();
    assert_eq!(lags, [0, 0]);
    assert_eq!(shards[1]["position"], "1:400");
    assert_eq!(status["ready"], false);
    let keys = status["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["state"] == "active"));
    let report = shop.call(&["status"]).ends_with(4);
    let last = report.out.lines().last().unwrap();
    assert!(last.starts_with("not ready: "), "{last}");
    assert!(last.contains("2 records in quarantine"), "{last}");
}

fn opened(shop: &Shop) {
    let all = shop
        .call_revealing(&["open", "--table", "customers", "--json"])
        .ends_with(0);
    assert!(all.err.contains("WARNING"));
    let first = r#"{"id":"1","email":"planted-1@example.org","balance":1234567890123456789012.5,"photo":"0x00706c616e7465642070686f746f","points":"7"}"#;
    let lines: Vec<&str> = all.out.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], first);
    for args in [["--key", "1"], ["--limit", "1"]] {
        let mut call = vec!["open", "--table", "shop.customers"];
        call.extend(args);
        assert_eq!(
            shop.call_revealing(&call).ends_with(0).out.trim_end(),
            first
        );
    }
    let behind = shop.call_revealing(&["open", "--table", "customers", "--after", "1"]);
    assert_eq!(behind.ends_with(0).json_lines()[0]["id"], "30");
    shop.call_revealing(&["open", "--table", "customers", "--key", "99"])
        .ends_with(4);
}

fn quarantined(shop: &Shop) {
    let unlisted = held(shop, "unlisted-column");
    let shown = shop.call(&["quarantine", "show", &unlisted]).ends_with(0);
    assert!(shown.out.contains("shop.customers"));
    let revealed = shop
        .call_revealing(&["quarantine", "show", &unlisted, "--reveal"])
        .ends_with(0);
    assert!(revealed.out.contains("planted nickname"));
    assert!(revealed.err.contains("WARNING"));

    let replayed = shop.call(&["quarantine", "replay", &unlisted]).ends_with(4);
    assert!(replayed.out.contains("still held: unlisted-column"));
    shop.amend_policy(
        "first_load = \"unregistered\"",
        "first_load = \"unregistered\"\nunlisted = \"drop\"",
    );
    let replayed = shop.call(&["quarantine", "replay", &unlisted]).ends_with(0);
    assert!(replayed.out.contains("1 applied, 0 still held"));
    shop.call(&["quarantine", "replay", &unlisted]).ends_with(4);

    let load = held(shop, "load-of-no-generation");
    shop.call(&["quarantine", "discard", &load]).ends_with(2);
    let discarded = shop
        .call(&["quarantine", "discard", &load, "--yes"])
        .ends_with(0);
    assert!(discarded.out.contains("A debt stays"));
    let list = shop.call(&["quarantine", "list"]).ends_with(0);
    assert_eq!(list.out, "nothing is held\n");
    let status = shop.call(&["status", "--json"]).ends_with(4).json();
    assert_eq!(
        status["debts"],
        json!([{"table": "shop.orders", "count": 1}])
    );
}

fn loaded_again(shop: &Shop) {
    let begin = |position| {
        shop.call(&[
            "generation",
            "begin",
            "--table",
            "shop.orders",
            "--capture",
            "stopped",
            "--position",
            position,
        ])
    };
    let passed = begin("mysql-bin.000001:400").ends_with(4);
    assert!(passed.err.contains("nothing has begun"), "{}", passed.err);
    let begun = begin("mysql-bin.000002:4").ends_with(0);
    assert!(begun.out.contains("DMS may be started now"));
    shop.write("c.jsonl", &[load("orders", &order("1", "planted note"))]);
    let early = shop
        .call(&["generation", "complete", "--table", "shop.orders"])
        .ends_with(4);
    assert!(
        early.out.contains("shard c.jsonl is not applied"),
        "{}",
        early.out
    );
    shop.call(&["run", "--until-idle"]).ends_with(0);
    shop.call(&["generation", "complete", "--all"]).ends_with(0);
    let swept = shop.call(&["generation", "sweep", "--all"]).ends_with(0);
    assert!(
        swept.out.contains("shop.orders: swept 0 rows"),
        "{}",
        swept.out
    );
    let list = shop.call(&["generation", "list", "--json"]).ends_with(0);
    let list = list.json();
    let states: Vec<&Value> = list["generations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|generation| &generation["state"])
        .collect();
    assert_eq!(states, ["swept", "swept"]);
    let text = shop.call(&["generation", "list"]).ends_with(0).out;
    assert!(text.contains("2:4"), "{text}");
}

fn new_epoch(shop: &Shop) {
    let begun = shop.call(&["epoch", "begin"]).ends_with(0);
    assert!(begun.out.contains("epoch 2 has begun"), "{}", begun.out);
    // An older position, in a new shard: newer all the same.
    let later = customer("1", "planted-later@example.org");
    shop.write(
        "d.jsonl",
        &[change(
            "customers",
            Operation::Update,
            (1, 4),
            &later,
            Some(&[]),
        )],
    );
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let row = shop.call_revealing(&["open", "--table", "customers", "--key", "1"]);
    assert_eq!(
        row.ends_with(0).json()["email"],
        "planted-later@example.org"
    );
    let status = shop.call(&["status", "--json"]).json();
    assert_eq!(status["epoch"], 2);
    let keys = status["keys"].as_array().unwrap();
    let contact = |state: &str| {
        let seals = |key: &&Value| key["domain"] == "contact" && key["purpose"] == "seal";
        keys.iter()
            .filter(seals)
            .filter(|key| key["state"] == state)
            .count()
    };
    assert_eq!((contact("open_only"), contact("active")), (1, 1));
}

#[test]
fn a_load_that_has_not_begun_is_not_completed() {
    let shop = Shop::ready();
    first_day(&shop);
    let begin = [
        "generation",
        "begin",
        "--table",
        "shop.customers",
        "--capture",
        "stopped",
    ];
    let begin = [&begin[..], &["--position", "mysql-bin.000002:4"]].concat();
    shop.call(&begin).ends_with(0);
    // Every shard is at its end, but the sweep would delete every customer.
    let complete = ["generation", "complete", "--table", "shop.customers"];
    let refused = shop.call(&complete).ends_with(4);
    assert!(
        refused.out.contains("no row of this load"),
        "{}",
        refused.out
    );
    // The operator may know that there is nothing to load.
    shop.call(&[&complete[..], &["--source-is-empty"]].concat())
        .ends_with(0);
}

#[test]
fn positions_that_fall_back_stop_the_shard_until_an_epoch_begins_there() {
    let shop = Shop::ready();
    let before = customer("1", "planted-1@example.org");
    let after = customer("1", "planted-2@example.org");
    let records = [
        change("customers", Operation::Insert, (3, 100), &before, None),
        change("customers", Operation::Update, (1, 100), &after, Some(&[])),
    ];
    shop.write("a.jsonl", &records);
    let stopped = shop.call(&["run", "--until-idle"]).ends_with(5);
    assert!(stopped.err.contains("falls from 3 to 1"), "{}", stopped.err);
    shop.call(&["epoch", "begin", "--at-checkpoints"])
        .ends_with(0);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let row = shop.call_revealing(&["open", "--table", "customers", "--key", "1"]);
    assert_eq!(row.ends_with(0).json()["email"], "planted-2@example.org");
}

/// The text says what the JSON does.
#[test]
fn control_records_are_counted() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[control(), control()]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let status = shop.call(&["status", "--json"]).json();
    let text = shop.call(&["status"]).out;
    let mut lines = text.lines().skip_while(|line| *line != "tables").skip(1);
    let heading = lines.next().unwrap();
    let end = heading.find(" controls ").expect("a column for them") + " controls".len();
    for (name, count) in [("shop.customers", 2), ("shop.orders", 0)] {
        assert_eq!(table(&status, name)["controls"], count);
        // Numbers stand to the right, under the end of their heading.
        let row = lines.next().unwrap();
        let shown = row[..end].rsplit(' ').next();
        assert!(row.trim_start().starts_with(name), "{text}");
        assert_eq!(shown, Some(count.to_string().as_str()), "{text}");
    }
}

#[test]
fn records_of_dms_own_tables_are_counted() {
    let shop = Shop::ready();
    let none = shop.call(&["status", "--json"]).json();
    assert_eq!(none["ignored"], 0);
    let task = [("task_name", Wire::Text("planted"))];
    shop.write("a.jsonl", &[load("awsdms_suspended_tables", &task)]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    assert_eq!(shop.call(&["status", "--json"]).json()["ignored"], 1);
    let text = shop.call(&["status"]).out;
    assert!(text.contains("1 record of DMS's own tables"), "{text}");
}
