//! What goes wrong, and that the words say what, where and what to do.

use std::fs;

use crate::shop::{Called, Shop, customer, load};

fn says(called: &Called, words: &[&str]) {
    for word in words {
        let text = format!("{}{}", called.out, called.err);
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let shop = Shop::ready();
    let begin = ["generation", "begin", "--capture", "stopped", "--position"];
    let calls: [&[&str]; 7] = [
        &[],
        &["sail"],
        &["quarantine", "replay"],
        &["quarantine", "replay", "--all", "1"],
        &["generation", "complete"],
        &["generation", "sweep", "--table", "nothing"],
        &["open", "--table", "customers", "--key", "one"],
    ];
    for call in calls {
        assert_ne!(shop.call(call).ends_with(2).err, "", "{call:?}");
    }
    let odd = shop.call(&[&begin[..], &["here", "--all"]].concat());
    says(&odd.ends_with(2), &["--position", "FILE:OFFSET"]);
    let unknown = shop.call(&["generation", "complete", "--table", "nothing"]);
    says(
        &unknown.ends_with(2),
        &["no table \"nothing\"", "shop.customers, shop.orders"],
    );
}

#[test]
fn a_policy_with_mistakes_ends_with_3_and_names_them_all() {
    let shop = Shop::new();
    shop.amend_policy("engine = \"mysql\"", "engine = \"oracle\"");
    shop.amend_policy("points = \"keep\"", "points = \"kept\"");
    let called = shop.call(&["check"]).ends_with(3);
    says(&called, &["policy.toml:4:", "policy.toml:21:"]);
    fs::remove_file(shop.path("policy.toml")).unwrap();
    says(&shop.call(&["run"]).ends_with(3), &["policy.toml"]);
}

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
fn a_reader_that_has_gone_is_no_panic() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[b"{}".to_vec()]);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    for call in [
        &["migrate"][..],
        &["status"],
        &["quarantine", "list"],
        &["quarantine", "replay", "--all"],
        &["generation", "complete", "--all"],
        &["generation", "sweep", "--all"],
        &["epoch", "begin"],
        &["demo", "--rows", "40", "--dir", "demo"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = shop.command(call).stdout(writer).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{call:?}: {err}");
        assert!(err.contains("standard output: broken pipe"), "{err}");
    }
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
fn a_target_that_cannot_be_reached_is_told_with_what_to_do() {
    let shop = Shop::ready();
    shop.amend_policy("url = \"sqlite://target.db\"", "url_env = \"SHOP_URL\"");
    says(
        &shop.call(&["status"]).ends_with(3),
        &["target.url_env", "SHOP_URL is not set"],
    );
    // A port that was free a moment ago, and one that never greets.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = |listener: &std::net::TcpListener| listener.local_addr().unwrap().port();
    let closed = {
        let port = port(&closed);
        drop(closed);
        port
    };
    let silent_port = port(&silent);
    for (url, code, words) in [
        (
            format!("postgres://u:planted@127.0.0.1:{closed}/shop"),
            6,
            &["cannot be reached", "see that it runs"][..],
        ),
        (
            format!("mysql://u:planted@127.0.0.1:{closed}/shop"),
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
            format!("postgres://u@127.0.0.1:{closed}/shop?pasword=planted"),
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
        let called = crate::shop::finished(shop.command(&["status"]).env("SHOP_URL", &url));
        let called = called.ends_with(code);
        says(&called, &["SHOP_URL"]);
        says(&called, words);
        assert!(!called.err.contains("planted"), "{}", called.err);
    }
    drop(silent);
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
fn a_level_that_is_none_is_refused_instead_of_silencing_the_log() {
    let shop = Shop::ready();
    let called = shop.call(&["--log", "wran", "run", "--until-idle"]);
    says(&called.ends_with(2), &["\"wran\" is no level", "warn"]);
    for level in ["off", "warn,fieldseal_store=debug"] {
        shop.call(&["--log", level, "status"]).ends_with(4);
    }
}

#[test]
fn a_folder_or_a_damaged_file_is_not_inspected() {
    let shop = Shop::ready();
    let folder = shop.call(&["inspect", "source"]).ends_with(1);
    says(&folder, &["source cannot be read", "name one file"]);
    fs::write(shop.path("cut.gz"), [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let cut = shop.call(&["inspect", "cut.gz"]).ends_with(1);
    says(&cut, &["cut.gz cannot be read", "cut off or damaged"]);
    let missing = shop.call(&["inspect", "none.json"]).ends_with(1);
    says(&missing, &["none.json cannot be read", "correct the path"]);
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
fn a_held_record_is_shown_with_what_to_do() {
    let shop = Shop::ready();
    shop.write(
        "a.jsonl",
        &[load("orders", &crate::shop::order("1", "planted"))],
    );
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let shown = shop.call(&["quarantine", "show", "1"]).ends_with(0);
    says(
        &shown,
        &["load-of-no-generation", "to do", "generation begin"],
    );
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

#[test]
fn a_source_that_cannot_be_reached_prints_no_schema() {
    let shop = Shop::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("mysql://reader:planted@127.0.0.1:{port}/shop");
    let called = shop.call(&["schema", "--from", &url]).ends_with(6);
    says(&called, &["reading mysql://", "correct the URL"]);
    let away = "mysql://reader:planted@db.example.org/shop?ssl-mode=DISABLED";
    let called = shop.call(&["schema", "--from", away]).ends_with(3);
    says(&called, &["--from: the URL's ssl mode"]);
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
