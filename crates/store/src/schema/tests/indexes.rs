//! The source's own indexes: what of them is printed, from every server and from a dump, and that
//! every server takes it.

use fieldseal_db::Dialect;
use fieldseal_policy::Policy;

use super::{accepted, servers};
use crate::describe::tests::databases::{Server, TestDatabase};
use crate::schema::{SourceColumns, create_tables, dump, read_source_columns};

/// A policy over one table of the source's schema.
fn policy(engine: &str, schema: &str) -> Policy {
    let text = format!(
        r#"
[source]
id = 'shop'
engine = '{engine}'
files.dir = 'source'
[target]
url = 'sqlite://target.db'
[keys]
deployment = 'test'
local.root_file = 'root.key'
[tables.'{schema}.orders']
id = 'shop.orders'
key = {{ id = 'integer' }}
unlisted = 'drop'
[tables.'{schema}.orders'.columns]
customer = 'keep'
code = {{ keep = true, target = 'order_code' }}
placed = 'keep'
note = 'keep'
wide = 'keep'
doc = 'keep'
email = {{ seal = 'contact', kind = 'text', index = [{{ name = 'exact', column = 'email_bidx' }}] }}
phone = {{ seal = 'contact', kind = 'text' }}
score = 'drop'
"#
    );
    Policy::parse(&text).unwrap_or_else(|mistakes| panic!("{}", mistakes.in_file("policy")))
}

/// What stands behind the table's columns.
fn behind(printed: &str) -> &str {
    printed
        .split_once("    PRIMARY KEY ")
        .map_or(printed, |(_, rest)| rest)
}

const MYSQL: &str = "\
CREATE TABLE `orders` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `customer` int(11) NOT NULL,
  `code` varchar(20) NOT NULL,
  `placed` datetime(6) NOT NULL,
  `note` text DEFAULT NULL,
  `wide` varchar(760) DEFAULT NULL,
  `doc` json DEFAULT NULL,
  `email` varchar(255) DEFAULT NULL,
  `phone` varchar(20) DEFAULT NULL,
  `score` int(11) DEFAULT NULL,
  `extra` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `by_code` (`code`),
  UNIQUE KEY `id_again` (`id`),
  KEY `again` (`placed`),
  KEY `by_customer` (`customer`,`placed` DESC),
  KEY `by_email` (`email`),
  KEY `by_extra` (`extra`),
  KEY `by_phone` (`customer`,`phone`(4)),
  KEY `by_placed` (`placed`) USING BTREE COMMENT 'one, `two` ('')',
  KEY `by_score` (`score`),
  KEY `by_wide` (`wide`),
  KEY `email_bidx` (`placed`,`code`),
  KEY `note_start` (`note`(20)),
  FULLTEXT KEY `note_words` (`note`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
";

const MYSQL_LEFT_OUT: &str = "\
-- Plain here, unique at the source: \"by_code\". Rows are written in the order they
-- arrive, so that two may have one value for a moment; make it unique just before the
-- cutover.
-- Left out: the source's index \"by_email\", since its column \"email\" is sealed; look it up by email_bidx.
-- Left out: the source's index \"by_extra\", since its column \"extra\" is not in the policy.
-- Left out: the source's index \"by_phone\", since its column \"phone\" is sealed and has no blind index.
-- Left out: the source's index \"by_score\", since its column \"score\" is dropped.
";

const MYSQL_ODD: &str = "\
-- Left out: the source's index \"note_start\", which holds only the beginning of a column.
-- Left out: the source's index \"note_words\", which is no B-tree index.
";

const WIDE: &str = "\
-- Left out: the source's index \"by_wide\", which would hold values too long for an index entry here.
";

fn of_mysql(dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql => format!(
            "(`id`),\n    KEY (`email_bidx`),\n    KEY `again` (`placed`),\n    \
             KEY `by_code` (`order_code`),\n    KEY `by_customer` (`customer`, `placed` DESC),\n    \
             KEY `by_wide` (`wide`),\n    KEY `email_bidx_2` (`placed`, `order_code`)\n\
             ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n{MYSQL_LEFT_OUT}{MYSQL_ODD}"
        ),
        Dialect::Postgres => format!(
            "(\"id\")\n);\n{MYSQL_LEFT_OUT}{WIDE}{MYSQL_ODD}\
             CREATE INDEX ON \"orders\" (\"email_bidx\");\n\
             CREATE INDEX ON \"orders\" (\"placed\");\n\
             CREATE INDEX ON \"orders\" (\"order_code\");\n\
             CREATE INDEX ON \"orders\" (\"customer\", \"placed\" DESC);\n\
             CREATE INDEX ON \"orders\" (\"placed\", \"order_code\");\n"
        ),
        Dialect::Sqlite => format!(
            "(\"id\")\n);\n{MYSQL_LEFT_OUT}{MYSQL_ODD}\
             CREATE INDEX \"orders_email_bidx\" ON \"orders\" (\"email_bidx\");\n\
             CREATE INDEX \"orders_again\" ON \"orders\" (\"placed\");\n\
             CREATE INDEX \"orders_by_code\" ON \"orders\" (\"order_code\");\n\
             CREATE INDEX \"orders_by_customer\" ON \"orders\" (\"customer\", \"placed\" DESC);\n\
             CREATE INDEX \"orders_by_wide\" ON \"orders\" (\"wide\");\n\
             CREATE INDEX \"orders_email_bidx_2\" ON \"orders\" (\"placed\", \"order_code\");\n"
        ),
    }
}

#[tokio::test]
async fn indexes_of_a_dump_on_kept_columns_are_carried_over() {
    let policy = policy("mysql", "shop");
    let source = dump::read(MYSQL).unwrap();
    for server in servers() {
        let printed = accepted(&policy, Some(&source), server).await;
        assert_eq!(behind(&printed), of_mysql(server.dialect()), "{server:?}");
    }
}

/// Reads the source that these statements make.
async fn source(test: &TestDatabase, statements: &'static str, policy: &Policy) -> SourceColumns {
    test.database.execute_script(statements).await.unwrap();
    read_source_columns(policy, &test.url).await.unwrap()
}

async fn mysql_says_the_same_as_its_dump(server: Server) {
    let test = TestDatabase::on(server).await;
    let (_, schema) = test.url.rsplit_once('/').unwrap();
    let policy = policy("mysql", schema);
    let source = source(&test, MYSQL, &policy).await;
    for dialect in [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite] {
        let printed = create_tables(&policy, dialect, Some(&source)).unwrap();
        assert_eq!(behind(&printed), of_mysql(dialect), "{server:?}");
    }
    test.end().await;
}

#[tokio::test]
async fn mariadb_says_the_same_as_its_dump() {
    mysql_says_the_same_as_its_dump(Server::MariaDb).await;
}

#[tokio::test]
async fn mysql_9_says_the_same_as_its_dump() {
    if Server::MySql.is_there() {
        mysql_says_the_same_as_its_dump(Server::MySql).await;
    }
}

#[tokio::test]
async fn an_expression_in_a_mysql_index_is_left_out() {
    let line = "  KEY `sum` ((`customer` + 1),`placed`),\n  UNIQUE KEY `by_code`";
    let text = MYSQL.replacen("  UNIQUE KEY `by_code`", line, 1);
    let left_out = "\"sum\", which is over an expression.";
    let of_dump = dump::read(&text).unwrap();
    let here = policy("mysql", "shop");
    let printed = create_tables(&here, Dialect::Sqlite, Some(&of_dump)).unwrap();
    assert!(printed.contains(left_out), "{printed}");
    if Server::MySql.is_there() {
        let test = TestDatabase::on(Server::MySql).await;
        let sql = fieldseal_db::Sql::dynamic(text);
        test.database.execute_script(sql).await.unwrap();
        let (_, schema) = test.url.rsplit_once('/').unwrap();
        let there = policy("mysql", schema);
        let of_url = read_source_columns(&there, &test.url).await.unwrap();
        let of_url = create_tables(&there, Dialect::Sqlite, Some(&of_url)).unwrap();
        assert_eq!(behind(&of_url), behind(&printed));
        test.end().await;
    }
}

const POSTGRES: &str = "\
CREATE TABLE orders (id bigint PRIMARY KEY, customer integer NOT NULL, code text NOT NULL, \
placed timestamp NOT NULL, note text, wide varchar(760), doc jsonb, email text, phone text, \
score integer, extra integer);
CREATE UNIQUE INDEX by_code ON orders (code) INCLUDE (note);
CREATE INDEX by_customer ON orders (customer, placed DESC);
CREATE INDEX by_doc ON orders (doc);
CREATE INDEX by_email ON orders (email);
CREATE INDEX by_gin ON orders USING gin (doc);
CREATE INDEX by_hash ON orders USING hash (code);
CREATE INDEX by_lower ON orders (customer, lower(code));
CREATE INDEX by_pattern ON orders (note text_pattern_ops);
CREATE INDEX by_some ON orders (placed) WHERE customer > 7;
CREATE INDEX by_wide ON orders (wide);
";

const POSTGRES_LEFT_OUT: &str = "\
-- Plain here, unique at the source: \"by_code\". Rows are written in the order they
-- arrive, so that two may have one value for a moment; make it unique just before the
-- cutover.
-- Left out: the source's index \"by_doc\", which is over a type that has no such index here.
-- Left out: the source's index \"by_email\", since its column \"email\" is sealed; look it up by email_bidx.
-- Left out: the source's index \"by_gin\", which is no B-tree index.
-- Left out: the source's index \"by_hash\", which is no B-tree index.
-- Left out: the source's index \"by_lower\", which is over an expression.
-- Left out: the source's index \"by_pattern\", which compares by an operator class of its own.
-- Left out: the source's index \"by_some\", which holds only some of the rows.
";

#[tokio::test]
async fn indexes_of_postgres_on_kept_columns_are_carried_over() {
    let test = TestDatabase::on(Server::Postgres).await;
    let policy = policy("postgres", "public");
    let source = source(&test, POSTGRES, &policy).await;
    for server in servers() {
        let printed = accepted(&policy, Some(&source), server).await;
        match server.dialect() {
            Dialect::Postgres => assert_eq!(
                behind(&printed),
                format!(
                    "(\"id\")\n);\n{POSTGRES_LEFT_OUT}\
                     CREATE INDEX ON \"orders\" (\"email_bidx\");\n\
                     CREATE INDEX ON \"orders\" (\"order_code\");\n\
                     CREATE INDEX ON \"orders\" (\"customer\", \"placed\" DESC);\n\
                     CREATE INDEX ON \"orders\" (\"wide\");\n"
                )
            ),
            // A text without a limit is no column that MySQL indexes whole.
            Dialect::MySql => {
                let unlimited = "\"by_code\", which would hold values too long";
                assert!(printed.contains(unlimited), "{printed}");
                assert!(printed.contains("KEY `by_wide` (`wide`)"), "{printed}");
            }
            Dialect::Sqlite => {
                let index = "CREATE INDEX \"orders_by_code\" ON \"orders\" (\"order_code\");";
                assert!(printed.contains(index), "{printed}");
            }
        }
    }
    test.end().await;
}

const SQLITE: &str = "\
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, code TEXT NOT NULL UNIQUE, \
placed DATETIME NOT NULL, note TEXT, wide TEXT, doc JSONTEXT, email TEXT, phone TEXT, \
score INTEGER, extra INTEGER);
CREATE INDEX by_customer ON orders (customer, placed DESC);
CREATE INDEX by_email ON orders (email);
CREATE INDEX by_lower ON orders (lower(code));
CREATE INDEX by_some ON orders (placed) WHERE customer > 7;
";

#[tokio::test]
async fn indexes_of_sqlite_on_kept_columns_are_carried_over() {
    let test = TestDatabase::on(Server::Sqlite).await;
    let policy = policy("mysql", "shop");
    let source = source(&test, SQLITE, &policy).await;
    let printed = accepted(&policy, Some(&source), Server::Sqlite).await;
    assert_eq!(
        behind(&printed),
        "(\"id\")\n);\n\
         -- Left out: the source's index \"by_email\", since its column \"email\" is sealed; look it up by email_bidx.\n\
         -- Left out: the source's index \"by_lower\", which is over an expression.\n\
         -- Left out: the source's index \"by_some\", which holds only some of the rows.\n\
         -- Plain here, unique at the source: \"sqlite_autoindex_orders_1\". Rows are written in the order they\n\
         -- arrive, so that two may have one value for a moment; make it unique just before the\n\
         -- cutover.\n\
         CREATE INDEX \"orders_email_bidx\" ON \"orders\" (\"email_bidx\");\n\
         CREATE INDEX \"orders_by_customer\" ON \"orders\" (\"customer\", \"placed\" DESC);\n\
         CREATE INDEX \"orders_sqlite_autoindex_orders_1\" ON \"orders\" (\"order_code\");\n"
    );
    test.end().await;
}

/// A name of the source cannot end a comment, nor a statement; and no two indexes share one.
#[tokio::test]
async fn hostile_and_long_names_of_indexes_stay_names() {
    let long = "n".repeat(64);
    let text = MYSQL
        .replacen("`by_customer`", &format!("`{long}`"), 1)
        .replacen("`by_wide`", "`PRIMARY_2`", 1)
        .replacen("`by_email`", "`by``; DROP TABLE x; --`", 1);
    let mut source = dump::read(&text).unwrap();
    let indexes = &mut source.tables[0].indexes;
    for index in indexes.iter_mut().filter(|index| index.name == "by_score") {
        index.name = "a\nDROP TABLE x;".to_owned();
    }
    // From another server: a name of 64 characters and more, and the same in another case.
    for index in indexes
        .iter_mut()
        .filter(|index| index.name == "email_bidx")
    {
        index.name = format!("{}x", long.to_uppercase());
    }
    for server in servers() {
        let printed = accepted(&policy("mysql", "shop"), Some(&source), server).await;
        assert!(!printed.contains("\nDROP"), "{printed}");
    }
}
