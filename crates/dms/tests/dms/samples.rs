//! Records as DMS and its emulators write them: hand-made ones of every known shape, and, where
//! the environment names a folder of captured ones, those. Each object of each file is compared
//! with its line in the expectations.

use std::path::Path;

use fieldseal_dms::decode;
use serde_json::Value;

use crate::describe::{describe, files, folder, table};

/// What a capturing tool wrapped around the bytes of the stream records, taken off: a JSON array
/// of records, or of envelopes that hold the record as text in `data`.
fn stream_records(bytes: &[u8]) -> Vec<Vec<u8>> {
    if !bytes.starts_with(b"[") {
        return vec![bytes.to_vec()];
    }
    let items: Vec<&serde_json::value::RawValue> = serde_json::from_slice(bytes).unwrap();
    let unwrap = |item: &&serde_json::value::RawValue| {
        let parsed: Value = serde_json::from_str(item.get()).unwrap();
        match &parsed["data"] {
            Value::String(text) => text.clone().into_bytes(),
            _ => item.get().as_bytes().to_vec(),
        }
    };
    items.iter().map(unwrap).collect()
}

/// Decodes every file and compares every object; the number of objects.
fn compare(samples: &Path, expectations: &Path) -> usize {
    let mut expected = table(expectations).into_iter().peekable();
    let mut objects = 0;
    for name in files(samples) {
        let number = name.split('-').next().unwrap_or_default();
        let bytes = std::fs::read(samples.join(&name)).unwrap();
        let records = stream_records(&bytes);
        let lines = records.iter().flat_map(|record| decode(record));
        for (index, decoded) in lines.enumerate() {
            let found = vec![number.to_owned(), index.to_string(), describe(&decoded)];
            assert_eq!(expected.next(), Some(found));
            objects += 1;
        }
        let missing = expected.next_if(|line| line[0] == number);
        assert_eq!(missing, None, "{name} has fewer objects than expected");
    }
    assert_eq!(
        expected.next(),
        None,
        "a file of the expectations is not there"
    );
    objects
}

#[test]
fn hand_made_records_of_every_known_shape() {
    let fixtures = folder("tests/fixtures/dms");
    let objects = compare(&fixtures, &fixtures.join("expect.tsv"));
    assert!(objects >= 50, "{objects}");
}

#[test]
fn captured_records() {
    let expectations = folder("tests/fixtures/dms/expect-samples.tsv");
    match std::env::var_os("FIELDSEAL_DMS_SAMPLES") {
        Some(samples) => {
            let objects = compare(Path::new(&samples), &expectations);
            println!("decoded {objects} captured DMS records");
        }
        None => println!(
            "captured DMS records: not tested, FIELDSEAL_DMS_SAMPLES is not set (the hand-made \
             records of the same shapes are)"
        ),
    }
}
