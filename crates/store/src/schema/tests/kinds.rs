//! Kinds of the policy against columns of the source: every pair of families in a dump, and what
//! each server's catalogue says.

use fieldseal_db::{Dialect, Finding, Severity};
use fieldseal_policy::Policy;

use super::super::{SourceColumns, column_findings, create_tables, dump, read_source_columns};
use crate::describe::tests::databases::{Server, TestDatabase};

/// A policy of one table `NAME.t` with these lines.
fn policy(engine: &str, schema: &str, lines: &str) -> Policy {
    let text = format!(
        "[source]\nid = \"s\"\nengine = \"{engine}\"\nfiles.dir = \"d\"\n\
         [target]\nurl = \"sqlite://t.db\"\n\
         [keys]\ndeployment = \"d\"\nlocal.root_file = \"k\"\n\
         [tables.\"{schema}.t\"]\n{lines}\n"
    );
    Policy::parse(&text).unwrap_or_else(|mistakes| panic!("{}", mistakes.in_file("policy")))
}

fn dump_of(columns: &str) -> SourceColumns {
    let text = format!(
        "USE `shop`;\nCREATE TABLE `t` (\n  `id` int NOT NULL,\n{columns}  PRIMARY KEY (`id`)\n) \
         ENGINE=InnoDB;\n"
    );
    dump::read(&text).unwrap()
}

/// `-`: nothing; else a beginning of the severity and, behind it, words of the finding.
fn said(found: &[Finding]) -> String {
    match found {
        [] => "-".to_owned(),
        [one] => {
            let severity = match one.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("{severity}: {one}")
        }
        more => panic!("{more:?}"),
    }
}

/// A source's type, what the policy says of the column, and what is found.
const PAIRS: [(&str, &str, &str); 89] = [
    ("int unsigned", "integer", "-"),
    ("bigint", "decimal", "-"),
    ("year(4)", "integer", "-"),
    ("int", "text", "warning"),
    ("int", "float", "warning"),
    ("int", "boolean", "warning"),
    ("tinyint(1)", "boolean", "-"),
    ("tinyint(4)", "boolean", "warning"),
    ("int", "date", "error"),
    ("int", "bytes", "error"),
    ("int", "json", "error"),
    ("decimal(12,2)", "decimal, scale = 2", "-"),
    ("decimal(12,2)", "decimal", "warning"),
    ("decimal(12,2)", "decimal, scale = 1", "warning"),
    ("decimal(12,2)", "decimal, scale = 3", "warning"),
    ("decimal(12,0)", "decimal", "-"),
    ("decimal(12,0)", "integer", "-"),
    ("decimal(12,2)", "integer", "warning"),
    ("decimal(12,2)", "float", "warning"),
    ("decimal(12,2)", "time", "error"),
    ("float", "float, width = 32", "-"),
    ("float", "float", "warning"),
    ("double", "float", "-"),
    ("double", "float, width = 32", "error"),
    ("double", "decimal", "warning"),
    ("double", "integer", "warning"),
    ("double", "uuid", "error"),
    ("varchar(20)", "text", "-"),
    ("varchar(20)", "text, fixed_char = true", "error"),
    ("char(20)", "text", "warning"),
    ("char(20)", "text, fixed_char = true", "-"),
    ("longtext", "json", "-"),
    ("varchar(20)", "integer", "warning"),
    ("varchar(20)", "date", "warning"),
    ("varchar(20)", "bytes", "warning"),
    ("varchar(20)", "uuid", "error"),
    ("varchar(36)", "uuid", "-"),
    ("enum('a','b')", "text", "-"),
    ("enum('a','b')", "integer", "warning"),
    ("enum('a','b')", "bytes", "warning"),
    ("binary(9)", "bytes, width = 9", "-"),
    ("binary(9)", "bytes", "error"),
    ("binary(9)", "bytes, width = 8", "error"),
    ("binary(16)", "uuid", "error"),
    ("binary(16)", "uuid, width = 16", "-"),
    ("varbinary(16)", "uuid", "-"),
    ("varbinary(16)", "uuid, width = 16", "error"),
    ("varbinary(9)", "uuid", "error"),
    ("blob", "uuid", "warning"),
    ("blob", "bytes", "-"),
    ("varbinary(9)", "bytes, width = 9", "error"),
    ("blob", "bytes, bits = 9", "error"),
    ("blob", "text", "warning"),
    ("blob", "datetime", "error"),
    ("bit(1)", "boolean", "-"),
    ("bit(1)", "bytes", "warning"),
    ("bit(10)", "bytes, bits = 10", "-"),
    ("bit(10)", "bytes, bits = 9", "error"),
    ("bit(10)", "integer", "warning"),
    ("json", "json", "-"),
    ("json", "text", "-"),
    ("json", "integer", "warning"),
    ("date", "date", "-"),
    ("date", "datetime", "warning"),
    ("datetime(6)", "timestamp", "warning"),
    ("timestamp(3)", "datetime", "warning"),
    ("datetime", "date", "warning"),
    ("time", "text", "warning"),
    ("point", "integer", "warning"),
    ("point", "text", "-"),
    ("varchar(36)", "uuid, width = 16", "error"),
    ("char(40)", "uuid", "warning"),
    ("char(36)", "uuid", "-"),
    ("varchar(255)", "uuid", "warning"),
    ("binary(9)", "text", "error"),
    ("binary(9)", "uuid, width = 16", "error"),
    ("binary(1)", "boolean", "error"),
    ("varbinary(1)", "boolean", "warning"),
    ("BINARY (16)", "uuid, width = 16", "-"),
    ("DECIMAL (12,2)", "integer", "warning"),
    ("decimal(12,2)", "float, width = 32", "error"),
    ("int", "float, width = 32", "error"),
    ("float", "decimal", "warning"),
    ("float(53)", "float, width = 32", "error"),
    ("float(24)", "float, width = 32", "-"),
    ("enum('a ')", "text, fixed_char = true", "error"),
    ("time", "date", "error"),
    ("date", "time", "error"),
    ("bit(8)", "boolean", "warning"),
];

#[test]
fn every_family_of_types_is_judged() {
    for (declared, kind, wanted) in PAIRS {
        let source = dump_of(&format!("  `c` {declared} DEFAULT NULL,\n"));
        let (name, details) = kind.split_at(kind.find(',').unwrap_or(kind.len()));
        let lines = format!(
            "key = {{ id = \"integer\" }}\ncolumns.c = {{ seal = \"c\", kind = \"{name}\"{details} }}"
        );
        let policy = policy("mysql", "shop", &lines);
        let found = said(&column_findings(&policy, &source));
        assert!(found.starts_with(wanted), "{declared} as {kind}: {found}");
        // What would change or hold every value is refused before a table is made for it.
        let printed = create_tables(&policy, Dialect::Sqlite, Some(&source));
        assert_eq!(printed.is_err(), wanted == "error", "{declared} as {kind}");
    }
}

#[test]
fn a_finding_says_both_sides_and_what_to_write() {
    let source = dump_of(
        "  `token` binary(16) NOT NULL,\n  `born` date DEFAULT NULL,\n  `more` int DEFAULT NULL,\n",
    );
    let lines = "key = { id = \"integer\" }\n\
                 columns.token = { seal = \"c\", kind = \"uuid\" }\n\
                 columns.BORN = { seal = \"c\", kind = \"integer\" }\n\
                 columns.gone = \"keep\"\n";
    let policy_of = |lines: &str| policy("mysql", "shop", lines);
    let found = column_findings(&policy_of(lines), &source);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "table shop.t, column gone: the source has no such column; correct the policy, unless a \
             rule of the DMS task makes or renames it",
            "table shop.t: the policy does not list its columns more: every record with one of them \
             is held; say of each whether it is sealed, kept or dropped, unless the DMS task leaves \
             it out",
            "table shop.t, column token: the source declares it binary(16), the policy kind = \
             \"uuid\": a change comes without the zeros at its end, and only its whole width puts \
             them back; say kind = \"uuid\", width = 16",
            "table shop.t, column BORN: the source declares it date, the policy kind = \"integer\": \
             no value would be taken; say kind = \"date\"",
        ]
    );
    // Columns that nobody names are only dropped here, and a table that is not there is another's
    // finding.
    let dropping = "key = { id = \"integer\" }\nunlisted = \"drop\"\n";
    assert_eq!(column_findings(&policy_of(dropping), &source), []);
    assert_eq!(
        column_findings(&policy("mysql", "shop2", dropping), &source),
        []
    );
}

#[test]
fn keys_and_bound_columns_are_judged_too() {
    let source = dump_of("  `tenant` binary(8) NOT NULL,\n  `email` text,\n");
    let lines = "key = { id = \"text\" }\nbind = [{ tenant = \"bytes\" }]\n\
                 columns.tenant = \"keep\"\n\
                 columns.email = { seal = \"c\", kind = \"text\" }\n";
    let found = column_findings(&policy("mysql", "shop", lines), &source);
    let columns: Vec<_> = found
        .iter()
        .map(|one| (one.severity, one.column.as_deref().unwrap()))
        .collect();
    let wanted = [(Severity::Warning, "id"), (Severity::Error, "tenant")];
    assert_eq!(columns, wanted, "{found:?}");
}

#[test]
fn a_spelling_of_another_kind_is_no_key() {
    let source = dump_of("  `at` datetime NOT NULL,\n  `born` time NOT NULL,\n");
    let of = |lines: &str| {
        let lines = format!("unlisted = \"drop\"\n{lines}\n");
        said(&column_findings(&policy("mysql", "shop", &lines), &source))
    };
    let sealed = of("key = { id = \"integer\" }\ncolumns.at = { seal = \"c\", kind = \"text\" }");
    assert!(sealed.starts_with("warning"), "{sealed}");
    let key = of("key = { at = \"text\" }");
    assert!(
        key.starts_with("error") && key.ends_with("say kind = \"datetime\""),
        "{key}"
    );
    // Bound to the key as well: one finding.
    let both = of("key = { at = \"text\" }\nbind = [{ at = \"text\" }]");
    assert_eq!(both, key);
    // What the column is cannot be a key at all: no other kind could be said.
    let other = of("key = { born = \"datetime\" }");
    assert!(other.ends_with("name other columns there"), "{other}");
    let text = of("key = { born = \"text\" }");
    assert!(text.starts_with("warning"), "{text}");
}

#[test]
fn a_kept_binary_needs_its_width_and_nothing_else_has_one() {
    let source = dump_of(
        "  `token` binary(16) NOT NULL,\n  `raw` varbinary(16) NOT NULL,\n  `n` int NOT NULL,\n",
    );
    let of = |column: &str| {
        let lines = format!("key = {{ id = \"integer\" }}\nunlisted = \"drop\"\n{column}");
        said(&column_findings(&policy("mysql", "shop", &lines), &source))
    };
    let whole = "say { keep = true, width = 16 }";
    for (column, severity, advice) in [
        ("columns.token = \"keep\"", "error", whole),
        (
            "columns.token = { keep = true, width = 15 }",
            "error",
            whole,
        ),
        ("columns.token = { keep = true, width = 16 }", "-", ""),
        ("columns.raw = \"keep\"", "-", ""),
        (
            "columns.raw = { keep = true, width = 16 }",
            "error",
            "take out its width",
        ),
        (
            "columns.n = { keep = true, width = 4 }",
            "error",
            "take out its width",
        ),
    ] {
        let found = of(column);
        let right = found.starts_with(severity) && found.ends_with(advice);
        assert!(right, "{column}: {found}");
    }
}

/// The columns of a table as a server's catalogue spells them, each with a kind that fits, and the
/// same with kinds that do not.
async fn catalogue(server: Server, engine: &str, table: &str, fitting: &str, unfit: &[&str]) {
    let test = TestDatabase::on(server).await;
    test.database
        .execute_script(fieldseal_db::Sql::dynamic(table.to_owned()))
        .await
        .unwrap();
    let schema = match server {
        Server::Postgres => "public",
        _ => test.url.rsplit('/').next().unwrap(),
    };
    let found = async |lines: &str| {
        let policy = policy(engine, schema, lines);
        let source = read_source_columns(&policy, &test.url).await.unwrap();
        assert_eq!(source.tables.len(), 1);
        column_findings(&policy, &source)
    };
    let none = found(fitting).await;
    assert_eq!(none, [], "{server:?}");
    for line in unfit {
        let lines = format!("key = {{ id = \"integer\" }}\nunlisted = \"drop\"\n{line}\n");
        let found = found(&lines).await;
        assert!(
            said(&found).starts_with("error"),
            "{server:?}, {line}: {found:?}"
        );
    }
    test.end().await;
}

#[tokio::test]
async fn the_catalogues_of_mysql_and_mariadb_are_judged() {
    let table = "CREATE TABLE t (id BIGINT PRIMARY KEY, token BINARY(16), price DECIMAL(12,2), \
                 rate FLOAT, code CHAR(7), tier ENUM('a', 'b'), flag BOOLEAN, bits BIT(9), \
                 day DATE, at DATETIME(6), stamp TIMESTAMP(3) NULL, j JSON, raw VARBINARY(30), \
                 note TEXT, t TIME)";
    let fitting = "key = { id = \"integer\" }\n\
                   columns.token = { seal = \"c\", kind = \"bytes\", width = 16 }\n\
                   columns.price = { seal = \"c\", kind = \"decimal\", scale = 2 }\n\
                   columns.rate = { seal = \"c\", kind = \"float\", width = 32 }\n\
                   columns.code = { seal = \"c\", kind = \"text\", fixed_char = true }\n\
                   columns.tier = { seal = \"c\", kind = \"text\" }\n\
                   columns.flag = { seal = \"c\", kind = \"boolean\" }\n\
                   columns.bits = { seal = \"c\", kind = \"bytes\", bits = 9 }\n\
                   columns.day = { seal = \"c\", kind = \"date\" }\n\
                   columns.at = { seal = \"c\", kind = \"datetime\" }\n\
                   columns.stamp = { seal = \"c\", kind = \"timestamp\" }\n\
                   columns.j = { seal = \"c\", kind = \"json\" }\n\
                   columns.raw = { seal = \"c\", kind = \"bytes\" }\n\
                   columns.note = { seal = \"c\", kind = \"text\" }\n\
                   columns.t = { seal = \"c\", kind = \"time\" }\n";
    let unfit = [
        "columns.token = { seal = \"c\", kind = \"bytes\" }",
        "columns.token = { seal = \"c\", kind = \"uuid\" }",
        "columns.day = { seal = \"c\", kind = \"integer\" }",
        "columns.bits = { seal = \"c\", kind = \"bytes\" }",
        "columns.raw = { seal = \"c\", kind = \"bytes\", width = 30 }",
        "columns.note = { seal = \"c\", kind = \"text\", fixed_char = true }",
    ];
    for server in [Server::MariaDb, Server::MySql] {
        if server.is_there() {
            catalogue(server, "mysql", table, fitting, &unfit).await;
        }
    }
}

#[tokio::test]
async fn the_catalogue_of_postgres_is_judged() {
    let table = "CREATE TABLE t (id BIGINT PRIMARY KEY, token BYTEA, price NUMERIC(12,2), \
                 any_price NUMERIC, rate REAL, code CHAR(7), flag BOOLEAN, day DATE, \
                 at TIMESTAMP, stamp TIMESTAMPTZ, j JSONB, u UUID, note VARCHAR(20), t TIME, \
                 tags TEXT[])";
    let fitting = "key = { id = \"integer\" }\n\
                   columns.token = { seal = \"c\", kind = \"bytes\" }\n\
                   columns.price = { seal = \"c\", kind = \"decimal\", scale = 2 }\n\
                   columns.any_price = { seal = \"c\", kind = \"decimal\" }\n\
                   columns.rate = { seal = \"c\", kind = \"float\", width = 32 }\n\
                   columns.code = { seal = \"c\", kind = \"text\", fixed_char = true }\n\
                   columns.flag = { seal = \"c\", kind = \"boolean\" }\n\
                   columns.day = { seal = \"c\", kind = \"date\" }\n\
                   columns.at = { seal = \"c\", kind = \"datetime\" }\n\
                   columns.stamp = { seal = \"c\", kind = \"timestamp\" }\n\
                   columns.j = { seal = \"c\", kind = \"json\" }\n\
                   columns.u = { seal = \"c\", kind = \"uuid\" }\n\
                   columns.note = { seal = \"c\", kind = \"text\" }\n\
                   columns.t = { seal = \"c\", kind = \"time\" }\n\
                   columns.tags = { seal = \"c\", kind = \"text\" }\n";
    let unfit = [
        "columns.u = { seal = \"c\", kind = \"bytes\" }",
        "columns.flag = { seal = \"c\", kind = \"integer\" }",
        "columns.price = { seal = \"c\", kind = \"date\" }",
        "columns.day = { seal = \"c\", kind = \"time\" }",
    ];
    catalogue(Server::Postgres, "postgres", table, fitting, &unfit).await;
}
