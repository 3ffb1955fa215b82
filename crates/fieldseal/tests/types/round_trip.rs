//! Any value of each type goes through its canonical form and comes back the same.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use uuid::Uuid;

use crate::{form, round_trip};
use fieldseal::{FieldValue as _, Pii};

const DAYS: u64 = 3_652_059; // of the years 1 to 9999
const NANOS: i64 = 86_400_000_000_000; // of a day

fn a_date() -> impl Strategy<Value = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");
    (0..DAYS).prop_map(move |days| first.checked_add_days(Days::new(days)).expect("a date"))
}

/// Fractions of every length.
fn a_time() -> impl Strategy<Value = NaiveTime> {
    (0..NANOS, 0_u32..=9).prop_map(|(nanos, digits)| {
        let unit = 10_i64.pow(digits);
        NaiveTime::MIN + TimeDelta::nanoseconds(nanos / unit * unit)
    })
}

fn of_date(date: NaiveDate) -> Date {
    let julian = date.to_epoch_days() + 2_440_588;
    Date::from_julian_day(julian).expect("a date")
}

fn of_time(time: NaiveTime) -> Time {
    let nanos = (time - NaiveTime::MIN).num_nanoseconds().expect("a day");
    Time::MIDNIGHT + time::Duration::nanoseconds(nanos)
}

macro_rules! every {
    ($($name:ident: $rust:ty),*) => {
        proptest! {$(
            #[test]
            fn $name(value in any::<$rust>()) {
                prop_assert_eq!(form(&value), value.to_string());
            }
        )*}
    };
}

every!(
    i8s: i8, i16s: i16, i32s: i32, i64s: i64, i128s: i128,
    u8s: u8, u16s: u16, u32s: u32, u64s: u64, u128s: u128,
    texts: String
);

proptest! {
    #[test]
    fn booleans(value in any::<bool>()) {
        prop_assert_eq!(form(&value), u8::from(value).to_string());
    }

    #[test]
    fn byte_strings(value in any::<Vec<u8>>()) {
        prop_assert_eq!(round_trip(&value), value);
    }

    #[test]
    fn floats(bits in any::<u64>(), narrow in any::<u32>()) {
        let (value, narrow) = (f64::from_bits(bits), f32::from_bits(narrow));
        if value.is_finite() {
            round_trip(&value);
        } else {
            assert!(value.to_value().is_err());
        }
        if narrow.is_finite() {
            round_trip(&narrow);
        } else {
            assert!(narrow.to_value().is_err());
        }
    }

    #[test]
    fn personal_data(value in any::<String>()) {
        let pii = Pii::new(value);
        let back = Pii::<String>::from_value(&pii.to_value().expect("a form"));
        assert_eq!(back.expect("it comes back").expose(), pii.expose());
    }

    #[test]
    fn decimals(mantissa in any::<i128>(), scale in 0_u32..=28) {
        let value = Decimal::from_i128_with_scale(mantissa >> 32, scale);
        let text = form(&value);
        prop_assert_eq!(text.parse::<Decimal>().expect("a decimal"), value);
    }

    #[test]
    fn uuids(value in any::<u128>()) {
        prop_assert_eq!(round_trip(&Uuid::from_u128(value)), value.to_be_bytes());
    }

    /// Both libraries write the same bytes.
    #[test]
    fn dates_and_times(date in a_date(), time in a_time()) {
        prop_assert_eq!(form(&date), form(&of_date(date)));
        prop_assert_eq!(form(&time), form(&of_time(time)));
        let chrono = NaiveDateTime::new(date, time);
        let other = PrimitiveDateTime::new(of_date(date), of_time(time));
        prop_assert_eq!(form(&chrono), form(&other));
        prop_assert_eq!(form(&chrono.and_utc()), form(&other.assume_utc()));
        prop_assert_eq!(form(&chrono) + "Z", form(&chrono.and_utc()));
    }

    /// An instant is the same in every zone.
    #[test]
    fn instants(date in a_date(), time in a_time(), hours in -23_i8..=23) {
        let utc: DateTime<Utc> = NaiveDateTime::new(date, time).and_utc();
        let there = PrimitiveDateTime::new(of_date(date), of_time(time)).assume_utc();
        let offset = UtcOffset::from_hms(hours, 0, 0).expect("an offset");
        if let Some(there) = there.checked_to_offset(offset) {
            prop_assert_eq!(form(&there), form(&utc));
        }
    }

    #[test]
    fn json(numbers in any::<Vec<i64>>(), key in any::<String>(), text in any::<String>()) {
        let value = serde_json::json!({ key: [numbers, text, null, true, 1.5] });
        let written = form(&value);
        let raw: Box<RawValue> = RawValue::from_string(written.clone()).expect("JSON");
        let raw = raw.to_value().expect("a form");
        prop_assert_eq!(raw.expose(), written.as_bytes());
    }
}

#[test]
fn the_ends_of_the_calendar() {
    let first = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a date");
    assert_eq!(
        (form(&first), form(&last)),
        ("0001-01-01".into(), "9999-12-31".into())
    );
    assert_eq!(
        of_date(first),
        Date::from_ordinal_date(1, 1).expect("a date")
    );
    assert_eq!(form(&OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    let shortest = NaiveTime::from_hms_nano_opt(0, 0, 0, 1).expect("a time");
    assert_eq!(form(&shortest), "00:00:00.000000001");
}
