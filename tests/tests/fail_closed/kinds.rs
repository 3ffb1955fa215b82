//! Kept columns of every type the servers have: a value is written exactly, or only its own record
//! is held. Owns what each server's column holds, told in the server's own words.

use fieldseal_dms::Wire;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, policy, records};

const TABLE: &str = "shop.kinds";

/// One cell: the column, what DMS says, and what the server shows afterwards; `Err`: the reason
/// for which its record is held.
type Case = (
    &'static str,
    Wire<'static>,
    Result<&'static str, &'static str>,
);

/// A column: its name, its type, and the expression that shows it as text.
type Column = (&'static str, &'static str, &'static str);

const MARIADB: [Column; 20] = [
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

fn mariadb() -> Vec<Case> {
    use Wire::{Boolean, Bytes, Number, Text};
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

const POSTGRES: [Column; 17] = [
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

fn postgres() -> Vec<Case> {
    use Wire::{Boolean, Bytes, Number, Text};
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

const SQLITE: [Column; 10] = [
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

fn sqlite() -> Vec<Case> {
    use Wire::{Bytes, Number, Text};
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

async fn each_is_exact_or_held_alone(server: Server, columns: &[Column], cases: Vec<Case>) {
    let kept: Vec<String> = columns
        .iter()
        .map(|(name, ..)| format!("{name} = \"keep\""))
        .collect();
    let policy = policy(&format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\nabsent = \"null\"\n\
         [tables.\"{TABLE}\".columns]\nemail = {{ seal = \"contact\", kind = \"text\" }}\n{}",
        kept.join("\n")
    ));
    let rig = Rig::with(server, policy, &script(server, columns), |provider| {
        provider
    })
    .await;
    let mut all = Vec::new();
    for (id, (column, cell, _)) in (1..).zip(&cases) {
        let key = u32::to_string(&id);
        let cells = [
            ("id", Wire::Number(&key)),
            ("email", Wire::Text("ada@example.org")),
            (*column, *cell),
        ];
        all.push(records::insert(id, TABLE, &cells));
    }
    rig.run(MemorySource::of(all)).await;

    let held = rig.held_reasons().await;
    let mut wrong = Vec::new();
    for (id, (column, _, expected)) in (1_i64..).zip(&cases) {
        let show = columns
            .iter()
            .find(|(name, ..)| name == column)
            .map(|(.., show)| *show);
        let show = show.expect("a column of the table");
        let rows = rig
            .query(
                &format!("SELECT {show} FROM kinds WHERE id = ?"),
                &[id.into()],
            )
            .await;
        let stored = rows
            .first()
            .map(|row| row.opt_text(0).expect("the expression is text"));
        let reason = held
            .iter()
            .find_map(|held| held.strip_prefix(&format!("{id} ")));
        let right = match expected {
            Ok(text) => stored.as_ref().is_some_and(|s| s.as_deref() == Some(*text)),
            Err(why) => stored.is_none() && reason == Some(why),
        };
        if !right {
            wrong.push(format!(
                "{id} {column}: {expected:?}, but stored {stored:?}, held {reason:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{server:?}:\n{}", wrong.join("\n"));
    let kept = cases
        .iter()
        .filter(|(.., expected)| expected.is_ok())
        .count();
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.len(), kept);
    assert!(rows.values().all(|row| row["email"] == "ada@example.org"));
    rig.end().await;
}

/// As on MariaDB, but JSON is a type of its own: a document is kept as what it means, not as its
/// text, and what is none is told from other refusals.
fn mysql() -> Vec<Case> {
    let mut cases = mariadb();
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

fn script(server: Server, columns: &[Column]) -> String {
    let (before, bytes, version) = match server {
        Server::Sqlite => (
            "",
            "BLOB",
            "BLOB NOT NULL DEFAULT X'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'",
        ),
        Server::Postgres => (
            "CREATE TYPE color AS ENUM ('red', 'it''s'); ",
            "BYTEA",
            "BYTEA NOT NULL DEFAULT '\\xffffffffffffffffffffffffffffffff'",
        ),
        Server::MariaDb | Server::MySql => (
            "",
            "VARBINARY(200)",
            "BINARY(16) NOT NULL DEFAULT (UNHEX('FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'))",
        ),
    };
    let columns: Vec<String> = columns
        .iter()
        .map(|(name, declared, _)| format!("{name} {declared}"))
        .collect();
    format!(
        "{before}CREATE TABLE kinds (id BIGINT NOT NULL PRIMARY KEY, email {bytes}, {}, \
         _fieldseal_version {version})",
        columns.join(", ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_sqlite() {
    each_is_exact_or_held_alone(Server::Sqlite, &SQLITE, sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_postgres() {
    each_is_exact_or_held_alone(Server::Postgres, &POSTGRES, postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_mariadb() {
    each_is_exact_or_held_alone(Server::MariaDb, &MARIADB, mariadb()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_exact_or_held_alone_on_mysql() {
    if Server::MySql.is_there() {
        each_is_exact_or_held_alone(Server::MySql, &MARIADB, mysql()).await;
    }
}

/// A sealed value takes 46 bytes more than the text, and not one more fits.
#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_value_that_is_too_long_for_its_column_is_held_alone() {
    let policy = policy(&format!(
        "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\n\
         [tables.\"{TABLE}\".columns]\nemail = {{ seal = \"contact\", kind = \"text\" }}\nu8 = \"keep\""
    ));
    let tables = script(Server::MariaDb, &MARIADB[..1]);
    let rig = Rig::with(Server::MariaDb, policy, &tables, |provider| provider).await;
    let longest = 200 - 46;
    let all = (1..)
        .zip([longest - 1, longest, longest + 1, longest + 2])
        .map(|(id, length)| {
            let (key, text) = (u32::to_string(&id), "x".repeat(length));
            let cells = [
                ("id", Wire::Number(&key)),
                ("email", Wire::Text(&text)),
                ("u8", Wire::Null),
            ];
            records::insert(id, TABLE, &cells)
        });
    rig.run(MemorySource::of(all.collect())).await;
    assert_eq!(
        rig.held_reasons().await,
        ["3 does-not-fit email", "4 does-not-fit email"]
    );
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(rows["2"]["email"].len(), longest);
    rig.end().await;
}
