//! A value that an application seals has, byte for byte, the form that the pipeline gives the
//! same value when it arrives from DMS.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use fieldseal::FieldValue;
use fieldseal_dms::to_value;
use fieldseal_model::{Cell, ValueType};
use proptest::prelude::{any, proptest};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};
use uuid::Uuid;

/// The form of what DMS spells like this.
fn from_dms(cell: &Cell<'_>, column: &ValueType) -> Vec<u8> {
    let value = to_value(cell, column)
        .expect("DMS writes so")
        .expect("not NULL");
    value.expose().to_vec()
}

/// Every spelling that DMS has for the value, as a string of JSON.
fn spelled<T: FieldValue>(value: &T, spellings: &[&str]) {
    let ours = value.to_value().expect("it has a form");
    for spelling in spellings {
        let cell = Cell::Text((*spelling).into());
        assert_eq!(
            from_dms(&cell, &ValueType::of(T::KIND)),
            ours.expose(),
            "{spelling}"
        );
    }
}

/// As a number of JSON.
fn counted<T: FieldValue>(value: &T, spellings: &[&str]) {
    let ours = value.to_value().expect("it has a form");
    for spelling in spellings {
        let cell = Cell::Number((*spelling).into());
        assert_eq!(
            from_dms(&cell, &ValueType::of(T::KIND)),
            ours.expose(),
            "{spelling}"
        );
    }
}

#[test]
fn dates_and_times() {
    let spellings = ["1987-06-05", "1987-06-05T00:00:00Z", "1987-06-05 00:00:00"];
    let chrono = NaiveDate::from_ymd_opt(1987, 6, 5).expect("a date");
    let other = Date::from_calendar_date(1987, time::Month::June, 5).expect("a date");
    spelled(&chrono, &spellings);
    spelled(&other, &spellings);

    let spellings = ["14:03:02.5", "14:03:02.500000"];
    let chrono_time = NaiveTime::from_hms_milli_opt(14, 3, 2, 500).expect("a time");
    let other_time = Time::from_hms_milli(14, 3, 2, 500).expect("a time");
    spelled(&chrono_time, &spellings);
    spelled(&other_time, &spellings);

    let spellings = [
        "1987-06-05T14:03:02.500000Z",
        "1987-06-05 14:03:02.5",
        "1987-06-05T14:03:02.5",
    ];
    spelled::<NaiveDateTime>(&chrono.and_time(chrono_time), &spellings);
    spelled::<PrimitiveDateTime>(&PrimitiveDateTime::new(other, other_time), &spellings);
    spelled::<DateTime<Utc>>(&chrono.and_time(chrono_time).and_utc(), &spellings);
    let instant = PrimitiveDateTime::new(other, other_time).assume_utc();
    spelled::<OffsetDateTime>(&instant, &spellings);
}

#[test]
fn numbers_and_booleans() {
    counted(&-7_i8, &["-7", "-7.0"]);
    spelled(&18_446_744_073_709_551_615_u64, &["18446744073709551615"]);
    counted(&1200_i64, &["1200", "1.2e+03"]);
    let price = "-36.50".parse::<Decimal>().expect("a decimal");
    counted(&price, &["-36.5", "-36.50"]);
    spelled(&price, &["-36.5", "-36.5000"]);
    counted(&0.1_f64, &["0.1", "1e-1"]);
    counted(&true, &["1"]);
    spelled(&false, &["f", "false", "0"]);
    let float = ValueType {
        width: Some(32),
        ..ValueType::of(f32::KIND)
    };
    let ours = 0.1_f32.to_value().expect("a form");
    assert_eq!(from_dms(&Cell::Number("0.1".into()), &float), ours.expose());
}

#[test]
fn texts_bytes_uuids_and_json() {
    spelled(&"e\u{301} Zoë ".to_owned(), &["e\u{301} Zoë "]);
    spelled(&vec![0_u8, 0xab, 0xff], &["00abff", "0x00ABFF"]);
    let text = "01234567-89ab-cdef-0123-456789abcdef";
    let uuid = Uuid::parse_str(text).expect("a UUID");
    spelled(&uuid, &[text, "0123456789ABCDEF0123456789ABCDEF"]);
    let json = "{ \"b\": 1.10, \"a\": 12345678901234567890.5 }";
    let raw = RawValue::from_string(json.to_owned()).expect("JSON");
    spelled(&raw, &[json]);
}

proptest! {
    #[test]
    fn any_instant(seconds in -62_135_596_800_i64..253_402_300_800, micros in 0_u32..1_000_000) {
        let instant = DateTime::from_timestamp(seconds, micros * 1000).expect("an instant");
        let spelling = instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        spelled(&instant, &[&spelling]);
        spelled(&instant.naive_utc(), &[&spelling]);
        spelled(&instant.date_naive(), &[&spelling[..10]]);
        spelled(&instant.time(), &[&spelling[11..26]]);
    }

    #[test]
    fn any_decimal(mantissa in any::<i128>(), scale in 0_u32..=28) {
        let decimal = Decimal::from_i128_with_scale(mantissa >> 32, scale);
        spelled(&decimal, &[&decimal.to_string()]);
    }

    #[test]
    fn any_integer(number in any::<i64>()) {
        spelled(&number, &[&number.to_string()]);
    }
}
