//! Columns that change or refuse what is written: kept, sealed, indexed or masked.

use crate::databases::Server::{MariaDb, Postgres, Sqlite};
use crate::{ALL, case, check_all};

#[tokio::test]
async fn columns_that_change_or_refuse_what_is_written() {
    let points = Some("points");
    let kept = "points TEXT";
    check_all(&[
        case(
            ALL,
            (kept, "points INTEGER GENERATED ALWAYS AS (id) STORED"),
            points,
            "computed",
        ),
        case(&[MariaDb], (kept, "points FLOAT(5,2)"), points, "round"),
        case(
            &[MariaDb],
            (kept, "points TEXT CHARACTER SET utf8mb3"),
            points,
            "utf8mb4",
        ),
        case(
            &[MariaDb],
            (kept, "points TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP"),
            points,
            "ON UPDATE",
        ),
        case(
            &[Postgres],
            (
                "id BIGINT NOT NULL",
                "id BIGINT GENERATED ALWAYS AS IDENTITY",
            ),
            Some("id"),
            "BY DEFAULT",
        ),
        case(
            &[Postgres],
            (kept, "points INTERVAL(2)"),
            points,
            "cut values",
        ),
        case(
            &[Postgres],
            (kept, "points NUMERIC(3,-2)"),
            points,
            "negative scale",
        ),
        case(&[Postgres], (kept, "points NAME"), points, "cuts values"),
        case(&[Sqlite], (kept, "points DECIMAL(10,2)"), points, "TEXT"),
        case(&[Sqlite], (kept, "points JSON"), points, "TEXT"),
    ])
    .await;
}

#[tokio::test]
async fn sealed_index_and_mask_columns() {
    let email = Some("email");
    let index = Some("email_bidx");
    check_all(&[
        case(
            &[MariaDb],
            ("email LONGBLOB", "email VARBINARY(46)"),
            email,
            "at least 47",
        ),
        case(
            &[MariaDb],
            ("email LONGBLOB", "email BINARY(200)"),
            email,
            "fills values up",
        ),
        case(
            &[MariaDb],
            ("email LONGBLOB", "email TEXT"),
            email,
            "must hold bytes",
        ),
        case(
            &[Postgres],
            ("email BYTEA", "email TEXT"),
            email,
            "must hold bytes",
        ),
        case(
            &[Sqlite],
            ("email BLOB", "email TEXT"),
            email,
            "must hold bytes",
        ),
        case(
            &[MariaDb],
            ("BINARY(16),", "BINARY(15),"),
            index,
            "blind index",
        ),
        case(
            &[MariaDb],
            ("BINARY(16),", "BINARY(17),"),
            index,
            "look-ups",
        ),
        case(
            &[MariaDb],
            ("BINARY(16),", "BINARY(16) NOT NULL,"),
            index,
            "must take NULL",
        ),
        case(
            &[Postgres],
            ("email_bidx BYTEA", "email_bidx TEXT"),
            index,
            "blind index",
        ),
        case(
            &[MariaDb],
            ("email_last VARCHAR(8)", "email_last BLOB"),
            Some("email_last"),
            "text",
        ),
    ])
    .await;
}
