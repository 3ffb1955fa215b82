//! Every type on every server: what the catalogue says is what values are bound by.

#[path = "../../../../tests/src/databases.rs"]
#[allow(dead_code, unreachable_pub)]
pub(crate) mod databases;

use fieldseal_db::Sql;
use fieldseal_envelope::TableId;
use fieldseal_pipeline::{ColumnRole, TableLayout, TargetError, TargetType};

use super::{cast_types, describe};
use crate::schema::tests::servers;
use crate::schema::version_column_for_tests as version;
use databases::{Server, TestDatabase};

fn layout(target: &str, columns: &[&str]) -> TableLayout {
    let role = |number| {
        if number == 0 {
            ColumnRole::Key(0)
        } else {
            ColumnRole::Keep(number)
        }
    };
    TableLayout {
        table: TableId::new("shop.all").unwrap(),
        target: target.to_owned(),
        columns: columns
            .iter()
            .enumerate()
            .map(|(number, name)| ((*name).to_owned(), role(number)))
            .collect(),
        keys: 1,
    }
}

async fn run(test: &TestDatabase, sql: String) {
    test.database
        .execute_script(Sql::dynamic(sql))
        .await
        .expect("the statement is valid");
}

/// Makes a table of these columns, the first its key, and compares what is described. They are
/// asked for in the opposite order, but for the key.
async fn compare(test: &TestDatabase, expected: &[(&str, &str, TargetType)]) {
    let lines: Vec<String> = expected
        .iter()
        .map(|(name, declared, _)| format!("{name} {declared}"))
        .collect();
    let version = version(test.dialect());
    run(
        test,
        format!(
            "CREATE TABLE every_type ({}, _fieldseal_version {version}, PRIMARY KEY ({}))",
            lines.join(", "),
            expected[0].0
        ),
    )
    .await;
    let mut order: Vec<_> = expected.iter().collect();
    order[1..].reverse();
    let names: Vec<&str> = order.iter().map(|(name, ..)| *name).collect();
    let described = describe(&test.database, &layout("every_type", &names))
        .await
        .unwrap();
    assert_eq!(described.len(), order.len());
    for (column, (name, declared, ty)) in described.iter().zip(order) {
        assert_eq!(
            (column.name.as_str(), &column.ty),
            (*name, ty),
            "{name} {declared}"
        );
        assert_eq!(
            column.nullable,
            !declared.contains("NOT NULL"),
            "{name} {declared}"
        );
    }
}

fn integer(min: impl Into<i128>, max: impl Into<i128>) -> TargetType {
    TargetType::Integer {
        min: min.into(),
        max: max.into(),
    }
}

fn chars(max: u64, fixed: bool, nul: bool) -> TargetType {
    TargetType::Text {
        max_chars: Some(max),
        max_bytes: None,
        fixed,
        nul,
    }
}

fn text(max_bytes: Option<u64>, nul: bool) -> TargetType {
    TargetType::Text {
        max_chars: None,
        max_bytes,
        fixed: false,
        nul,
    }
}

fn decimal(all: u32, behind: u32) -> TargetType {
    TargetType::Decimal {
        precision: Some((all, behind)),
        unsigned: false,
    }
}

fn bytes(max: u64) -> TargetType {
    TargetType::Bytes { max: Some(max) }
}

fn choice(labels: &[&str], set: bool) -> TargetType {
    TargetType::Choice {
        labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        set,
    }
}

/// What MariaDB and MySQL share.
fn mysql_types() -> Vec<(&'static str, &'static str, TargetType)> {
    let stamp = |digits| TargetType::Timestamp {
        digits,
        narrow: true,
    };
    let time = |digits| TargetType::Time {
        digits,
        durations: true,
    };
    vec![
        ("id", "BIGINT UNSIGNED NOT NULL", integer(0, u64::MAX)),
        ("tiny", "TINYINT(1)", integer(i8::MIN, i8::MAX)),
        ("utiny", "TINYINT UNSIGNED NOT NULL", integer(0, u8::MAX)),
        ("small", "SMALLINT UNSIGNED ZEROFILL", integer(0, u16::MAX)),
        ("medium", "MEDIUMINT", integer(-8_388_608, 8_388_607)),
        ("umedium", "MEDIUMINT UNSIGNED", integer(0, 16_777_215)),
        ("plain", "INT", integer(i32::MIN, i32::MAX)),
        ("big", "BIGINT", integer(i64::MIN, i64::MAX)),
        ("y", "YEAR", integer(1901, 2155)),
        ("b1", "BIT(1)", TargetType::Bits { width: 1 }),
        ("b10", "BIT(10)", TargetType::Bits { width: 10 }),
        ("money", "DECIMAL(10,2)", decimal(10, 2)),
        (
            "whole",
            "DECIMAL UNSIGNED",
            TargetType::Decimal {
                precision: Some((10, 0)),
                unsigned: true,
            },
        ),
        ("f", "FLOAT", TargetType::Float { single: true }),
        ("d", "DOUBLE", TargetType::Float { single: false }),
        ("c", "CHAR(7)", chars(7, true, true)),
        ("v", "VARCHAR(20) NOT NULL", chars(20, false, true)),
        ("t1", "TINYTEXT", text(Some(255), true)),
        ("t2", "TEXT", text(Some(65_535), true)),
        ("t3", "MEDIUMTEXT", text(Some(16_777_215), true)),
        ("t4", "LONGTEXT", text(Some(4_294_967_295), true)),
        (
            "e",
            r"ENUM('a','it''s','b\\c','x,y)','é','l\nf') CHARACTER SET latin1",
            choice(&["a", "it's", "b\\c", "x,y)", "é", "l\nf"], false),
        ),
        ("s", "SET('a','b')", choice(&["a", "b"], true)),
        ("bin", "BINARY(9)", bytes(9)),
        ("vbin", "VARBINARY(300)", bytes(300)),
        ("l1", "TINYBLOB", bytes(255)),
        ("l2", "BLOB", bytes(65_535)),
        ("l3", "MEDIUMBLOB", bytes(16_777_215)),
        ("l4", "LONGBLOB", bytes(4_294_967_295)),
        ("day", "DATE", TargetType::Date),
        ("dt0", "DATETIME", TargetType::DateTime { digits: 0 }),
        ("dt6", "DATETIME(6)", TargetType::DateTime { digits: 6 }),
        ("ts0", "TIMESTAMP NULL", stamp(0)),
        ("ts3", "TIMESTAMP(3) NULL", stamp(3)),
        ("tm0", "TIME", time(0)),
        ("tm6", "TIME(6)", time(6)),
        ("place", "POINT", TargetType::Opaque),
    ]
}

#[tokio::test]
async fn mariadb_types() {
    let test = TestDatabase::on(Server::MariaDb).await;
    let mut types = mysql_types();
    // Its JSON is text with a check.
    types.push(("j", "JSON", text(Some(4_294_967_295), true)));
    types.push(("u", "UUID", TargetType::Uuid));
    compare(&test, &types).await;
    test.end().await;
}

#[tokio::test]
async fn mysql_9_types() {
    if !Server::MySql.is_there() {
        return;
    }
    let test = TestDatabase::on(Server::MySql).await;
    let mut types = mysql_types();
    types.push(("j", "JSON", TargetType::Json { doubles: true }));
    compare(&test, &types).await;
    test.end().await;
}

#[tokio::test]
async fn postgres_types() {
    let test = TestDatabase::on(Server::Postgres).await;
    run(
        &test,
        "CREATE TYPE mood AS ENUM ('it''s', 'b\\c', 'x,y')".to_owned(),
    )
    .await;
    let stamp = |digits| TargetType::Timestamp {
        digits,
        narrow: false,
    };
    let time = |digits| TargetType::Time {
        digits,
        durations: false,
    };
    let expected = [
        ("id", "BIGINT NOT NULL", integer(i64::MIN, i64::MAX)),
        ("small", "SMALLINT", integer(i16::MIN, i16::MAX)),
        ("plain", "INTEGER NOT NULL", integer(i32::MIN, i32::MAX)),
        ("o", "BOOLEAN", TargetType::Boolean),
        ("money", "NUMERIC(10,2)", decimal(10, 2)),
        ("big", "NUMERIC(1000,999)", decimal(1000, 999)),
        (
            "free",
            "NUMERIC",
            TargetType::Decimal {
                precision: None,
                unsigned: false,
            },
        ),
        ("f", "REAL", TargetType::Float { single: true }),
        ("d", "DOUBLE PRECISION", TargetType::Float { single: false }),
        ("c", "CHAR(7)", chars(7, true, false)),
        ("v", "VARCHAR(20)", chars(20, false, false)),
        ("v0", "VARCHAR", text(None, false)),
        ("t", "TEXT", text(None, false)),
        ("b", "BYTEA", TargetType::Bytes { max: None }),
        ("j", "JSON", TargetType::Json { doubles: false }),
        ("jb", "JSONB", TargetType::Json { doubles: false }),
        ("u", "UUID", TargetType::Uuid),
        ("day", "DATE", TargetType::Date),
        ("dt", "TIMESTAMP", TargetType::DateTime { digits: 6 }),
        ("dt0", "TIMESTAMP(0)", TargetType::DateTime { digits: 0 }),
        ("ts", "TIMESTAMPTZ", stamp(6)),
        ("ts3", "TIMESTAMPTZ(3)", stamp(3)),
        ("tm", "TIME", time(6)),
        ("tm2", "TIME(2)", time(2)),
        ("m", "mood", choice(&["it's", "b\\c", "x,y"], false)),
        ("i", "INTERVAL", TargetType::Opaque),
        ("a", "INET", TargetType::Opaque),
    ];
    compare(&test, &expected).await;
    let names = ["id", "money", "v", "dt0", "ts", "m", "c"];
    let casts = cast_types(&test.database, &layout("every_type", &names))
        .await
        .unwrap();
    assert_eq!(
        casts,
        [
            "bigint",
            "numeric(10,2)",
            "character varying(20)",
            "timestamp(0) without time zone",
            "timestamp with time zone",
            "mood",
            "character(7)"
        ]
    );
    test.end().await;
}

#[tokio::test]
async fn sqlite_types() {
    let test = TestDatabase::on(Server::Sqlite).await;
    let int = integer(i64::MIN, i64::MAX);
    compare(
        &test,
        &[
            ("id", "INTEGER NOT NULL", int.clone()),
            ("big", "BIGINT UNSIGNED", int),
            ("o", "BOOLEAN", integer(0, 1)),
            ("c", "CHAR(7)", text(None, true)),
            ("v", "VARCHAR(20)", text(None, true)),
            ("t", "TEXT NOT NULL", text(None, true)),
            ("money", "DECIMALTEXT(10,2)", decimal(10, 2)),
            ("j", "JSONTEXT", TargetType::Json { doubles: false }),
            ("b", "BLOB", TargetType::Bytes { max: None }),
            ("bin", "VARBINARY(4)", TargetType::Bytes { max: None }),
            ("bit", "BIT(10)", TargetType::Bits { width: 10 }),
            ("d", "DOUBLE", TargetType::Float { single: false }),
            ("f", "FLOAT", TargetType::Float { single: false }),
            ("day", "DATE", TargetType::Date),
            ("dt", "DATETIME", TargetType::DateTime { digits: 9 }),
            (
                "ts",
                "TIMESTAMP",
                TargetType::Timestamp {
                    digits: 9,
                    narrow: false,
                },
            ),
            (
                "tm",
                "TIME",
                TargetType::Time {
                    digits: 9,
                    durations: true,
                },
            ),
        ],
    )
    .await;
    test.end().await;
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_to_do() {
    for server in servers() {
        let test = TestDatabase::on(server).await;
        let refusal = async |target: &str, columns: &[&str]| match describe(
            &test.database,
            &layout(target, columns),
        )
        .await
        {
            Err(TargetError::Fatal(text)) => text,
            other => panic!("{server:?}: {:?}", other.map(|columns| columns.len())),
        };
        let text = refusal("nowhere", &["id"]).await;
        assert!(
            text.contains("nowhere") && text.contains("fieldseal schema"),
            "{text}"
        );
        let version = version(test.dialect());
        run(
            &test,
            format!(
                "CREATE TABLE there (id INTEGER NOT NULL PRIMARY KEY, \
                 _fieldseal_version {version})"
            ),
        )
        .await;
        let text = refusal("there", &["id", "gone", "lost"]).await;
        for word in ["there", "gone", "lost", "fieldseal schema"] {
            assert!(text.contains(word), "{text}");
        }
        test.end().await;
    }
}
