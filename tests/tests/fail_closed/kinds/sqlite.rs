//! What columns of SQLite hold.

use fieldseal_dms::Wire::{Bytes, Number, Text};

use super::{Case, Column};

pub(super) const COLUMNS: [Column; 10] = [
    ("i64", "BIGINT", "CAST(i64 AS TEXT)"),
    ("money", "DECIMALTEXT(10,2)", "money"),
    ("bits", "BIT(10)", "hex(bits)"),
    ("dt", "DATETIME", "dt"),
    ("ts", "TIMESTAMP", "ts"),
    ("doc", "JSONTEXT", "doc"),
    ("raw", "BLOB", "hex(raw)"),
    ("wide", "REAL", "printf('%!.17g', wide)"),
    ("day", "DATE", "day"),
    ("note", "TEXT", "note"),
];

pub(super) fn cases() -> Vec<Case> {
    vec![
        (
            "i64",
            Text("-9223372036854775808"),
            Ok("-9223372036854775808"),
        ),
        ("i64", Text("9223372036854775808"), Err("does-not-fit i64")),
        ("money", Text("99999999.99"), Ok("99999999.99")),
        ("money", Text("1.005"), Err("does-not-fit money")),
        ("bits", Number("513"), Ok("0201")),
        ("bits", Number("1024"), Err("too-wide bits")),
        (
            "dt",
            Text("2026-07-12T09:48:04.596147123Z"),
            Ok("2026-07-12 09:48:04.596147123"),
        ),
        (
            "ts",
            Text("2026-07-12T09:48:04Z"),
            Ok("2026-07-12 09:48:04Z"),
        ),
        (
            "doc",
            Text("{\"b\": 1,  \"a\": [1e2]}"),
            Ok("{\"b\": 1,  \"a\": [1e2]}"),
        ),
        ("doc", Text("{\"b\": "), Err("not-json-text doc")),
        ("raw", Bytes(&[0, 255, 39, 92]), Ok("00FF275C")),
        (
            "wide",
            Number("0.30000000000000004"),
            Ok("0.30000000000000004"),
        ),
        ("wide", Number("1e999"), Err("not-finite wide")),
        ("day", Text("2024-02-29"), Ok("2024-02-29")),
        ("day", Text("0000-00-00"), Err("zero-date day")),
        ("note", Text("007"), Ok("007")),
        ("note", Text("1e5"), Ok("1e5")),
        ("note", Text("a\u{1}b"), Ok("a\u{1}b")),
    ]
}
