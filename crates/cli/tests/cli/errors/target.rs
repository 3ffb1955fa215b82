//! Databases that cannot be reached, are not Fieldseal's or are another deployment's, and URLs, of
//! which no password is shown.

use std::fs;
use std::net::TcpListener;

use super::says;
use crate::shop::{Shop, customer, finished, load, own_address};

#[test]
fn a_target_without_fieldseals_tables_is_refused() {
    let shop = Shop::new();
    for command in [
        &["run"][..],
        &["status"],
        &["quarantine", "list"],
        &["epoch", "begin"],
    ] {
        // The SQLite file is not there at all.
        says(&shop.call(command).ends_with(6), &["sqlite://target.db"]);
    }
    fs::write(shop.path("target.db"), "").unwrap();
    for command in [
        &["run"][..],
        &["status"],
        &["quarantine", "list"],
        &["epoch", "begin"],
    ] {
        says(&shop.call(command).ends_with(4), &["fieldseal migrate"]);
    }
}

#[test]
fn a_target_that_cannot_be_reached_is_told_with_what_to_do() {
    let shop = Shop::ready();
    shop.amend_policy("url = \"sqlite://target.db\"", "url_env = \"SHOP_URL\"");
    says(
        &shop.call(&["status"]).ends_with(3),
        &["target.url_env", "SHOP_URL is not set"],
    );
    let closed = own_address();
    // It never greets.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    for (url, code, words) in [
        (
            format!("postgres://u:planted@{closed}/shop"),
            6,
            &["cannot be reached", "see that it runs"][..],
        ),
        (
            format!("mysql://u:planted@{closed}/shop"),
            6,
            &["cannot be reached", "see that it runs"],
        ),
        (
            format!("mysql://u:planted@127.0.0.1:{silent_port}/shop"),
            6,
            &["does not answer"],
        ),
        (
            "oracle://u:planted@db/shop".to_owned(),
            4,
            &["not a usable URL", "sqlite://FILE"],
        ),
        (
            "sqlite://nowhere/target.db".to_owned(),
            6,
            &["cannot be opened", "correct the path"],
        ),
        (
            "mysql://u:planted@127.0.0.1".to_owned(),
            3,
            &["names no database"],
        ),
        // The driver would log a parameter that it does not know, with its value.
        (
            format!("postgres://u@{closed}/shop?pasword=planted"),
            6,
            &["cannot be reached"],
        ),
        // Its host would be what PGHOST says.
        (
            "postgres:/planted".to_owned(),
            3,
            &["no // behind its scheme", "postgres://HOST/DATABASE"],
        ),
        (
            "postgres://u:planted@db.example.org/shop?sslmode=prefer".to_owned(),
            3,
            &["without TLS", "insecure = true"],
        ),
    ] {
        let called = finished(shop.command(&["status"]).env("SHOP_URL", &url));
        let called = called.ends_with(code);
        says(&called, &["SHOP_URL"]);
        says(&called, words);
        assert!(!called.err.contains("planted"), "{}", called.err);
    }
    drop(silent);
}

#[test]
fn a_source_that_cannot_be_reached_prints_no_schema() {
    let shop = Shop::new();
    let url = format!("mysql://reader:planted@{}/shop", own_address());
    let called = shop.call(&["schema", "--from", &url]).ends_with(6);
    says(&called, &["reading mysql://", "correct the URL"]);
    let away = "mysql://reader:planted@db.example.org/shop?ssl-mode=DISABLED";
    let called = shop.call(&["schema", "--from", away]).ends_with(3);
    says(&called, &["--from: the URL's ssl mode"]);
}

/// A password that should have been escaped, and URLs that are none.
#[test]
fn no_part_of_a_password_is_shown() {
    let shop = Shop::ready();
    for from in [
        "POSTGRES://user:hunter2@127.0.0.1:1/shop",
        "postgre://user:hunter2@127.0.0.1:1/shop",
        "postgres://user:hunter2#tail@127.0.0.1:1/shop",
        "postgres://user:hunter2?tail@127.0.0.1:1/shop",
        "postgres//user:hunter2@127.0.0.1:1/shop",
        "user:hunter2@127.0.0.1:1/shop",
    ] {
        let called = shop.call(&["schema", "--from", from]);
        assert_ne!(called.code, Some(0));
        assert!(!called.err.contains("hunter2"), "{from}: {}", called.err);
        assert!(
            called.err.contains("--from") || called.err.contains("postgres://…"),
            "{}",
            called.err
        );
    }
    shop.amend_policy("url = \"sqlite://target.db\"", "url_file = \"url\"");
    for (url, said) in [
        ("postgres://user:hunter2#tail@127.0.0.1:1/shop", "%23"),
        (
            "postgres://user:hunter2?tail@127.0.0.1:1/shop",
            "postgres://…",
        ),
        ("mysql://user:hunter2?tail@127.0.0.1:1/shop", "mysql://"),
        ("postgres://user:hunter2", "postgres://…"),
    ] {
        fs::write(shop.path("url"), url).unwrap();
        for command in ["run", "check", "status", "migrate"] {
            let called = shop.call(&[command]);
            assert!(!called.err.contains("hunter2"), "{url}: {}", called.err);
            assert!(!called.out.contains("hunter2"), "{url}: {}", called.out);
            says(&called, &[said]);
        }
    }
}

#[test]
fn a_schema_is_printed_for_every_dialect_and_from_a_dump() {
    let shop = Shop::new();
    for (dialect, words) in [
        (
            "sqlite",
            ["CREATE TABLE \"customers\"", "\"email_bidx\" BLOB"],
        ),
        ("postgres", ["CREATE TABLE \"customers\"", "BYTEA"]),
        ("mysql", ["CREATE TABLE `customers`", "LONGBLOB"]),
    ] {
        let schema = shop.call(&["schema", "--dialect", dialect]).ends_with(0);
        says(&schema, &words);
    }
    let dump = "CREATE TABLE `customers` (\n  `id` bigint unsigned NOT NULL,\n  `email` varchar(100),\n  \
        `balance` decimal(30,2),\n  `photo` blob,\n  `points` smallint,\n  PRIMARY KEY (`id`)\n) \
        ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n";
    fs::write(shop.path("source.sql"), dump).unwrap();
    let from = ["schema", "--dialect", "mysql", "--from", "source.sql"];
    let missing = shop.call(&from).ends_with(4);
    says(&missing, &["the source has no table shop.orders"]);
    let orders = "CREATE TABLE `orders` (\n  `id` int NOT NULL,\n  `note` text\n);\n";
    fs::write(shop.path("source.sql"), format!("{dump}{orders}")).unwrap();
    let schema = shop.call(&from).ends_with(0);
    says(
        &schema,
        &["`id` BIGINT UNSIGNED NOT NULL", "`points` SMALLINT"],
    );
    fs::remove_file(shop.path("source.sql")).unwrap();
    says(
        &shop.call(&from).ends_with(1),
        &["source.sql", "check its path"],
    );
}

#[test]
fn another_deployments_target_is_not_migrated_nor_another_sources() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted"))]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    shop.amend_policy("deployment = \"test\"", "deployment = \"other\"");
    for call in [&["migrate"][..], &["run", "--until-idle"], &["check"]] {
        says(
            &shop.call(call).ends_with(4),
            &["belongs to deployment `test`", "`other`"],
        );
    }
    shop.amend_policy("deployment = \"other\"", "deployment = \"test\"");
    // Held records are sealed with the source's name.
    shop.amend_policy("id = \"shop\"", "id = \"store\"");
    for call in [&["migrate"][..], &["run", "--until-idle"], &["check"]] {
        says(
            &shop.call(call).ends_with(4),
            &["source.id shop", "source.id store"],
        );
    }
}

#[test]
fn a_root_key_is_never_made_beside_keys_that_need_another() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted"))]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    fs::rename(shop.path("root.key"), shop.path("lost.key")).unwrap();
    let called = shop.call(&["migrate"]).ends_with(4);
    says(
        &called,
        &["root.key is missing", "put it back from its copy"],
    );
    assert!(!shop.path("root.key").exists());
    says(&shop.call(&["check"]).ends_with(4), &["error (keys)"]);

    // Another root key unwraps nothing.
    let other = Shop::ready();
    fs::copy(other.path("root.key"), shop.path("root.key")).unwrap();
    let called = shop.call(&["check"]).ends_with(4);
    says(&called, &["no wrap under a configured wrapping key"]);
}

#[test]
fn a_cell_that_does_not_open_is_an_error_in_its_place() {
    let shop = Shop::ready();
    shop.write(
        "a.jsonl",
        &[
            load("customers", &customer("1", "planted-1")),
            load("customers", &customer("2", "planted-2")),
        ],
    );
    shop.call(&["run", "--until-idle"]).ends_with(0);
    shop.script(
        "UPDATE customers SET balance = (SELECT balance FROM customers WHERE id = 2) WHERE id = 1",
    );
    let called = shop
        .call_revealing(&["open", "--table", "customers"])
        .ends_with(4);
    let rows = called.json_lines();
    assert_eq!(rows[0]["balance"]["error"], "does not open here");
    assert_eq!(rows[0]["email"], "planted-1");
    assert!(rows[1]["balance"].is_number());
}
