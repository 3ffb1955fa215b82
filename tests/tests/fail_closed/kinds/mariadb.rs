//! What columns of MariaDB and MySQL hold.

use fieldseal_dms::Wire::{Boolean, Bytes, Number, Text};

use super::{Case, Column};

pub(super) const COLUMNS: [Column; 20] = [
    ("u8", "TINYINT UNSIGNED", "CAST(u8 AS CHAR)"),
    ("u64", "BIGINT UNSIGNED", "CAST(u64 AS CHAR)"),
    ("i64", "BIGINT", "CAST(i64 AS CHAR)"),
    ("money", "DECIMAL(10,2)", "CAST(money AS CHAR)"),
    ("big", "DECIMAL(65,30)", "CAST(big AS CHAR)"),
    ("bits", "BIT(10)", "CAST(bits + 0 AS CHAR)"),
    ("dt", "DATETIME(6)", "CAST(dt AS CHAR)"),
    ("ts", "TIMESTAMP(6) NULL", "CAST(ts AS CHAR)"),
    ("seconds", "DATETIME", "CAST(seconds AS CHAR)"),
    (
        "choice",
        "ENUM('red','it''s','x,y')",
        "CAST(choice AS CHAR)",
    ),
    ("several", "SET('a','b','c')", "CAST(several AS CHAR)"),
    ("doc", "JSON", "CAST(doc AS CHAR)"),
    ("bin", "BINARY(4)", "HEX(bin)"),
    ("varbin", "VARBINARY(4)", "HEX(varbin)"),
    ("single", "FLOAT", "CAST(CAST(single AS DOUBLE) AS CHAR)"),
    ("wide", "DOUBLE", "CAST(wide AS CHAR)"),
    ("day", "DATE", "CAST(day AS CHAR)"),
    ("span", "TIME(3)", "CAST(span AS CHAR)"),
    ("short", "VARCHAR(5)", "short"),
    ("yr", "YEAR", "CAST(yr AS CHAR)"),
];

pub(super) fn cases() -> Vec<Case> {
    vec![
        ("u8", Number("255"), Ok("255")),
        ("u8", Number("256"), Err("does-not-fit u8")),
        ("u8", Number("-1"), Err("does-not-fit u8")),
        (
            "u64",
            Text("18446744073709551615"),
            Ok("18446744073709551615"),
        ),
        ("u64", Text("18446744073709551616"), Err("does-not-fit u64")),
        (
            "u64",
            Number("1.8446744073709552e+19"),
            Err("lost-precision u64"),
        ),
        (
            "i64",
            Number("-9223372036854775808"),
            Err("lost-precision i64"),
        ),
        (
            "i64",
            Text("-9223372036854775808"),
            Ok("-9223372036854775808"),
        ),
        ("i64", Text("9223372036854775808"), Err("does-not-fit i64")),
        ("money", Text("99999999.99"), Ok("99999999.99")),
        ("money", Number("-0.5"), Ok("-0.50")),
        ("money", Text("100000000"), Err("does-not-fit money")),
        ("money", Text("1.005"), Err("does-not-fit money")),
        (
            "big",
            Text("12345678901234567890123456789012345.123456789012345678901234567891"),
            Ok("12345678901234567890123456789012345.123456789012345678901234567891"),
        ),
        ("bits", Number("1023"), Ok("1023")),
        ("bits", Text("0x0201"), Ok("513")),
        ("bits", Number("1024"), Err("too-wide bits")),
        (
            "dt",
            Text("2026-07-12T09:48:04.596147Z"),
            Ok("2026-07-12 09:48:04.596147"),
        ),
        (
            "dt",
            Text("9999-12-31T23:59:59Z"),
            Ok("9999-12-31 23:59:59.000000"),
        ),
        (
            "dt",
            Text("2026-07-12T09:48:04.5961471Z"),
            Err("does-not-fit dt"),
        ),
        ("dt", Text("0000-00-00T00:00:00Z"), Err("zero-date dt")),
        (
            "seconds",
            Text("2026-07-12T09:48:04.5Z"),
            Err("does-not-fit seconds"),
        ),
        (
            "seconds",
            Text("2026-03-29T02:30:00Z"),
            Ok("2026-03-29 02:30:00"),
        ),
        (
            "ts",
            Text("2026-07-12T09:48:04.596147Z"),
            Ok("2026-07-12 09:48:04.596147"),
        ),
        (
            "ts",
            Text("2026-03-29T02:30:00Z"),
            Ok("2026-03-29 02:30:00.000000"),
        ),
        ("ts", Text("1970-01-01T00:00:00Z"), Err("does-not-fit ts")),
        ("ts", Text("2038-01-19T03:14:08Z"), Err("does-not-fit ts")),
        ("choice", Text("it's"), Ok("it's")),
        ("choice", Text("x,y"), Ok("x,y")),
        ("choice", Text("RED"), Err("does-not-fit choice")),
        ("choice", Text(""), Err("does-not-fit choice")),
        ("choice", Text("1"), Err("does-not-fit choice")),
        ("several", Text("a,c"), Ok("a,c")),
        ("several", Text(""), Ok("")),
        ("several", Text("a,d"), Err("does-not-fit several")),
        (
            "doc",
            Text("{\"b\": 1,  \"a\": [1e2]}"),
            Ok("{\"b\": 1,  \"a\": [1e2]}"),
        ),
        ("doc", Text("{\"b\": "), Err("target-refused")),
        ("bin", Bytes(&[0, 255]), Ok("00FF0000")),
        ("bin", Bytes(&[1, 2, 3, 4, 5]), Err("does-not-fit bin")),
        ("varbin", Bytes(&[0, 255, 39, 92]), Ok("00FF275C")),
        ("varbin", Text("0x"), Ok("")),
        ("varbin", Text("0xZZ"), Err("not-hex varbin")),
        ("single", Number("2.20000005"), Ok("2.200000047683716")),
        (
            "single",
            Number("3.40282347e38"),
            Ok("3.4028234663852886e38"),
        ),
        ("single", Number("3.5e38"), Err("not-finite single")),
        (
            "wide",
            Number("1.7976931348623157e308"),
            Ok("1.7976931348623157e308"),
        ),
        (
            "wide",
            Number("2.2250738585072014e-308"),
            Ok("2.2250738585072014e-308"),
        ),
        (
            "wide",
            Number("0.30000000000000004"),
            Ok("0.30000000000000004"),
        ),
        ("wide", Number("1e999"), Err("not-finite wide")),
        ("day", Text("2024-02-29"), Ok("2024-02-29")),
        ("day", Text("2023-02-29"), Err("not-a-date day")),
        ("span", Text("-838:59:59"), Ok("-838:59:59.000")),
        ("span", Text("23:59:59.9999"), Err("does-not-fit span")),
        ("short", Text("äöü😀ß"), Ok("äöü😀ß")),
        ("short", Text("a    "), Ok("a    ")),
        ("short", Text("äöü😀ßx"), Err("does-not-fit short")),
        ("yr", Number("2155"), Ok("2155")),
        ("yr", Number("70"), Err("does-not-fit yr")),
        ("u8", Boolean(true), Err("wrong-type u8")),
    ]
}

/// As on MariaDB, but JSON is a type of its own: a document is kept as what it means, not as its
/// text, and what is none is told from other refusals.
pub(super) fn mysql() -> Vec<Case> {
    let mut cases = cases();
    for (column, _, expected) in &mut cases {
        if *column == "doc" {
            *expected = match expected {
                Ok(_) => Ok("{\"a\": [100.0], \"b\": 1}"),
                Err(_) => Err("not-json-text doc"),
            };
        }
    }
    cases
}
