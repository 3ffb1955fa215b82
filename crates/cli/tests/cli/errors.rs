//! What goes wrong, and that the words say what, where and what to do. Owns what is told of a
//! command line, a policy and single files.

mod check;
mod source;
mod target;

use std::fs;

use crate::shop::{Called, Shop};

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
    let joined = ["open", "--table", "customers", "--key", "main,1"];
    let words = [
        "a key of shop.customers is id (integer)",
        "--key, or --after, once for each of its",
    ];
    says(&shop.call(&joined).ends_with(2), &words);
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
