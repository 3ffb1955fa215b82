//! Broken and odd records: no panic, and each ends as its line in the expectations says.

use std::collections::BTreeMap;

use fieldseal_dms::decode;

use crate::describe::{describe, files, folder, table};

#[test]
fn every_broken_or_odd_record_ends_as_expected() {
    let hostile = folder("tests/fixtures/hostile");
    let expected: BTreeMap<String, String> = table(&hostile.join("expect.tsv"))
        .into_iter()
        .map(|line| (line[0].clone(), line[1].clone()))
        .collect();
    let names = files(&hostile);
    assert!(names.len() >= 200, "{}", names.len());
    assert_eq!(names, expected.keys().cloned().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for name in names {
        let bytes = std::fs::read(hostile.join(&name)).unwrap();
        let found: Vec<String> = decode(&bytes)
            .map(|decoded| {
                assert!(
                    decoded.range.end <= bytes.len() && decoded.range.start <= decoded.range.end
                );
                let line = describe(&decoded);
                match line.split_once(' ') {
                    Some(("error", _)) | None => line,
                    Some((kind, _)) => kind.to_owned(),
                }
            })
            .collect();
        let found = found.join("; ");
        if found != expected[&name] {
            wrong.push(format!("{name}: {found}, not {}", expected[&name]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
