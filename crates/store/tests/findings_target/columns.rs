//! Columns that the rule itself leans on, and columns that the policy does not name.

use fieldseal_db::Sql;
use fieldseal_store::{Severity, findings};

use crate::databases::Server::{MariaDb, Postgres, Sqlite};
use crate::databases::TestDatabase;
use crate::{ALL, Case, case, check_all, printed};

#[tokio::test]
async fn the_version_column() {
    let column = Some("_fieldseal_version");
    let text = (
        "BYTEA NOT NULL DEFAULT '\\xffffffffffffffffffffffffffffffff'",
        "TEXT NOT NULL",
    );
    check_all(&[
        case(
            &[MariaDb],
            ("BINARY(16) NOT NULL DEFAULT (U", "BINARY(16) DEFAULT (U"),
            column,
            "NOT NULL",
        ),
        case(
            &[Postgres],
            ("BYTEA NOT NULL DEFAULT", "BYTEA DEFAULT"),
            column,
            "NOT NULL",
        ),
        case(
            &[Sqlite],
            ("BLOB NOT NULL DEFAULT", "BLOB DEFAULT"),
            column,
            "NOT NULL",
        ),
        case(&[MariaDb], ("UNHEX('FF", "UNHEX('00"), column, "sixteen FF"),
        case(&[Postgres], ("'\\xff", "'\\x00"), column, "sixteen FF"),
        case(&[Sqlite], ("X'FF", "X'00"), column, "sixteen FF"),
        case(
            &[MariaDb],
            (
                "BINARY(16) NOT NULL DEFAULT (U",
                "BINARY(17) NOT NULL DEFAULT (U",
            ),
            column,
            "16 bytes",
        ),
        case(&[Postgres], text, column, "16 bytes"),
    ])
    .await;
}

#[tokio::test]
async fn text_keys_compare_as_bytes() {
    let code = Some("code");
    let nopad = "/*M! COLLATE utf8mb4_nopad_bin */";
    let insensitive = "code TEXT COLLATE loose NOT NULL";
    let collation = "CREATE COLLATION loose \
                     (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n\
                     CREATE TABLE people";
    check_all(&[
        case(
            &[MariaDb],
            (nopad, "COLLATE utf8mb4_bin"),
            code,
            "compares bytes",
        ),
        case(
            &[MariaDb],
            (nopad, "COLLATE utf8mb4_general_nopad_ci"),
            code,
            "compares bytes",
        ),
        case(
            &[MariaDb],
            ("code VARCHAR(255)", "code CHAR(25)"),
            code,
            "trailing spaces",
        ),
        case(
            &[Sqlite],
            ("code TEXT", "code TEXT COLLATE NOCASE"),
            code,
            "compares bytes",
        ),
        case(
            &[Sqlite],
            ("code TEXT", "code TEXT COLLATE RTRIM"),
            code,
            "compares bytes",
        ),
        case(
            &[Postgres],
            ("code TEXT COLLATE \"C\"", "code CHAR(25)"),
            code,
            "trailing spaces",
        ),
    ])
    .await;
    let test = TestDatabase::on(Postgres).await;
    let (policy, printed) = printed(&test);
    let changed = printed
        .replace("CREATE TABLE \"people\"", &format!("{collation} "))
        .replace("\"code\" TEXT COLLATE \"C\" NOT NULL", insensitive);
    test.database
        .execute_script(Sql::dynamic(changed))
        .await
        .expect("the server has ICU");
    let found = findings(&test.database, &policy)
        .await
        .expect("the target answers");
    assert!(
        found
            .iter()
            .any(|finding| finding.to_string().contains("compares bytes"))
    );
    test.end().await;
}

#[tokio::test]
async fn columns_beside_the_policy() {
    let extra = ("    points ", "    extra INTEGER NOT NULL,\n    points ");
    let filled = (
        "    points ",
        "    extra INTEGER NOT NULL DEFAULT 3,\n    points ",
    );
    let warning = Case {
        severity: Severity::Warning,
        ..case(ALL, filled, Some("extra"), "not in the policy")
    };
    check_all(&[case(ALL, extra, Some("extra"), "has no default"), warning]).await;
}
