//! What `check` finds, each at its place and once.

use std::fs;

use super::says;
use crate::shop::{Shop, customer, load};

#[test]
fn check_names_every_finding_at_once() {
    let shop = Shop::ready();
    shop.script(
        "CREATE UNIQUE INDEX one ON customers (points); ALTER TABLE orders DROP COLUMN note;",
    );
    fs::remove_file(shop.path("root.key")).unwrap();
    fs::remove_dir(shop.path("source")).unwrap();
    let called = shop.call(&["check"]).ends_with(4);
    says(
        &called,
        &[
            "error (source)",
            "error (keys): root key file root.key",
            "unique index one",
            "column note: is missing",
            "not ok: 4 errors",
        ],
    );
}

/// `shop.customers` says that its first load is not registered, `shop.orders` does not.
#[test]
fn check_says_which_loads_would_be_held() {
    let shop = Shop::ready();
    let called = shop.call(&["check"]).ends_with(0);
    says(
        &called,
        &["warning (target): no generation has begun for shop.orders:"],
    );
    let begin = [
        "generation",
        "begin",
        "--table",
        "orders",
        "--capture",
        "stopped",
    ];
    let at = ["--position", "binlog.000001:4"];
    shop.call(&[&begin[..], &at].concat()).ends_with(0);
    let called = shop.call(&["check"]).ends_with(0);
    assert!(!called.out.contains("generation"), "{}", called.out);
}

#[test]
fn a_checked_policys_mistakes_are_findings_of_the_report() {
    let shop = Shop::new();
    shop.amend_policy("engine = \"mysql\"", "engine = \"oracle\"");
    shop.amend_policy("points = \"keep\"", "points = \"kept\"");
    let report = shop.call(&["check", "--json"]).ends_with(3).json();
    assert_eq!(report["ok"], false);
    assert_eq!(report["errors"], 2);
    for (finding, place) in report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["policy.toml:4:", "policy.toml:21:"])
    {
        assert_eq!(finding["area"], "policy");
        assert!(finding["text"].as_str().unwrap().starts_with(place));
    }
    fs::remove_file(shop.path("policy.toml")).unwrap();
    let report = shop.call(&["check", "--json"]).ends_with(3).json();
    assert_eq!(report["errors"], 1);
}

#[test]
fn a_sealed_key_column_is_refused_together_with_its_domain() {
    let shop = Shop::new();
    shop.amend_policy(
        "points = \"keep\"",
        "points = \"keep\"\nid = { seal = \"Not A Domain\", kind = \"integer\" }",
    );
    let report = shop.call(&["check", "--json"]).ends_with(3).json();
    let findings = report["findings"].to_string();
    assert!(
        findings.contains("a key column cannot be sealed"),
        "{findings}"
    );
    assert!(findings.contains("domain"), "{findings}");
    assert_eq!(report["errors"], 2, "{findings}");
}

#[test]
fn a_key_is_named_once_for_each_finding() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted"))]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let other = Shop::ready();
    fs::copy(other.path("root.key"), shop.path("root.key")).unwrap();
    let report = shop.call(&["check", "--json"]).ends_with(4).json();
    let about_keys = report["findings"].as_array().unwrap().iter();
    let texts: Vec<&str> = about_keys
        .filter_map(|finding| finding["text"].as_str())
        .filter(|text| text.contains("no wrap under a configured wrapping key"))
        .collect();
    assert!(!texts.is_empty());
    for text in texts {
        assert_eq!(text.matches("domain").count(), 1, "{text}");
    }
}
