//! Every tolerance and every strictness of `to_value`.

use fieldseal_dms::{ConvertError, to_value};
use fieldseal_model::{Cell, Kind, ValueType, ZeroDate};

fn n(text: &str) -> Cell<'_> {
    Cell::Number(text.into())
}

fn t(text: &str) -> Cell<'_> {
    Cell::Text(text.into())
}

fn of(kind: Kind) -> ValueType {
    ValueType::of(kind)
}

/// The canonical text, `NULL`, or the reason.
fn text(cell: &Cell, ty: &ValueType) -> String {
    match to_value(cell, ty) {
        Ok(None) => "NULL".to_owned(),
        Ok(Some(value)) => {
            assert_eq!(value.kind(), ty.kind);
            value.expose_text().expect("a kind of text").to_owned()
        }
        Err(error) => error.reason().to_owned(),
    }
}

fn hex(cell: &Cell, ty: &ValueType) -> String {
    match to_value(cell, ty) {
        Ok(None) => "NULL".to_owned(),
        Ok(Some(value)) => value.expose().iter().map(|b| format!("{b:02x}")).collect(),
        Err(error) => error.reason().to_owned(),
    }
}

fn check(ty: &ValueType, cases: &[(Cell, &str)]) {
    for (at, (cell, expected)) in cases.iter().enumerate() {
        assert_eq!(text(cell, ty), *expected, "case {at} of {}", ty.kind);
    }
}

fn check_hex(ty: &ValueType, cases: &[(Cell, &str)]) {
    for (at, (cell, expected)) in cases.iter().enumerate() {
        assert_eq!(hex(cell, ty), *expected, "case {at} of {}", ty.kind);
    }
}

#[test]
fn null_of_every_kind_is_null() {
    for (_, kind) in Kind::NAMED {
        assert!(to_value(&Cell::Null, &of(kind)).unwrap().is_none());
    }
}

#[test]
fn no_cell_is_of_kind_null() {
    let cell = t("x");
    let result = to_value(&cell, &of(Kind::Null));
    assert_eq!(result.err(), Some(ConvertError::WrongType));
}

#[test]
fn json_types_that_never_carry_a_kind() {
    for kind in [
        Kind::Text,
        Kind::Json,
        Kind::Uuid,
        Kind::Date,
        Kind::DateTime,
        Kind::Timestamp,
        Kind::Time,
        Kind::Bytes,
    ] {
        assert_eq!(hex(&n("1"), &of(kind)), "wrong-type", "{kind}");
        assert_eq!(hex(&Cell::Boolean(true), &of(kind)), "wrong-type", "{kind}");
    }
    for kind in [Kind::Integer, Kind::Decimal, Kind::Float] {
        assert_eq!(hex(&Cell::Boolean(true), &of(kind)), "wrong-type", "{kind}");
    }
}

#[test]
fn text_is_kept_as_it_is() {
    check(
        &of(Kind::Text),
        &[
            (t(""), ""),
            (t(" Zoë \u{1f600} "), " Zoë \u{1f600} "),
            (t("a\0b"), "a\0b"),
            (t("e\u{301}"), "e\u{301}"),
            (t("null"), "null"),
        ],
    );
    let fixed = ValueType {
        fixed_char: true,
        ..of(Kind::Text)
    };
    check(
        &fixed,
        &[(t(" ab  "), " ab"), (t("  "), ""), (t("a\t "), "a\t")],
    );
}

#[test]
fn bytes_that_are_not_utf8_are_no_text() {
    let cell = Cell::Text(fieldseal_model::Piece::Bytes(&[0xff]));
    assert_eq!(text(&cell, &of(Kind::Text)), "wrong-type");
}

#[test]
fn integers() {
    check(
        &of(Kind::Integer),
        &[
            (n("0"), "0"),
            (n("-0"), "0"),
            (n("-7"), "-7"),
            (t("045"), "45"),
            (t("+3"), "3"),
            // UseLargeIntegerValue: up to 18 digits.
            (n("123456789012345678"), "123456789012345678"),
            (n("-999999999999999999"), "-999999999999999999"),
            (n("1234567890123456789"), "lost-precision"),
            // As a string, any size.
            (t("18446744073709551615"), "18446744073709551615"),
            (t("-9223372036854775808"), "-9223372036854775808"),
            // What has been a double.
            (n("1.2e3"), "1200"),
            (n("1E+15"), "1000000000000000"),
            (t("12e2"), "1200"),
            (n("36.0"), "36"),
            (n("9.007199254740991e15"), "9007199254740991"),
            (n("9.007199254740992e+15"), "lost-precision"),
            (n("1.2345678901234568e+18"), "lost-precision"),
            (n("1e18"), "lost-precision"),
            (t("1.8446744073709552e+19"), "lost-precision"),
            (n("1e999999999"), "lost-precision"),
            (n("1.5"), "not-an-integer"),
            (n("15e-1"), "not-an-integer"),
            (t("1.5"), "not-an-integer"),
            (t(""), "not-a-number"),
            (t("-"), "not-a-number"),
            (t(" 1"), "not-a-number"),
            (t("0x01"), "not-a-number"),
            (t("1,000"), "not-a-number"),
            (t("1."), "not-a-number"),
            (t(".5"), "not-a-number"),
            (t("1e"), "not-a-number"),
            (t("٣"), "not-a-number"),
        ],
    );
}

#[test]
fn decimals() {
    check(
        &of(Kind::Decimal),
        &[
            (n("36"), "36"),
            (n("36.50"), "36.5"),
            (n("-0.0"), "0"),
            (t("1.0"), "1"),
            (
                t("12345678901234567890.123456789"),
                "12345678901234567890.123456789",
            ),
            (n("0.1"), "0.1"),
            (n("123456789012.345"), "123456789012.345"),
            (n("1234567890123.456"), "lost-precision"),
            (n("0.00012345678901234567"), "lost-precision"),
            (n("123456789012345678"), "123456789012345678"),
            (n("1234567890123456789"), "lost-precision"),
            (n("1.25E+1"), "12.5"),
            (n("1e-7"), "0.0000001"),
            (n("1e+14"), "100000000000000"),
            // 15 digits and a power of ten may stand for a longer number.
            (n("1e+15"), "lost-precision"),
            (n("1.23456789012345678e+2"), "lost-precision"),
            (t("1e400"), "lost-precision"),
            (t("NaN"), "not-a-number"),
            (t("1 EUR"), "not-a-number"),
            (t(""), "not-a-number"),
        ],
    );
    let money = ValueType {
        scale: Some(2),
        ..of(Kind::Decimal)
    };
    check(
        &money,
        &[
            (n("36"), "36"),
            (t("36.500"), "36.5"),
            (t("36.505"), "too-precise"),
        ],
    );
}

#[test]
fn floats_round_once_from_the_decimal_text() {
    let float = |cell: &Cell, width: Option<u32>| {
        let ty = ValueType {
            width,
            ..of(Kind::Float)
        };
        match to_value(cell, &ty) {
            Ok(value) => {
                let value = value.unwrap();
                let raw = <[u8; 8]>::try_from(value.expose()).unwrap();
                format!("{:?}", f64::from_be_bytes(raw))
            }
            Err(error) => error.reason().to_owned(),
        }
    };
    for (cell, width, expected) in [
        (n("55"), None, "55.0"),
        (n("-0.0"), None, "0.0"),
        (t("20.2"), None, "20.2"),
        (n("1e308"), None, "1e308"),
        (n("1e309"), None, "not-finite"),
        (n("1e39"), Some(32), "not-finite"),
        // A FLOAT of 2.2, printed with nine digits.
        (n("2.20000005"), Some(32), "2.200000047683716"),
        (n("2.2"), Some(32), "2.200000047683716"),
        (n("2.20000005"), None, "2.20000005"),
        // Exactly half way between two binary32, then a little more: through binary64 first it
        // would round to even, down.
        (
            n("1.00000005960464477540000000001"),
            Some(32),
            "1.0000001192092896",
        ),
        (t("NaN"), None, "not-a-number"),
        (t("Infinity"), None, "not-a-number"),
        (t("inf"), None, "not-a-number"),
        (t("1_0"), None, "not-a-number"),
    ] {
        assert_eq!(float(&cell, width), expected);
    }
}

#[test]
fn booleans() {
    for truth in [
        "1", "t", "T", "true", "TRUE", "true ", "t    ", "0x01", "01",
    ] {
        assert_eq!(text(&t(truth), &of(Kind::Boolean)), "1", "{truth}");
    }
    for falsehood in ["0", "f", "false", "False", "f    ", "0x00", "00"] {
        assert_eq!(text(&t(falsehood), &of(Kind::Boolean)), "0", "{falsehood}");
    }
    check(
        &of(Kind::Boolean),
        &[
            (Cell::Boolean(true), "1"),
            (Cell::Boolean(false), "0"),
            (n("1"), "1"),
            (n("0"), "0"),
            (n("2"), "not-a-boolean"),
            (n("-1"), "not-a-boolean"),
            (n("1.0"), "not-a-boolean"),
            (t("yes"), "not-a-boolean"),
            (t(""), "not-a-boolean"),
            (t(" t"), "not-a-boolean"),
            (t("0x02"), "not-a-boolean"),
        ],
    );
}

#[test]
fn bytes_with_and_without_prefix() {
    check_hex(
        &of(Kind::Bytes),
        &[
            (t("0x80057D942E"), "80057d942e"),
            (t("80057d942e"), "80057d942e"),
            (t("0XaB"), "ab"),
            (t("0x"), ""),
            (t(""), ""),
            (t("0x8"), "not-hex"),
            (t("0x8g"), "not-hex"),
            (t("0x0x80"), "not-hex"),
            (t("0x 80"), "not-hex"),
            (t("zz"), "not-hex"),
            (t("é"), "not-hex"),
        ],
    );
    let binary = ValueType {
        width: Some(4),
        ..of(Kind::Bytes)
    };
    check_hex(
        &binary,
        &[
            (t("0xAB"), "ab000000"),
            (t(""), "00000000"),
            (t("0xABCDEF01"), "abcdef01"),
            (t("0xABCDEF0100"), "too-wide"),
        ],
    );
}

#[test]
fn bit_fields_are_big_endian() {
    let bits = |bits| ValueType {
        bits: Some(bits),
        ..of(Kind::Bytes)
    };
    check_hex(
        &bits(12),
        &[
            (t("0x0FFF"), "0fff"),
            (t("FF"), "00ff"),
            (t("0x0000000000000FFF"), "0fff"),
            (t(""), "0000"),
            (n("5"), "0005"),
            (n("4095"), "0fff"),
            (n("4096"), "too-wide"),
            (t("0x1000"), "too-wide"),
            (Cell::Boolean(true), "0001"),
            (Cell::Boolean(false), "0000"),
            (n("1.5"), "not-a-number"),
            (n("-1"), "not-a-number"),
            (t("0xF"), "not-hex"),
        ],
    );
    check_hex(
        &bits(64),
        &[
            (t("0xFFFFFFFFFFFFFFFF"), "ffffffffffffffff"),
            (n("9007199254740991"), "001fffffffffffff"),
            (n("9007199254740992"), "lost-precision"),
            (n("99999999999999999999"), "not-a-number"),
            (t("0x01FFFFFFFFFFFFFFFF"), "too-wide"),
        ],
    );
}

#[test]
fn uuids() {
    let canonical = "33b5205683844 71a9e8c74b9cc7b5c0d".replace(' ', "");
    for good in [
        "33b52056-8384-471a-9e8c-74b9cc7b5c0d",
        "33B52056-8384-471A-9E8C-74B9CC7B5C0D",
        "33b520568384471a9e8c74b9cc7b5c0d",
        "0x33B520568384471A9E8C74B9CC7B5C0D",
    ] {
        assert_eq!(hex(&t(good), &of(Kind::Uuid)), canonical, "{good}");
    }
    for bad in [
        "",
        "33b52056-8384-471a-9e8c-74b9cc7b5c0",
        "33b52056-8384-471a-9e8c74b9-cc7b5c0d",
        "{33b52056-8384-471a-9e8c-74b9cc7b5c0d}",
        "33b52056-8384-471a-9e8c-74b9cc7b5c0g",
        "33b52056-8384-471a-9e8c-74b9cc7b5-0d",
        "0x33B520568384471A9E8C74B9CC7B5C",
        "\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}",
    ] {
        assert_eq!(hex(&t(bad), &of(Kind::Uuid)), "not-a-uuid", "{bad}");
    }
}

#[test]
fn json_is_checked_and_kept() {
    check(
        &of(Kind::Json),
        &[
            (
                t("{\"b\": 1.50,  \"a\": [ ] }"),
                "{\"b\": 1.50,  \"a\": [ ] }",
            ),
            (t("null"), "null"),
            (t("{\"a\":1,\"a\":2}"), "{\"a\":1,\"a\":2}"),
            (t(" 1 "), " 1 "),
            // Cut off by the LOB limit.
            (t("{\"a\": \"long te"), "not-json-text"),
            (t(""), "not-json-text"),
            (t("{} {}"), "not-json-text"),
            (t("{'a': 1}"), "not-json-text"),
        ],
    );
    let deep = "[".repeat(100_000);
    assert_eq!(text(&t(&deep), &of(Kind::Json)), "not-json-text");
}

#[test]
fn dates() {
    check(
        &of(Kind::Date),
        &[
            (t("2015-10-17"), "2015-10-17"),
            (t("2015-10-17T00:00:00Z"), "2015-10-17"),
            (t("2015-10-17 00:00:00.000000"), "2015-10-17"),
            (t("0001-01-01"), "0001-01-01"),
            (t("2015-10-17T00:00:01Z"), "not-a-date"),
            (t("2015-10-17T00:00:00.5Z"), "not-a-date"),
            (t("2015-02-29"), "not-a-date"),
            (t("2015-10-17T00:00:00+02:00"), "foreign-zone"),
            (t("02/29/1988"), "not-a-date"),
            (t("2015-1-2"), "not-a-date"),
            (t("0044-03-15 BC"), "not-a-date"),
            (t("20151017"), "not-a-date"),
            (t("infinity"), "not-a-date"),
            (t(""), "not-a-date"),
        ],
    );
}

#[test]
fn datetimes_lose_the_zone_that_dms_invents() {
    check(
        &of(Kind::DateTime),
        &[
            (t("2026-07-12T09:48:04Z"), "2026-07-12T09:48:04"),
            (t("2026-07-12 09:48:04"), "2026-07-12T09:48:04"),
            (
                t("2026-07-12T09:48:04.596147Z"),
                "2026-07-12T09:48:04.596147",
            ),
            (t("2026-07-12T09:48:04.100000Z"), "2026-07-12T09:48:04.1"),
            (
                t("2026-07-12T09:48:04.915241000Z"),
                "2026-07-12T09:48:04.915241",
            ),
            (t("2026-07-12T09:48:04.000000Z"), "2026-07-12T09:48:04"),
            (t("1970-01-01T00:00:00Z"), "1970-01-01T00:00:00"),
            (t("2026-07-12T09:48:04+00:00"), "2026-07-12T09:48:04"),
            (t("2026-07-12T09:48:04+02:00"), "foreign-zone"),
            (t("2026-07-12T09:48:04-00:30"), "foreign-zone"),
            (t("2026-07-12"), "not-a-datetime"),
            (t("2026-07-12T09:48Z"), "not-a-datetime"),
            (t("2026-07-12T09:48:04.Z"), "not-a-datetime"),
            (t("2026-07-12T09:48:04.1234567891Z"), "not-a-datetime"),
            (t("2026-07-12T09:48:60Z"), "not-a-datetime"),
            (t("2026-07-12T24:00:00Z"), "not-a-datetime"),
            (t("2026-02-30T09:48:04Z"), "not-a-datetime"),
            (t("2026-07-12t09:48:04z"), "not-a-datetime"),
            (t("2026-07-12T09:48:04 Europe/Berlin"), "not-a-datetime"),
            (t("2026-07-1é"), "not-a-datetime"),
        ],
    );
}

#[test]
fn timestamps_are_utc() {
    check(
        &of(Kind::Timestamp),
        &[
            (t("2026-07-12T09:48:04Z"), "2026-07-12T09:48:04Z"),
            (t("2026-07-12 09:48:04.500"), "2026-07-12T09:48:04.5Z"),
            (t("2026-07-12 09:48:04+00"), "2026-07-12T09:48:04Z"),
            (t("2026-07-12 09:48:04+0000"), "2026-07-12T09:48:04Z"),
            (t("2026-07-12 09:48:04+02"), "foreign-zone"),
            (t("2026-07-12T09:48:60Z"), "not-a-datetime"),
        ],
    );
}

#[test]
fn zero_dates_follow_the_policy() {
    for kind in [Kind::Date, Kind::DateTime, Kind::Timestamp] {
        for zero in [
            "0000-00-00",
            "0000-00-00T00:00:00Z",
            "0000-00-00 00:00:00.000000",
            "2020-00-01T00:00:00Z",
            "2020-01-00",
            "0000-05-06",
        ] {
            let mut ty = of(kind);
            assert_eq!(text(&t(zero), &ty), "zero-date", "{kind} {zero}");
            ty.zero_date = ZeroDate::Null;
            assert_eq!(text(&t(zero), &ty), "NULL", "{kind} {zero}");
        }
        let ty = ValueType {
            zero_date: ZeroDate::Null,
            ..of(kind)
        };
        for broken in [
            "0000-00-00x",
            "0000-00-00T",
            "0000-00-00Tab:cd:ef",
            "000-00-00",
        ] {
            let reason = text(&t(broken), &ty);
            assert!(
                reason.starts_with("not-a-date"),
                "{kind} {broken}: {reason}"
            );
        }
    }
}

#[test]
fn times() {
    check(
        &of(Kind::Time),
        &[
            (t("01:30:00"), "01:30:00"),
            (t("-00:01:00"), "-00:01:00"),
            (t("00:00:01.02999"), "00:00:01.02999"),
            (t("00:00:01.500000"), "00:00:01.5"),
            (t("838:59:59"), "838:59:59"),
            (t("-838:59:59"), "-838:59:59"),
            (t("012:00:00"), "12:00:00"),
            (t("-00:00:00"), "00:00:00"),
            (t("-00:00:00.000"), "00:00:00"),
            (t("839:00:00"), "not-a-time"),
            (t("1:00:00"), "not-a-time"),
            (t("01:00"), "not-a-time"),
            (t("01:00:60"), "not-a-time"),
            (t("01:00:00."), "not-a-time"),
            (t("01:00:00Z"), "not-a-time"),
            (t("1 day 04:00:00"), "not-a-time"),
            (t("-1 days -01:42:30"), "not-a-time"),
            (t(""), "not-a-time"),
        ],
    );
}
