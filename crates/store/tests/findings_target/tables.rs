//! Tables: missing, with another key, or with something beside them that refuses or writes.

use crate::databases::Server::{MariaDb, Postgres, Sqlite};
use crate::{ALL, case, check_all, then};

#[tokio::test]
async fn missing_tables_and_columns() {
    check_all(&[
        case(
            &[MariaDb],
            ("CREATE TABLE people", "CREATE TABLE persons"),
            None,
            "is missing",
        ),
        then(
            &[Sqlite, Postgres],
            "ALTER TABLE people RENAME TO persons;",
            "is missing",
        ),
        case(
            ALL,
            ("    points ", "    pointers "),
            Some("points"),
            "is missing",
        ),
        case(
            ALL,
            ("    _fieldseal_version ", "    v "),
            Some("_fieldseal_version"),
            "is missing",
        ),
    ])
    .await;
}

#[tokio::test]
async fn primary_keys() {
    let printed = "PRIMARY KEY (id, code)";
    let deferrable = "PRIMARY KEY (id, code) DEFERRABLE";
    let cut = "PRIMARY KEY (id, code(3))";
    check_all(&[
        case(
            ALL,
            (printed, "PRIMARY KEY (id)"),
            None,
            "PRIMARY KEY (id, code)",
        ),
        case(&[Postgres], (printed, deferrable), None, "deferrable"),
        case(&[MariaDb], (printed, cut), None, "only the beginning"),
    ])
    .await;
}

#[tokio::test]
async fn what_could_refuse_or_write_on_its_own() {
    let parent = "CREATE TABLE parent (id BIGINT NOT NULL PRIMARY KEY); ALTER TABLE people \
                  ADD CONSTRAINT outward FOREIGN KEY (id) REFERENCES parent (id);";
    let child = "CREATE TABLE child (id BIGINT NOT NULL, code TEXT, \
                 CONSTRAINT inward FOREIGN KEY (id, code) REFERENCES people (id, code));";
    let child_by_id = "CREATE TABLE child (id BIGINT NOT NULL, \
                       CONSTRAINT inward FOREIGN KEY (id) REFERENCES people (id));";
    let printed = "PRIMARY KEY (id, code)";
    let outward = "PRIMARY KEY (id, code), FOREIGN KEY (id) REFERENCES parent (id)";
    let trigger = "CREATE TRIGGER watch AFTER INSERT ON people BEGIN SELECT 1; END;";
    let trigger_maria = "CREATE TRIGGER watch BEFORE INSERT ON people FOR EACH ROW SET @seen = 1;";
    let trigger_postgres = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RETURN NEW; END $$; \
         CREATE TRIGGER watch BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION f();";
    check_all(&[
        then(
            ALL,
            "CREATE UNIQUE INDEX once ON people (points);",
            "unique index once",
        ),
        then(
            &[Postgres, MariaDb],
            parent,
            "foreign key outward of people",
        ),
        then(&[Sqlite, Postgres], child, "of child"),
        then(&[MariaDb], child_by_id, "foreign key inward of child"),
        then(&[Sqlite], trigger, "trigger watch"),
        then(&[MariaDb], trigger_maria, "trigger watch"),
        then(&[Postgres], trigger_postgres, "trigger watch"),
        then(
            &[Postgres],
            "CREATE RULE r AS ON DELETE TO people DO NOTHING;",
            "rules",
        ),
        then(&[Postgres], "ALTER TABLE people SET UNLOGGED;", "unlogged"),
        case(
            &[MariaDb],
            ("ENGINE=InnoDB", "ENGINE=Aria"),
            None,
            "no transactions",
        ),
        // SQLite adds no foreign key to a table that is there.
        case(&[Sqlite], (printed, outward), None, "foreign key to parent"),
    ])
    .await;
}
