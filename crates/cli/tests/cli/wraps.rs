//! Wraps that data keys lack: named by `check` and `status`, added by `migrate` and `run`.

use std::fs;

use crate::shop::{Shop, customer, load};

/// A shop with data keys under one root key, whose file has a newer root key before it since.
fn with_a_newer_root_key() -> Shop {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted"))]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let (heading, old) = root_file(&shop);
    let (_, new) = root_file(&Shop::ready());
    fs::write(shop.path("root.key"), format!("{heading}\n{new}{old}")).unwrap();
    shop
}

/// The heading and the keys of its root key file.
fn root_file(shop: &Shop) -> (String, String) {
    let text = fs::read_to_string(shop.path("root.key")).unwrap();
    let (heading, keys) = text.split_once('\n').unwrap();
    (heading.to_owned(), keys.to_owned())
}

/// The name of the root key at the head of the file.
fn first_name(shop: &Shop) -> String {
    let (_, keys) = root_file(shop);
    format!("local:{}", keys.split(' ').next().unwrap())
}

fn number_of_keys(shop: &Shop) -> usize {
    let status = shop.call(&["status", "--json"]).json();
    status["keys"].as_array().unwrap().len()
}

#[test]
fn every_wrap_that_is_lacking_is_named() {
    let shop = with_a_newer_root_key();
    let (name, keys) = (first_name(&shop), number_of_keys(&shop));
    let lacks = format!("has no wrap under {name}");
    let check = shop.call(&["check"]).ends_with(0);
    let named = |text: &str| text.lines().filter(|line| line.contains(&lacks)).count();
    assert_eq!(named(&check.out), keys, "{}", check.out);
    assert!(check.out.contains("warning (keys): "), "{}", check.out);
    let status = shop.call(&["status"]);
    assert_eq!(named(&status.out), keys, "{}", status.out);
    let status = shop.call(&["status", "--json"]).json();
    for key in status["keys"].as_array().unwrap() {
        assert_eq!(key["lacking_wrapping_keys"], serde_json::json!([name]));
    }
}

#[test]
fn migrate_and_run_add_them_and_the_old_wrapping_key_can_go() {
    for command in [&["migrate"][..], &["run", "--until-idle"]] {
        let shop = with_a_newer_root_key();
        let keys = number_of_keys(&shop);
        let called = shop.call(command).ends_with(0);
        if command == ["migrate"] {
            let added = format!("added {keys} wraps that data keys lacked");
            assert!(called.out.contains(&added), "{}", called.out);
        }
        let check = shop.call(&["check"]).ends_with(0);
        assert!(!check.out.contains("no wrap under"), "{}", check.out);

        let (heading, both) = root_file(&shop);
        let newer = both.lines().next().unwrap();
        fs::write(shop.path("root.key"), format!("{heading}\n{newer}\n")).unwrap();
        shop.call(&["check"]).ends_with(0);
        let row = shop.call_revealing(&["open", "--table", "customers", "--key", "1"]);
        assert!(row.ends_with(0).out.contains("planted"));
    }
}

#[test]
fn a_wrap_that_does_not_open_is_told_although_another_one_does() {
    let shop = with_a_newer_root_key();
    let name = first_name(&shop);
    shop.call(&["migrate"]).ends_with(0);
    // The older root key's wraps, which no opening needs.
    shop.script(&format!(
        "UPDATE fieldseal_key_wraps SET wrapped = zeroblob(77) WHERE wrapping_key <> '{name}'"
    ));
    let row = shop.call_revealing(&["open", "--table", "customers", "--key", "1"]);
    row.ends_with(0);
    let check = shop.call(&["check"]).ends_with(4);
    assert!(check.out.contains("is not genuine"), "{}", check.out);
}

#[test]
fn what_cannot_be_added_does_not_hold_up_the_migration() {
    let shop = with_a_newer_root_key();
    let (heading, both) = root_file(&shop);
    let newer = both.lines().next().unwrap();
    fs::write(shop.path("root.key"), format!("{heading}\n{newer}\n")).unwrap();
    let called = shop.call(&["migrate"]).ends_with(0);
    assert!(called.out.contains("warning: key "), "{}", called.out);
    assert!(called.out.contains("registered"), "{}", called.out);
}
