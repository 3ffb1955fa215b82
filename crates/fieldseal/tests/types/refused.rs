//! What is not taken: another kind, what a type cannot hold, what has no form. No error names
//! the value.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use fieldseal::{FieldValue, Kind, OddValue, Pii, Value};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use uuid::Uuid;

/// A value of each kind, NULL among them.
fn one_of_each() -> Vec<Value> {
    let of = |kind, text: &str| Value::from_canonical(kind, text.as_bytes().to_vec());
    let values = [
        of(Kind::Text, "1"),
        of(Kind::Integer, "1"),
        of(Kind::Decimal, "1"),
        Ok(Value::float(1.0).expect("a number")),
        of(Kind::Boolean, "1"),
        of(Kind::Bytes, "0123456789abcdef"),
        of(Kind::Uuid, "0123456789abcdef"),
        of(Kind::Json, "1"),
        of(Kind::Date, "2026-11-21"),
        of(Kind::DateTime, "2026-11-21T13:00:00"),
        of(Kind::Timestamp, "2026-11-21T13:00:00Z"),
        of(Kind::Time, "13:00:00"),
    ];
    let mut values: Vec<Value> = values.into_iter().map(|v| v.expect("canonical")).collect();
    assert_eq!(values.len(), Kind::NAMED.len());
    values.push(Value::null());
    values
}

fn takes_one_kind<T: FieldValue>() {
    let rust = std::any::type_name::<T>();
    for value in one_of_each() {
        let found = value.kind();
        let expected = match found {
            _ if found == T::KIND => None,
            Kind::Null => Some(OddValue::Null),
            _ => Some(OddValue::WrongKind {
                wanted: T::KIND,
                found,
            }),
        };
        assert_eq!(T::from_value(&value).err(), expected, "{rust} from {found}");
    }
}

#[test]
fn every_type_takes_one_kind_only() {
    macro_rules! each {
        ($($rust:ty),*) => {$(
            takes_one_kind::<$rust>();
            takes_one_kind::<Pii<$rust>>();
        )*};
    }
    each!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);
    each!(String, Vec<u8>, bool, f32, f64, Decimal, Uuid);
    each!(serde_json::Value, Box<RawValue>);
    each!(NaiveDate, NaiveDateTime, DateTime<Utc>, NaiveTime);
    each!(Date, PrimitiveDateTime, OffsetDateTime, Time);
}

fn does_not_fit<T: FieldValue>(text: &str) {
    let value = Value::from_canonical(T::KIND, text.as_bytes().to_vec()).expect("canonical");
    let error = T::from_value(&value).err().expect("it does not fit");
    assert!(
        matches!(error, OddValue::DoesNotFit { .. }),
        "{text}: {error}"
    );
    assert!(!format!("{error} {error:?}").contains(text), "{error}");
}

#[test]
fn what_a_type_cannot_hold_is_an_error() {
    does_not_fit::<i8>("128");
    does_not_fit::<i8>("-129");
    does_not_fit::<u8>("-1");
    does_not_fit::<u64>("18446744073709551616");
    does_not_fit::<u128>("340282366920938463463374607431768211456");
    does_not_fit::<Decimal>("79228162514264337593543950336");
    does_not_fit::<Decimal>("0.00000000000000000000000000001");
    for duration in ["24:00:00", "838:59:59", "-00:00:01"] {
        does_not_fit::<NaiveTime>(duration);
        does_not_fit::<Time>(duration);
    }
    // Parses nowhere, or only by a parser that nests deeper.
    does_not_fit::<serde_json::Value>(&"[".repeat(200));
    does_not_fit::<Box<RawValue>>("not JSON");
    let wide = Value::float(0.1).expect("a number");
    let error = f32::from_value(&wide).err();
    assert!(matches!(error, Some(OddValue::DoesNotFit { .. })));
}

fn has_no_form<T: FieldValue>(value: &T) {
    let error = value.to_value().err().expect("it has no form");
    let expected = T::KIND;
    assert!(
        matches!(error, OddValue::NoForm { kind, .. } if kind == expected || kind == Kind::Date),
        "{error}"
    );
}

#[test]
fn what_the_format_has_no_form_for_is_an_error() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        has_no_form(&number);
    }
    has_no_form(&f32::NAN);
    for year in [0, -1, 10_000] {
        let date = NaiveDate::from_ymd_opt(year, 6, 1).expect("chrono has such years");
        has_no_form(&date);
        has_no_form(&date.and_time(NaiveTime::MIN));
        has_no_form(&date.and_time(NaiveTime::MIN).and_utc());
    }
    let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).expect("a leap second");
    has_no_form(&leap);
    let before_christ = Date::from_calendar_date(-1, time::Month::June, 1).expect("a date");
    has_no_form(&before_christ);
    let end = Date::from_calendar_date(9999, time::Month::December, 31).expect("a date");
    let there = PrimitiveDateTime::new(end, Time::from_hms(23, 0, 0).expect("a time"));
    let west = UtcOffset::from_hms(-5, 0, 0).expect("an offset");
    has_no_form(&there.assume_offset(west));
}

#[test]
fn both_zeros_are_one() {
    let (plus, minus) = (0.0_f64.to_value().unwrap(), (-0.0_f64).to_value().unwrap());
    assert_eq!(plus.expose(), minus.expose());
    let decimal = Decimal::new(-0, 3).to_value().unwrap();
    assert_eq!(decimal.expose(), b"0");
    let mut minus = Decimal::ZERO;
    minus.set_sign_negative(true);
    assert_eq!(minus.to_value().unwrap().expose(), b"0");
}
