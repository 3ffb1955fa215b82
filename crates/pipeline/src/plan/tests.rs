//! The clauses of `docs/ORDERING.md` that planning one record decides alone, each with the record
//! that shows it. Told by a dry run: no target and no keys.

use fieldseal_dms::decode;
use fieldseal_policy::Policy;

use crate::{DryRun, Verdict};

/// A table with this further line; `email` may be absent, `born` may not.
fn policy(line: &str) -> Policy {
    let text = format!(
        r#"
        [source]
        id = "shop"
        engine = "mysql"
        files.dir = "source"
        [target]
        url = "sqlite://target.db"
        [keys]
        deployment = "demo"
        local.root_file = "root.key"
        [tables."shop.customers"]
        key = {{ id = "integer" }}
        {line}
        [tables."shop.customers".columns]
        email = {{ seal = "contact", kind = "text", absent = "null" }}
        born = {{ seal = "identity", kind = "date" }}
    "#
    );
    Policy::parse(&text).unwrap()
}

/// A change with this data and, where `before` is not empty, this before-image.
fn change(operation: &str, data: &str, before: &str) -> String {
    let before = if before.is_empty() {
        String::new()
    } else {
        format!(r#","before-image":{before}"#)
    };
    format!(
        r#"{{"data":{data}{before},"metadata":{{"timestamp":"2024-05-01T10:00:00.000000Z","record-type":"data","operation":"{operation}","schema-name":"shop","table-name":"customers","transaction-id":30064771172,"transaction-record-id":1,"stream-position":"mysql-bin.000007:400:0:500:30064771172:mysql-bin.000007:150"}}}}"#
    )
}

fn verdict(line: &str, record: &str) -> Result<(), (&'static str, Option<String>)> {
    let policy = policy(line);
    let mut dry_run = DryRun::new(&policy).unwrap();
    let decoded = decode(record.as_bytes()).next().unwrap();
    assert!(decoded.result.is_ok(), "{:?}", decoded.result);
    match dry_run.verdict(&decoded.result) {
        Verdict::Applied => Ok(()),
        Verdict::Quarantined { reason, column } => Err((reason, column.map(str::to_owned))),
        other => panic!("{other:?}"),
    }
}

const WHOLE: &str = r#"{"id":1,"email":"a@b","born":"2000-02-29"}"#;
const NO_BORN: &str = r#"{"id":1,"email":"a@b"}"#;
const NO_EMAIL: &str = r#"{"id":1,"born":"2000-02-29"}"#;
const MORE: &str = r#"{"id":1,"email":"a@b","born":"2000-02-29","more":1}"#;

#[test]
fn a_column_that_is_absent_is_never_what_was_there_before() {
    let held = Err(("column-absent", Some("born".to_owned())));
    for operation in ["insert", "update"] {
        let before = if operation == "update" { "{}" } else { "" };
        assert_eq!(verdict("", &change(operation, NO_BORN, before)), held);
        assert_eq!(verdict("", &change(operation, NO_EMAIL, before)), Ok(()));
    }
}

#[test]
fn a_delete_needs_its_key_columns_only() {
    for data in [WHOLE, NO_BORN, MORE, r#"{"id":1}"#] {
        assert_eq!(verdict("", &change("delete", data, "")), Ok(()), "{data}");
    }
    let unlisted = verdict("", &change("insert", MORE, ""));
    assert_eq!(unlisted, Err(("unlisted-column", None)));
}

#[test]
fn an_update_without_a_before_image_is_held_unless_keys_never_change() {
    let update = change("update", WHOLE, "");
    assert_eq!(verdict("", &update), Err(("no-before-image", None)));
    assert_eq!(verdict("key_change = \"never\"", &update), Ok(()));
}

#[test]
fn an_empty_before_image_and_one_of_another_column_change_no_key() {
    // A changed key would want every sealed column.
    for before in ["{}", r#"{"email":"old"}"#, r#"{"id":1}"#, r#"{"id":"1"}"#] {
        let update = change("update", NO_EMAIL, before);
        assert_eq!(verdict("", &update), Ok(()), "{before}");
    }
}

#[test]
fn a_changed_key_needs_every_sealed_column() {
    let moved = |data| verdict("", &change("update", data, r#"{"id":2}"#));
    assert_eq!(moved(WHOLE), Ok(()));
    let held = Err(("absent-in-key-change", Some("email".to_owned())));
    assert_eq!(moved(NO_EMAIL), held);
}
