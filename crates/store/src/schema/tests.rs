//! The dump reader, on what mysqldump writes and on what it does not; and what is printed, run on
//! each server and described there. The source's indexes have tests of their own.

mod indexes;
mod kinds;

use fieldseal_db::{Severity, Sql};
use fieldseal_model::TableName;
use fieldseal_pipeline::{TableLayout, TargetType};
use fieldseal_policy::Policy;

use super::{SchemaError, SourceColumns, create_tables, dump, read_source_columns};
use crate::describe::describe;
use crate::describe::tests::databases::{Server, TestDatabase};
use crate::findings::findings;

const DUMP: &str = "\
-- MariaDB dump 10.19
USE `shop`;
DROP TABLE IF EXISTS `customers`;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `customers` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `na``me` varchar(120) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT 'NOT NULL, unsigned',
  `tier` enum('a,b)','it''s') NOT NULL DEFAULT 'it''s' COMMENT 'one ) of `two`',
  `notes` text DEFAULT NULL,
  `token` binary(16) NOT NULL,
  `rate` float(5,2) unsigned DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `by_name` (`na``me`),
  CONSTRAINT `c` CHECK (`id` > 0)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!50001 CREATE VIEW `v` AS SELECT
 1 AS `id`*/;
";

#[test]
fn a_dump_is_read() {
    let read = dump::read(DUMP).unwrap();
    let name = TableName {
        schema: "shop".into(),
        table: "customers".into(),
    };
    let table = read.table(&name).unwrap();
    let types: Vec<_> = table
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.nullable, c.ty.clone()))
        .collect();
    let text = |max_chars, max_bytes| TargetType::Text {
        max_chars,
        max_bytes,
        fixed: false,
        nul: true,
    };
    let labels = vec!["a,b)".to_owned(), "it's".to_owned()];
    assert_eq!(
        types,
        [
            (
                "id",
                false,
                TargetType::Integer {
                    min: 0,
                    max: u64::MAX.into()
                }
            ),
            ("na`me", true, text(Some(120), None)),
            ("tier", false, TargetType::Choice { labels, set: false }),
            ("notes", true, text(None, Some(3 * 65_535))),
            ("token", false, TargetType::Bytes { max: Some(16) }),
            ("rate", true, TargetType::Float { single: true }),
        ]
    );
    assert!(table.column("token").unwrap().fixed_bytes);
    let elsewhere = TableName {
        schema: "other".into(),
        table: "customers".into(),
    };
    assert!(read.table(&elsewhere).is_none());
}

/// A dump of one child, whose foreign key ends like this.
fn child(ending: &str) -> String {
    format!(
        "USE `shop`;\nCREATE TABLE `orders` (\n  `id` int NOT NULL,\n  `customer` int,\n  \
         `tier` enum('a','b'),\n  PRIMARY KEY (`id`),\n  KEY `c` (`customer`),\n  CONSTRAINT \
         `of_customer` FOREIGN KEY (`customer`) REFERENCES `customers` (`id`){ending}\n) \
         ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n"
    )
}

fn child_policy(accepted: &str, leak: bool) -> Policy {
    Policy::parse(&format!(
        "[source]\nid = \"s\"\nengine = \"mysql\"\nfiles.dir = \"d\"\n\
         [target]\nurl = \"sqlite://t.db\"\n\
         [keys]\ndeployment = \"d\"\nlocal.root_file = \"k\"\n\
         [tables.\"shop.orders\"]\nkey = {{ id = \"integer\" }}\naccept_cascades = [{accepted}]\n\
         columns.customer = \"keep\"\n\
         columns.tier = {{ seal = \"c\", kind = \"text\", index = [\
         {{ name = \"e\", column = \"tier_bidx\", accept_leak = {leak} }}] }}\n"
    ))
    .unwrap()
}

#[test]
fn cascades_of_a_dump_are_refused_until_they_are_listed() {
    for (ending, found) in [
        (" ON DELETE CASCADE", true),
        (" ON UPDATE CASCADE", true),
        (" ON DELETE SET NULL", true),
        (" ON DELETE NO ACTION ON UPDATE SET NULL,", true),
        (" ON DELETE SET DEFAULT", true),
        (" ON UPDATE SET DEFAULT", true),
        ("", false),
        (" ON DELETE RESTRICT ON UPDATE NO ACTION", false),
    ] {
        let source = dump::read(&child(ending)).unwrap();
        let print = |accepted| {
            let policy = child_policy(accepted, true);
            create_tables(&policy, fieldseal_db::Dialect::Postgres, Some(&source))
        };
        match print("") {
            Ok(_) => assert!(!found, "{ending}"),
            Err(SchemaError::Mismatch(all)) => {
                assert!(found && all.len() == 1, "{ending}: {all:?}");
                assert!(
                    all[0].contains("accept_cascades = [\"of_customer\"]"),
                    "{all:?}"
                );
            }
            Err(other) => panic!("{ending}: {other}"),
        }
        assert!(print("\"of_customer\"").is_ok(), "{ending}");
    }
}

#[test]
fn an_index_over_an_enumeration_needs_its_leak_accepted() {
    let source = dump::read(&child("")).unwrap();
    let dialect = fieldseal_db::Dialect::Sqlite;
    let refused = create_tables(&child_policy("", false), dialect, Some(&source));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("\"tier\" is an enumeration"), "{text}");
    assert!(create_tables(&child_policy("", true), dialect, Some(&source)).is_ok());
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    for (text, line) in [
        (
            "CREATE TABLE `t` (\n  `id` int\n);\nALTER TABLE `t`\n  ADD CONSTRAINT `x` FOREIGN KEY \
             (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE;",
            5,
        ),
        ("CREATE TABLE public.customers (\n  id integer\n);", 1),
        ("\nCREATE TABLE `t` (`id` int);", 2),
        ("CREATE TABLE `t` (\n  id int\n);", 2),
        ("CREATE TABLE `t` (\n  `e` enum('a',\n'b')\n);", 3),
        ("CREATE TABLE `t` (\n  `e` enum('a,\n  `x` int\n);", 2),
        ("-- one\nCREATE TABLE `t` (\n  `id` int,\n", 2),
    ] {
        match dump::read(text) {
            Err(SchemaError::Sql { line: found, .. }) => assert_eq!(found, line, "{text}"),
            other => panic!("{text}: {:?}", other.map(|read| read.tables.len())),
        }
    }
}

/// Every server that is there: MySQL alone may be missing, and then that is said.
pub(crate) fn servers() -> impl Iterator<Item = Server> {
    [
        Server::Sqlite,
        Server::Postgres,
        Server::MariaDb,
        Server::MySql,
    ]
    .into_iter()
    .filter(|server| server.is_there())
}

/// Runs what is printed on the server, then describes and checks it.
async fn accepted(policy: &Policy, source: Option<&SourceColumns>, server: Server) -> String {
    let test = TestDatabase::on(server).await;
    let printed = create_tables(policy, test.dialect(), source).unwrap();
    let run = test
        .database
        .execute_script(Sql::dynamic(printed.clone()))
        .await;
    run.unwrap_or_else(|error| panic!("{server:?}: {error}\n{printed}"));
    for table in policy.tables() {
        let layout = TableLayout::of(table);
        let described = describe(&test.database, &layout).await;
        let described = described.unwrap_or_else(|error| panic!("{server:?}: {error}\n{printed}"));
        assert_eq!(described.len(), layout.columns.len());
        assert_eq!(
            layout.mistakes(table, &described),
            [],
            "{server:?}\n{printed}"
        );
    }
    let found = findings(&test.database, policy).await.unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, Vec::<String>::new(), "{server:?}\n{printed}");
    test.end().await;
    printed
}

const QUICKSTART: &str = include_str!("../../../../pipeline-config/quickstart.toml");

#[tokio::test]
async fn the_quickstart_is_accepted_by_every_server() {
    let policy = Policy::parse(QUICKSTART).unwrap();
    for server in servers() {
        let printed = accepted(&policy, None, server).await;
        assert!(
            printed.contains("email_bidx") && printed.contains("CHECK"),
            "{printed}"
        );
        assert!(!printed.contains("internal_score"), "{printed}");
    }
}

const EVERY_TYPE: &str = r"
[source]
id = 'shop'
engine = 'mysql'
files.dir = 'source'
[target]
url = 'sqlite://target.db'
[keys]
deployment = 'test'
local.root_file = 'root.key'

[tables.'shop.every_type']
key = [{ id = 'integer' }, { code = 'text' }, { at = 'timestamp' }]
unlisted = 'drop'
[tables.'shop.every_type'.columns]
tiny = 'keep'
umedium = 'keep'
big = 'keep'
y = 'keep'
b1 = 'keep'
b10 = 'keep'
money = 'keep'
f = 'keep'
d = 'keep'
c = 'keep'
v = 'keep'
t1 = 'keep'
t3 = 'keep'
j = 'keep'
e = 'keep'
s = 'keep'
bin = { keep = true, width = 9 }
vbin = 'keep'
l3 = 'keep'
day = 'keep'
dt3 = 'keep'
ts0 = 'keep'
ts3 = 'keep'
tm = 'keep'
place = 'keep'
short = { seal = 'contact', kind = 'text' }
long = { seal = 'contact', kind = 'text', pad = 64 }
price = { seal = 'contact', kind = 'decimal' }
tier = { seal = 'contact', kind = 'text' }
[tables.'shop.every_type'.columns.email]
seal = 'contact'
kind = 'text'
index = [{ name = 'exact', normalise = ['trim/1'], column = 'email_bidx', unique = true }]
mask = [{ email_domain = true, column = 'email_domain' }]
";

const SOURCE: &str = r"CREATE TABLE `every_type` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `code` varchar(40) CHARACTER SET latin1 NOT NULL,
  `at` timestamp(6) NOT NULL DEFAULT current_timestamp(6),
  `tiny` tinyint(1) NOT NULL DEFAULT 1,
  `umedium` mediumint(8) unsigned DEFAULT NULL,
  `big` bigint(20) unsigned DEFAULT NULL,
  `y` year(4) DEFAULT NULL,
  `b1` bit(1) NOT NULL,
  `b10` bit(10) DEFAULT NULL,
  `money` decimal(12,3) unsigned NOT NULL,
  `f` float(7,2) DEFAULT NULL,
  `d` double DEFAULT NULL,
  `c` char(7) DEFAULT NULL,
  `v` varchar(16383) CHARACTER SET latin1 DEFAULT NULL,
  `t1` tinytext CHARACTER SET latin1 DEFAULT NULL,
  `t3` mediumtext DEFAULT NULL,
  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`j`)),
  `e` enum('a','it''s','b\c') DEFAULT NULL,
  `s` set('a','b') DEFAULT NULL,
  `bin` binary(9) DEFAULT NULL,
  `vbin` varbinary(300) DEFAULT NULL,
  `l3` mediumblob DEFAULT NULL,
  `day` date DEFAULT NULL,
  `dt3` datetime(3) DEFAULT NULL,
  `ts0` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `ts3` timestamp(3) NULL DEFAULT NULL,
  `tm` time(2) DEFAULT NULL,
  `place` point DEFAULT NULL,
  `short` varchar(20) DEFAULT NULL,
  `long` mediumtext DEFAULT NULL,
  `price` decimal(12,3) DEFAULT NULL,
  `tier` enum('gold','silver') DEFAULT NULL,
  `email` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`,`code`,`at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
";

/// From a file and from the very database the file describes, what is printed is the same.
#[tokio::test]
async fn every_source_type_is_accepted_by_every_server() {
    let policy = Policy::parse(EVERY_TYPE).unwrap();
    let of_file = dump::read(SOURCE).unwrap();
    let source = TestDatabase::on(Server::MariaDb).await;
    source.database.execute_script(SOURCE).await.unwrap();
    let path = source.path("source.sql");
    std::fs::write(&path, SOURCE).unwrap();
    assert_eq!(
        read_source_columns(&policy, path.to_str().unwrap())
            .await
            .unwrap()
            .tables
            .len(),
        1
    );
    // The policy's schema is `shop`, the test's database has a name of its own.
    let name = source.url.rsplit('/').next().unwrap();
    let here = Policy::parse(&EVERY_TYPE.replace("shop.every_type", &format!("{name}.every_type")));
    let of_url = read_source_columns(&here.unwrap(), &source.url)
        .await
        .unwrap();
    let of_url = SourceColumns {
        tables: of_url
            .tables
            .into_iter()
            .map(|table| super::SourceTable {
                cascades: Vec::new(),
                schema: Some("shop".into()),
                ..table
            })
            .collect(),
        strict: true,
    };
    for server in servers() {
        let printed = accepted(&policy, Some(&of_file), server).await;
        assert_eq!(printed, accepted(&policy, Some(&of_url), server).await);
        if matches!(server, Server::MariaDb | Server::MySql) {
            for part in [
                "`id` BIGINT UNSIGNED NOT NULL,",
                "`umedium` MEDIUMINT UNSIGNED,",
                "`ts0` TIMESTAMP(0) NOT NULL DEFAULT CURRENT_TIMESTAMP(0),",
                "`bin` BINARY(9),",
                "`short` VARBINARY(126),",
                "`long` LONGBLOB,",
                "`tier` VARBINARY(52),",
                "`email_bidx` BINARY(16),",
                "`email_domain` VARCHAR(255),",
            ] {
                assert!(printed.contains(part), "{part}\n{printed}");
            }
        }
    }
    source.end().await;
}

/// Source types and the kinds that sealed values are bound to them by.
const BOUND: [(&str, &str); 20] = [
    ("int unsigned", "integer"),
    ("bigint unsigned", "integer"),
    ("decimal(20,0)", "integer"),
    ("decimal(6,2)", "decimal, scale = 2"),
    ("double", "decimal"),
    ("char(10)", "text"),
    ("char(10)", "text, fixed_char = true"),
    ("enum('a')", "text"),
    ("json", "text"),
    ("varbinary(300)", "text"),
    ("binary(8)", "bytes, width = 8"),
    ("bit(1)", "bytes"),
    ("bit(10)", "bytes, bits = 10"),
    ("char(36)", "uuid"),
    ("binary(16)", "uuid, width = 16"),
    ("date", "date"),
    ("datetime(3)", "datetime"),
    ("timestamp", "datetime"),
    ("timestamp(6)", "timestamp"),
    ("datetime", "timestamp"),
];

/// What is printed for a bound column gives back what is bound to: with the source, without it,
/// and on every server.
#[tokio::test]
async fn bound_columns_of_every_kind_are_accepted_by_every_server() {
    let (mut bind, mut kept, mut columns) = (Vec::new(), String::new(), String::new());
    for (number, (declared, kind)) in BOUND.iter().enumerate() {
        let (name, details) = kind.split_at(kind.find(',').unwrap_or(kind.len()));
        bind.push(format!("{{ b{number} = {{ kind = '{name}'{details} }} }}"));
        kept.push_str(&format!("columns.b{number} = 'keep'\n"));
        columns.push_str(&format!("  `b{number}` {declared} NOT NULL,\n"));
    }
    let policy = Policy::parse(&format!(
        "[source]\nid = 's'\nengine = 'mysql'\nfiles.dir = 'd'\n\
         [target]\nurl = 'sqlite://t.db'\n[keys]\ndeployment = 'd'\nlocal.root_file = 'k'\n\
         [tables.'shop.t']\nkey = {{ id = 'integer' }}\nbind = [{}]\n{kept}\
         columns.s = {{ seal = 'c', kind = 'text' }}\n",
        bind.join(", ")
    ))
    .unwrap_or_else(|mistakes| panic!("{}", mistakes.in_file("policy")));
    let source = dump::read(&format!(
        "CREATE TABLE `t` (\n  `id` int NOT NULL,\n{columns}  `s` text,\n  PRIMARY KEY (`id`)\n);"
    ))
    .unwrap();
    for server in servers() {
        accepted(&policy, None, server).await;
        let printed = accepted(&policy, Some(&source), server).await;
        // Nothing is made narrower than it was.
        assert!(!printed.contains("255)"), "{printed}");
    }
}

#[test]
fn everything_the_source_lacks_is_said_at_once() {
    let policy = Policy::parse(QUICKSTART).unwrap();
    let source = dump::read(
        "USE `shop`;\nCREATE TABLE `customers` (\n  `id` int(11) NOT NULL,\n  `name` text\n);",
    )
    .unwrap();
    let refused = create_tables(&policy, fieldseal_db::Dialect::MySql, Some(&source)).unwrap_err();
    let text = refused.to_string();
    for word in ["email", "phone", "birth_date", "shop.orders"] {
        assert!(text.contains(word), "{text}");
    }
}

#[tokio::test]
async fn printed_columns_that_are_narrowed_are_warned_of() {
    let test = TestDatabase::on(Server::MariaDb).await;
    let policy = Policy::parse(QUICKSTART).unwrap();
    let printed = create_tables(&policy, test.dialect(), None).unwrap();
    let narrowed = printed.replace("`birth_date` VARBINARY(56)", "`birth_date` VARBINARY(50)");
    assert_ne!(printed, narrowed, "{printed}");
    test.database
        .execute_script(Sql::dynamic(narrowed))
        .await
        .unwrap();
    let found = findings(&test.database, &policy).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].severity, Severity::Warning);
    assert_eq!(found[0].column.as_deref(), Some("birth_date"));
    test.end().await;
}

#[tokio::test]
async fn kept_bytes_that_the_target_fills_up_are_refused() {
    let test = TestDatabase::on(Server::MariaDb).await;
    let text = format!(
        "{}[tables.'shop.t']\nkey = {{ id = 'integer' }}\nbind = [{{ a = 'bytes' }}, {{ b = 'uuid' }}]\n\
         columns.a = 'keep'\ncolumns.b = 'keep'\ncolumns.c = {{ keep = true, width = 4 }}\n\
         columns.d = 'keep'\ncolumns.s = {{ seal = 'c', kind = 'text' }}\n",
        EVERY_TYPE.split("[tables").next().unwrap()
    );
    let policy = Policy::parse(&text).unwrap();
    let printed = create_tables(&policy, test.dialect(), None).unwrap();
    let narrowed = printed
        .replace("`a` LONGBLOB", "`a` BINARY(8)")
        .replace("`c` BINARY(4)", "`c` BINARY(8)")
        .replace("`d` TEXT", "`d` BINARY(8)");
    let run = test.database.execute_script(Sql::dynamic(narrowed)).await;
    run.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    let found = findings(&test.database, &policy).await.unwrap();
    let columns: Vec<_> = found.iter().map(|one| one.column.as_deref()).collect();
    assert_eq!(columns, [Some("a"), Some("c")], "{found:?}\n{printed}");
    test.end().await;
}
