//! The plaintexts of the project's vectors, which other implementations seal and open too.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use fieldseal::{FieldValue, Kind, OddValue, Value};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};
use uuid::Uuid;

/// The plaintext of the vector for a kind.
fn plaintext(kind: Kind) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let file = folder.join(format!("kind-{kind}.txt"));
    let text = std::fs::read_to_string(&file).expect("a vector for every kind");
    let lines: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.split_once(": ")).collect();
    assert_eq!(lines["kind"].as_bytes(), [kind.code()]);
    assert_eq!(lines["expect"], "ok");
    let digits = lines["plaintext"].as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("hexadecimal")
        })
        .collect()
}

fn read<T: FieldValue>() -> Result<T, OddValue> {
    let value = Value::from_canonical(T::KIND, plaintext(T::KIND)).expect("canonical");
    T::from_value(&value)
}

fn reads_and_writes<T: FieldValue>() {
    let ours = read::<T>().expect("the type holds it").to_value();
    let ours = ours.expect("it has a form");
    assert_eq!(
        ours.expose(),
        plaintext(T::KIND),
        "{}",
        std::any::type_name::<T>()
    );
}

#[test]
fn the_same_bytes_are_read_and_written() {
    reads_and_writes::<String>();
    reads_and_writes::<Vec<u8>>();
    reads_and_writes::<bool>();
    reads_and_writes::<f64>();
    reads_and_writes::<i128>();
    reads_and_writes::<Decimal>();
    reads_and_writes::<Uuid>();
    reads_and_writes::<Box<RawValue>>();
    reads_and_writes::<NaiveDate>();
    reads_and_writes::<NaiveDateTime>();
    reads_and_writes::<DateTime<Utc>>();
    reads_and_writes::<Date>();
    reads_and_writes::<PrimitiveDateTime>();
    reads_and_writes::<OffsetDateTime>();
}

#[test]
fn json_is_the_same_and_written_shorter() {
    let before: serde_json::Value = read().expect("JSON");
    assert_eq!(before["a"], "é");
    let written = before.to_value().expect("a form");
    assert_eq!(written.expose_text(), Some("{\"a\":\"é\",\"b\":1.0}"));
}

#[test]
fn what_is_too_wide_is_refused() {
    assert!(read::<i64>().is_err(), "below -2^63");
    assert!(read::<f32>().is_err(), "0.1");
    assert!(read::<NaiveTime>().is_err(), "838 hours before midnight");
    assert!(read::<Time>().is_err(), "838 hours before midnight");
}
