//! Integers, decimals, floats and booleans.

use fieldseal_dms::to_value;
use fieldseal_model::{Cell, Kind, ValueType};

use super::{check, n, of, t, text};

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
