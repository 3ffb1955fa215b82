//! Kept columns read back through the crate that applications link: the same text on every
//! database, bytes included, which need not be text at all.

use std::collections::BTreeMap;

use fieldseal_dms::Wire;
use fieldseal_pipeline::TargetType;
use fieldseal_store::{SourceColumn, SourceColumns, SourceTable, create_tables};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::records::{delete, insert, load};
use fieldseal_tests::harness::{MemorySource, Rig, policy};

const TABLES: &str = r#"
[tables."shop.files"]
key = { id = "integer" }
[tables."shop.files".columns]
photo = "keep"
token = "keep"
flags = "keep"
paid = "keep"
born = "keep"
note = "keep"
secret = { seal = "identity", kind = "text" }
"#;

/// What the shop's own table is like.
fn source() -> SourceColumns {
    let column = |name: &str, ty, fixed_bytes| SourceColumn {
        name: name.to_owned(),
        ty,
        declared: String::new(),
        nullable: true,
        fixed_bytes,
    };
    let text = TargetType::Text {
        max_chars: None,
        max_bytes: Some(65_535),
        fixed: false,
        nul: true,
    };
    let id = TargetType::Integer {
        min: i64::MIN.into(),
        max: i64::MAX.into(),
    };
    let paid = TargetType::Decimal {
        precision: Some((6, 2)),
        unsigned: false,
    };
    let columns = vec![
        column("id", id, false),
        column("photo", TargetType::Bytes { max: Some(65_535) }, false),
        column("token", TargetType::Bytes { max: Some(4) }, true),
        column("flags", TargetType::Bytes { max: Some(8) }, false),
        column("paid", paid, false),
        column("born", TargetType::Date, false),
        column("note", text.clone(), false),
        column("secret", text, false),
    ];
    let table = SourceTable {
        schema: None,
        name: "files".to_owned(),
        columns,
        indexes: Vec::new(),
        cascades: Vec::new(),
    };
    SourceColumns {
        tables: vec![table],
        strict: false,
    }
}

async fn the_same_text(server: Server) {
    let policy = policy(TABLES);
    let tables = create_tables(&policy, server.dialect(), Some(&source())).expect("it fits");
    let rig = Rig::with(server, policy, &tables, |provider| provider).await;
    let bytes = |hex: &str| match server {
        Server::Postgres => format!("decode('{hex}', 'hex')"),
        _ => format!("X'{hex}'"),
    };
    // No UTF-8, a NUL, and bytes that look like text.
    let insert = format!(
        "INSERT INTO files (id, photo, token, flags, paid, born, note) \
         VALUES (1, {}, {}, {}, '12.50', '2020-02-29', 'grüße x41')",
        bytes("00ff8041"),
        bytes("61620a00"),
        bytes(""),
    );
    rig.sql(&insert, &[]).await;
    rig.sql("INSERT INTO files (id) VALUES (2)", &[]).await;
    let rows = rig.open_all("shop.files").await;
    let expected = [
        ("born", "2020-02-29"),
        ("flags", "\\x"),
        ("id", "1"),
        ("note", "grüße x41"),
        ("paid", "12.50"),
        ("photo", "\\x00ff8041"),
        ("token", "\\x61620a00"),
    ];
    let expected: BTreeMap<String, String> = expected
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    assert_eq!(rows["1"], expected, "{server:?}");
    assert_eq!(rows["2"].len(), 1, "NULL stays NULL: {server:?}");
    rig.database.end().await;
}

#[tokio::test]
async fn kept_columns_read_the_same_on_sqlite() {
    the_same_text(Server::Sqlite).await;
}

#[tokio::test]
async fn kept_columns_read_the_same_on_postgres() {
    the_same_text(Server::Postgres).await;
}

#[tokio::test]
async fn kept_columns_read_the_same_on_mariadb() {
    the_same_text(Server::MariaDb).await;
}

#[tokio::test]
async fn kept_columns_read_the_same_on_mysql() {
    if Server::MySql.is_there() {
        the_same_text(Server::MySql).await;
    }
}

/// A table whose key, bound column and kept column are BINARY(n) at the source.
const BINARY: &str = r#"
[tables."shop.parcels"]
first_load = "unregistered"
key = { id = { kind = "uuid", width = 16 } }
bind = [{ token = { kind = "uuid", width = 16 } }, { mark = { kind = "bytes", width = 4 } }]
[tables."shop.parcels".columns]
token = "keep"
mark = "keep"
seal_no = { keep = true, width = 4 }
secret = { seal = "identity", kind = "text" }
"#;

fn stripped(binary: &str) -> &str {
    binary.strip_suffix("00").expect("it ends in zeros")
}

/// A change comes without the zeros at the end of a BINARY(n), a load with them: both are one row,
/// and what is stored is the same.
async fn zeros_are_put_back(server: Server) {
    let policy = policy(BINARY);
    let column = |name: &str, max| SourceColumn {
        name: name.to_owned(),
        ty: TargetType::Bytes { max: Some(max) },
        declared: format!("binary({max})"),
        nullable: false,
        fixed_bytes: true,
    };
    let mut table = source().tables.remove(0);
    "parcels".clone_into(&mut table.name);
    let secret = table.columns.pop().expect("it has columns");
    table.columns = vec![
        column("id", 16),
        column("token", 16),
        column("mark", 4),
        column("seal_no", 4),
        secret,
    ];
    let source = SourceColumns {
        tables: vec![table],
        strict: true,
    };
    let tables = create_tables(&policy, server.dialect(), Some(&source)).expect("it fits");
    let rig = Rig::with(server, policy, &tables, |provider| provider).await;
    let whole = |first: &str| format!("0x{first}3B520568384471A9E8C74B9CC7B0100");
    let table = "shop.parcels";
    let record = |id: &str, short: bool| {
        let (id, mark) = match short {
            true => (stripped(id), "0x0102"),
            false => (id, "0x01020000"),
        };
        let columns = [
            ("id", Wire::Text(id)),
            ("token", Wire::Text(id)),
            ("mark", Wire::Text(mark)),
            ("seal_no", Wire::Text(mark)),
            ("secret", Wire::Text("ada")),
        ];
        match short {
            true => insert(1, table, &columns),
            false => load(table, &columns),
        }
    };
    let gone = whole("2");
    rig.run(MemorySource::of(vec![
        record(&whole("1"), false),
        record(&whole("2"), false),
        record(&whole("3"), true),
        delete(2, table, &[("id", Wire::Text(stripped(&gone)))]),
    ]))
    .await;
    assert_eq!(rig.held_reasons().await, Vec::<String>::new(), "{server:?}");
    let rows = rig.open_all(table).await;
    assert_eq!(rows.len(), 2, "{server:?}: {:?}", rows.keys());
    for row in rows.values() {
        assert_eq!(row["secret"], "ada", "{server:?}");
        assert_eq!(row["seal_no"], "\\x01020000", "{server:?}");
        assert_eq!(row["mark"], "\\x01020000", "{server:?}");
        assert!(
            row["token"].ends_with("7b0100"),
            "{server:?}: {}",
            row["token"]
        );
    }
    rig.end().await;
}

#[tokio::test]
async fn zeros_are_put_back_on_sqlite() {
    zeros_are_put_back(Server::Sqlite).await;
}

#[tokio::test]
async fn zeros_are_put_back_on_postgres() {
    zeros_are_put_back(Server::Postgres).await;
}

#[tokio::test]
async fn zeros_are_put_back_on_mariadb() {
    zeros_are_put_back(Server::MariaDb).await;
}

#[tokio::test]
async fn zeros_are_put_back_on_mysql() {
    if Server::MySql.is_there() {
        zeros_are_put_back(Server::MySql).await;
    }
}

/// What an opener makes of a bound column must be what sealing made of it, whatever the target
/// calls the column: its type is the policy's kind, and what is written is the kind's own form.
async fn bound_columns_are_of_their_kind(server: Server) {
    let column = |name: &str, ty, declared: &str| SourceColumn {
        name: name.to_owned(),
        ty,
        declared: declared.to_owned(),
        nullable: false,
        fixed_bytes: false,
    };
    let chars = TargetType::Text {
        max_chars: Some(36),
        max_bytes: None,
        fixed: true,
        nul: true,
    };
    let mut table = source().tables.remove(0);
    let (id, secret) = (
        table.columns.remove(0),
        table.columns.pop().expect("columns"),
    );
    for (declared, ty, kind, spellings) in [
        (
            "bit(10)",
            TargetType::Bits { width: 10 },
            "{ kind = \"bytes\", bits = 10 }",
            [Wire::Text("0x01"), Wire::Text("0x0001"), Wire::Number("1")],
        ),
        (
            "char(36)",
            chars,
            "\"uuid\"",
            [
                Wire::Text("33b52056-8384-471a-9e8c-74b9cc7b5c0d"),
                Wire::Text("33B52056-8384-471A-9E8C-74B9CC7B5C0D"),
                Wire::Text("33b520568384471a9e8c74b9cc7b5c0d"),
            ],
        ),
        (
            "decimal(6,2)",
            TargetType::Decimal {
                precision: Some((6, 2)),
                unsigned: false,
            },
            "{ kind = \"decimal\", scale = 2 }",
            [Wire::Text("1.50"), Wire::Text("1.5"), Wire::Number("1.50")],
        ),
        (
            "decimal(30,0)",
            TargetType::Decimal {
                precision: Some((30, 0)),
                unsigned: false,
            },
            "\"integer\"",
            [
                Wire::Text("12345678901234567890"),
                Wire::Text("-12345678901234567890"),
                Wire::Text("0"),
            ],
        ),
    ] {
        let lines = format!(
            "[tables.\"shop.files\"]\nfirst_load = \"unregistered\"\n\
             key = {{ id = \"integer\" }}\nbind = [{{ b = {kind} }}]\n\
             columns.b = \"keep\"\n\
             columns.secret = {{ seal = \"identity\", kind = \"text\" }}\n"
        );
        let policy = policy(&lines);
        let source = SourceColumns {
            tables: vec![SourceTable {
                schema: None,
                name: "files".to_owned(),
                columns: vec![
                    column("id", id.ty.clone(), "bigint"),
                    column("b", ty, declared),
                    column("secret", secret.ty.clone(), "text"),
                ],
                indexes: Vec::new(),
                cascades: Vec::new(),
            }],
            strict: true,
        };
        let tables = create_tables(&policy, server.dialect(), Some(&source)).expect("it fits");
        let rig = Rig::with(server, policy, &tables, |provider| provider).await;
        let table = "shop.files";
        let records = spellings.iter().zip(["1", "2", "3"]).map(|(b, id)| {
            let columns = [
                ("id", Wire::Number(id)),
                ("b", *b),
                ("secret", Wire::Text("ada")),
            ];
            load(table, &columns)
        });
        rig.run(MemorySource::of(records.collect())).await;
        let held = rig.held_reasons().await;
        assert_eq!(held, Vec::<String>::new(), "{server:?}, {declared}");
        let rows = rig.open_all(table).await;
        let opened: Vec<&str> = rows.values().map(|row| row["secret"].as_str()).collect();
        assert_eq!(opened, ["ada"; 3], "{server:?}, {declared}\n{tables}");
        rig.end().await;
    }
}

#[tokio::test]
async fn bound_columns_are_of_their_kind_on_sqlite() {
    bound_columns_are_of_their_kind(Server::Sqlite).await;
}

#[tokio::test]
async fn bound_columns_are_of_their_kind_on_postgres() {
    bound_columns_are_of_their_kind(Server::Postgres).await;
}

#[tokio::test]
async fn bound_columns_are_of_their_kind_on_mariadb() {
    bound_columns_are_of_their_kind(Server::MariaDb).await;
}

#[tokio::test]
async fn bound_columns_are_of_their_kind_on_mysql() {
    if Server::MySql.is_there() {
        bound_columns_are_of_their_kind(Server::MySql).await;
    }
}
