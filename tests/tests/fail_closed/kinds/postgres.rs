//! What columns of PostgreSQL hold.

use fieldseal_dms::Wire::{Boolean, Bytes, Number, Text};

use super::{Case, Column};

pub(super) const COLUMNS: [Column; 17] = [
    ("i16", "SMALLINT", "i16::text"),
    ("i64", "BIGINT", "i64::text"),
    ("money", "NUMERIC(10,2)", "money::text"),
    ("big", "NUMERIC", "big::text"),
    ("flag", "BOOLEAN", "flag::text"),
    ("raw", "BYTEA", "raw::text"),
    ("dt", "TIMESTAMP(6)", "dt::text"),
    ("seconds", "TIMESTAMP(0)", "seconds::text"),
    ("ts", "TIMESTAMPTZ(6)", "(ts AT TIME ZONE 'UTC')::text"),
    ("choice", "color", "choice::text"),
    ("doc", "JSON", "doc::text"),
    ("docb", "JSONB", "docb::text"),
    ("id128", "UUID", "id128::text"),
    ("single", "REAL", "single::float8::text"),
    ("wide", "DOUBLE PRECISION", "wide::text"),
    ("span", "TIME(3)", "span::text"),
    ("short", "VARCHAR(5)", "short"),
];

pub(super) fn cases() -> Vec<Case> {
    vec![
        ("i16", Number("-32768"), Ok("-32768")),
        ("i16", Number("32768"), Err("does-not-fit i16")),
        (
            "i64",
            Text("9223372036854775807"),
            Ok("9223372036854775807"),
        ),
        ("i64", Text("9223372036854775808"), Err("does-not-fit i64")),
        ("money", Text("99999999.99"), Ok("99999999.99")),
        ("money", Text("1.005"), Err("does-not-fit money")),
        ("money", Text("100000000"), Err("does-not-fit money")),
        (
            "big",
            Text("123456789012345678901234567890.000000000000000000000000000000000000001"),
            Ok("123456789012345678901234567890.000000000000000000000000000000000000001"),
        ),
        ("flag", Boolean(true), Ok("true")),
        ("flag", Text("f"), Ok("false")),
        ("flag", Number("1"), Ok("true")),
        ("flag", Number("2"), Err("not-a-boolean flag")),
        ("raw", Bytes(&[0, 255, 39, 92]), Ok("\\x00ff275c")),
        (
            "dt",
            Text("2026-07-12T09:48:04.596147Z"),
            Ok("2026-07-12 09:48:04.596147"),
        ),
        (
            "dt",
            Text("2026-07-12T09:48:04.5961471Z"),
            Err("does-not-fit dt"),
        ),
        (
            "seconds",
            Text("2026-07-12T09:48:04.5Z"),
            Err("does-not-fit seconds"),
        ),
        (
            "ts",
            Text("2026-03-29T02:30:00.5Z"),
            Ok("2026-03-29 02:30:00.5"),
        ),
        (
            "ts",
            Text("2026-03-29T02:30:00+02:00"),
            Err("foreign-zone ts"),
        ),
        ("choice", Text("it's"), Ok("it's")),
        ("choice", Text("blue"), Err("does-not-fit choice")),
        (
            "doc",
            Text("{\"b\": 1,  \"a\": [1e2]}"),
            Ok("{\"b\": 1,  \"a\": [1e2]}"),
        ),
        ("doc", Text("{\"b\": "), Err("not-json-text doc")),
        ("docb", Text("{\"b\": 1}"), Ok("{\"b\": 1}")),
        (
            "docb",
            Text("{\"b\": \"\\u0000\"}"),
            Err("does-not-fit docb"),
        ),
        ("docb", Text("{\"b\": 1e200000}"), Err("target-refused")),
        (
            "id128",
            Text("00112233445566778899AABBCCDDEEFF"),
            Ok("00112233-4455-6677-8899-aabbccddeeff"),
        ),
        ("id128", Text("001122334455"), Err("not-a-uuid id128")),
        ("single", Number("2.20000005"), Ok("2.200000047683716")),
        ("single", Number("1.4e-45"), Ok("1.401298464324817e-45")),
        ("single", Number("3.5e38"), Err("not-finite single")),
        ("wide", Number("5e-324"), Ok("5e-324")),
        (
            "wide",
            Number("1.7976931348623157e308"),
            Ok("1.7976931348623157e+308"),
        ),
        ("wide", Text("NaN"), Err("not-a-number wide")),
        ("span", Text("23:59:59.999"), Ok("23:59:59.999")),
        ("span", Text("24:00:00"), Err("does-not-fit span")),
        ("span", Text("-01:00:00"), Err("does-not-fit span")),
        ("short", Text("äöü😀ß"), Ok("äöü😀ß")),
        ("short", Text("äöü😀ßx"), Err("does-not-fit short")),
        ("short", Text("a\0b"), Err("does-not-fit short")),
    ]
}
