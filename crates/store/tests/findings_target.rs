//! Every finding about a target, on each real server where it applies: a good target is broken
//! in one way, and exactly that is reported.

#[path = "../../../tests/src/databases.rs"]
#[allow(dead_code, unreachable_pub)]
mod databases;

use databases::{Server, TestDatabase};
use fieldseal_db::{Connect, Database, Sql};
use fieldseal_policy::Policy;
use fieldseal_store::{Severity, create_tables, findings};

const POLICY: &str = r"
[source]
id = 'shop'
engine = 'mysql'
files.dir = 'source'
[target]
url = 'sqlite://target.db'
[keys]
deployment = 'test'
local.root_file = 'root.key'
[tables.'shop.people']
key = [{ id = 'integer' }, { code = 'text' }]
[tables.'shop.people'.columns]
points = 'keep'
[tables.'shop.people'.columns.email]
seal = 'contact'
kind = 'text'
index = [{ name = 'exact', normalise = ['trim/1'], column = 'email_bidx' }]
mask = [{ keep_last = 4, column = 'email_last' }]
";

use Server::{MariaDb, Postgres, Sqlite};

/// Changes the printed target and says which finding that makes: severity, column, a word of it.
struct Case<'a> {
    servers: &'a [Server],
    /// What of the printed text is replaced, by what.
    replace: (&'a str, &'a str),
    /// Run after the tables were made.
    then: &'a str,
    severity: Severity,
    column: Option<&'a str>,
    word: &'a str,
}

const ALL: &[Server] = &[Sqlite, Postgres, MariaDb];

const fn case<'a>(
    servers: &'a [Server],
    replace: (&'a str, &'a str),
    column: Option<&'a str>,
    word: &'a str,
) -> Case<'a> {
    Case {
        servers,
        replace,
        then: "",
        severity: Severity::Error,
        column,
        word,
    }
}

const fn then<'a>(servers: &'a [Server], then: &'a str, word: &'a str) -> Case<'a> {
    Case {
        then,
        ..case(servers, ("", ""), None, word)
    }
}

/// The printed target with one change; the findings about it.
async fn check(server: Server, case: &Case<'_>) {
    let test = TestDatabase::on(server).await;
    let policy = Policy::parse(POLICY).expect("the policy is right");
    let printed = create_tables(&policy, test.dialect(), None).expect("it can be printed");
    // One spelling of quotes for all dialects, so that one case holds for all.
    let plain = printed
        .replace(['`', '"'], "")
        .replace("COLLATE C", "COLLATE \"C\"");
    let (from, to) = case.replace;
    let changed = if from.is_empty() {
        plain.clone()
    } else {
        plain.replacen(from, to, 1)
    };
    assert!(
        from.is_empty() || changed != plain,
        "{server:?}: no {from} in\n{plain}"
    );
    let script = format!("{changed}\n{}", case.then);
    let run = test.database.execute_script(Sql::dynamic(script)).await;
    run.unwrap_or_else(|error| panic!("{server:?}: {error}\n{changed}\n{}", case.then));
    let found = findings(&test.database, &policy)
        .await
        .expect("the target answers");
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    let all = texts.join("\n");
    assert!(
        found.iter().zip(&texts).any(|(finding, text)| {
            finding.severity == case.severity
                && finding.column.as_deref() == case.column
                && text.contains(case.word)
        }),
        "{server:?}: expected \"{}\", found\n{all}\nin\n{changed}{}",
        case.word,
        case.then
    );
    // One change, one cause: nothing else is an error of another column.
    for finding in found
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
    {
        assert_eq!(finding.column.as_deref(), case.column, "{server:?}: {all}");
    }
    test.end().await;
}

async fn check_all(cases: &[Case<'_>]) {
    for case in cases {
        for server in case.servers {
            check(*server, case).await;
        }
    }
}

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
    let policy = Policy::parse(POLICY).expect("the policy is right");
    let printed = create_tables(&policy, test.dialect(), None).expect("it can be printed");
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

/// An account that may do less, made by the administrator of the servers.
#[tokio::test]
async fn privileges_of_the_account() {
    for server in [Postgres, MariaDb] {
        let test = TestDatabase::on(server).await;
        let policy = Policy::parse(POLICY).expect("the policy is right");
        let printed = create_tables(&policy, test.dialect(), None).expect("it can be printed");
        let account = test
            .url
            .rsplit('/')
            .next()
            .expect("the URL names a database")
            .to_owned();
        let make = match server {
            MariaDb => format!(
                "CREATE USER '{account}'@'%' IDENTIFIED BY 'pw'; \
                 GRANT SELECT, INSERT ON people TO '{account}'@'%';"
            ),
            _ => format!(
                "CREATE ROLE {account} LOGIN PASSWORD 'pw'; \
                 GRANT SELECT, INSERT ON people TO {account}; \
                 REVOKE TEMPORARY ON DATABASE {account} FROM PUBLIC;"
            ),
        };
        let script = Sql::dynamic(format!("{printed}\n{make}"));
        test.database
            .execute_script(script)
            .await
            .expect("the administrator may do this");
        let (scheme, rest) = test.url.split_once("://").expect("a URL has a scheme");
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let url = format!("{scheme}://{account}:pw@{place}");
        let lesser = Database::connect(&url, Connect::default())
            .await
            .expect("it may log in");
        let found = findings(&lesser, &policy)
            .await
            .expect("the target answers");
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        let all = texts.join("\n");
        assert!(all.contains("may not UPDATE, DELETE"), "{server:?}: {all}");
        match server {
            MariaDb => assert!(all.contains("cannot see whether it has triggers"), "{all}"),
            _ => assert!(all.contains("temporary tables"), "{all}"),
        }
        lesser.close().await;
        let drop = match server {
            MariaDb => format!("DROP USER '{account}'@'%'"),
            _ => format!("DROP OWNED BY {account}; DROP ROLE {account};"),
        };
        test.database
            .execute_script(Sql::dynamic(drop))
            .await
            .expect("it was made above");
        test.end().await;
    }
}

/// A session whose sql_mode is not strict, set for new sessions by the URL's account alone.
#[tokio::test]
async fn a_lenient_sql_mode_is_refused() {
    let test = TestDatabase::on(MariaDb).await;
    let policy = Policy::parse(POLICY).expect("the policy is right");
    let printed = create_tables(&policy, test.dialect(), None).expect("it can be printed");
    test.database
        .execute_script(Sql::dynamic(printed))
        .await
        .expect("it is valid");
    let single = Connect {
        create: false,
        connections: 1,
    };
    let lenient = Database::connect(&test.url, single)
        .await
        .expect("the server answers");
    lenient
        .execute("SET SESSION sql_mode = ''", &[])
        .await
        .expect("a session may");
    let found = findings(&lenient, &policy)
        .await
        .expect("the target answers");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].to_string().contains("sql_mode is not strict"),
        "{}",
        found[0]
    );
    lenient.close().await;
    test.end().await;
}
