//! UUIDs in the layouts that the old databases have, bytes and text: read by either of the library's
//! types, written by the one that writes so, and sealed by either to the same value.

use fieldseal::{Pii, Sealed, Vault};
use fieldseal_policy::Policy;
use fieldseal_tests::databases::{Server, TestDatabase, run};
use fieldseal_tests::harness::{Rig, policy};
use sqlx::{Connection as _, MySqlConnection, PgConnection, SqliteConnection};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Written as 16 bytes where the driver has no type of UUIDs.
#[derive(Sealed)]
#[sealed(table = "shop.devices")]
struct InBytes {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "device", index(name = "exact", column = "serial_bidx"))]
    serial: Option<Pii<Uuid>>,
}

/// The same, written as text.
#[derive(Sealed)]
#[sealed(table = "shop.devices")]
struct InText {
    #[sealed(key)]
    id: i64,
    #[sealed(
        domain = "device",
        kind = "uuid",
        index(name = "exact", column = "serial_bidx")
    )]
    serial: Option<Pii<Hyphenated>>,
}

/// The pipeline's word for it.
fn devices() -> Policy {
    policy(
        r#"
[tables."shop.devices"]
key = { id = "integer" }
[tables."shop.devices".columns.serial]
seal = "device"
kind = "uuid"
index = [{ name = "exact", column = "serial_bidx" }]
"#,
    )
}

// Of RFC 9562's versions: MariaDB's own type takes no others.
const SERIAL: Uuid = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
const OTHER: Uuid = Uuid::from_u128(0xfedc_ba98_7654_1210_bedc_ba98_7654_3210);

impl InBytes {
    const OTHER: Uuid = OTHER;
}

impl InText {
    const OTHER: Hyphenated = OTHER.hyphenated();
}

/// As the old application may have written it.
const LOWER: &str = "'01234567-89ab-4def-8123-456789abcdef'";
const UPPER: &str = "'01234567-89AB-4DEF-8123-456789ABCDEF'";
const DIGITS: &str = "'0123456789ab4def8123456789abcdef'";
const BYTES: &str = "x'0123456789ab4def8123456789abcdef'";

/// A row with that serial, and one without.
async fn old(server: Server, column: &str, literal: &str) -> TestDatabase {
    let old = TestDatabase::on(server).await;
    let table = format!("CREATE TABLE devices (id BIGINT PRIMARY KEY, serial {column})");
    let insert = format!("INSERT INTO devices VALUES (1, {literal}), (2, NULL)");
    run(&old.database, &[&table, &insert]).await;
    old
}

/// The serials of all rows, opened as rows of this type.
macro_rules! serials {
    ($vault:expr, $connection:expr, $row:ty, $sealed:ty) => {{
        let rows = sqlx::query_as::<_, $sealed>("SELECT * FROM devices ORDER BY id");
        let rows = rows.fetch_all(&mut $connection).await.unwrap();
        let found: Vec<$row> = $vault.open_all(rows).await.unwrap();
        let serials = found.iter().map(|found| found.serial.as_ref());
        let serials = serials.map(|serial| serial.map(|serial| Uuid::from(*serial.expose())));
        serials.collect::<Vec<_>>()
    }};
}

/// Inserts, updates and looks up, by rows of this type.
macro_rules! written {
    ($vault:expr, $connection:expr, $mark:expr, $row:ident, $ids:expr) => {{
        let [one, none, changed]: [i64; 3] = $ids;
        for (id, serial) in [(one, Some(SERIAL)), (none, None), (changed, Some(SERIAL))] {
            let serial = serial.map(|serial| Pii::new(serial.into()));
            let row = $vault.seal(&$row { id, serial }).await.unwrap();
            let insert = fieldseal::insert(&row).unwrap();
            insert.execute(&mut $connection).await.unwrap();
        }
        let (id, serial) = (changed, Some(Pii::new(OTHER.into())));
        let row = $vault.seal(&$row { id, serial }).await.unwrap();
        let update = fieldseal::update(&row).unwrap();
        let done = update.execute(&mut $connection).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
        let asked = Pii::new($row::OTHER);
        let lookup = $vault.lookup($row::SERIAL_EXACT, asked).await.unwrap();
        let (column, mark) = (lookup.column(), $mark);
        let text = format!("SELECT * FROM devices WHERE {column} = {mark}");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(lookup.value());
        let rows = rows.fetch_all(&mut $connection).await.unwrap();
        let found: Vec<$row> = $vault.open_found(&lookup, rows).await.unwrap();
        assert!(found.iter().any(|found| found.id == changed));
    }};
}

/// Both types read a column of this type of the plaintext database; `$writer` writes it too.
macro_rules! in_clear {
    ($server:expr, $connection:ty, $column:expr, $literal:expr, [$($writer:ident),*]) => {{
        let old = old($server, $column, $literal).await;
        let vault = Vault::plaintext(&old.url).await.unwrap();
        let mut connection = <$connection>::connect(&old.url).await.unwrap();
        let mut there = vec![Some(SERIAL), None];
        assert_eq!(serials!(vault, connection, InBytes, SealedInBytes), there);
        assert_eq!(serials!(vault, connection, InText, SealedInText), there);
        let mut next = 3..;
        $(
            let ids = [(); 3].map(|()| next.next().unwrap());
            written!(vault, connection, crate::shop::mark($server), $writer, ids);
            there.extend([Some(SERIAL), None, Some(OTHER)]);
        )*
        assert_eq!(serials!(vault, connection, InBytes, SealedInBytes), there);
        assert_eq!(serials!(vault, connection, InText, SealedInText), there);
        connection.close().await.unwrap();
        old.end().await;
    }};
}

const BINARY_COLLATION: &str = "CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

#[tokio::test]
async fn in_clear_on_mariadb() {
    for column in ["CHAR(36)", BINARY_COLLATION, "VARCHAR(40)", "TEXT"] {
        for literal in [LOWER, UPPER, DIGITS] {
            in_clear!(Server::MariaDb, MySqlConnection, column, literal, [InText]);
        }
    }
    // The server's own type takes either.
    in_clear!(
        Server::MariaDb,
        MySqlConnection,
        "UUID",
        UPPER,
        [InText, InBytes]
    );
    in_clear!(
        Server::MariaDb,
        MySqlConnection,
        "BINARY(16)",
        BYTES,
        [InBytes]
    );
}

#[tokio::test]
async fn in_clear_on_mysql() {
    if Server::MySql.is_there() {
        for column in ["CHAR(36)", BINARY_COLLATION] {
            in_clear!(Server::MySql, MySqlConnection, column, LOWER, [InText]);
        }
        in_clear!(
            Server::MySql,
            MySqlConnection,
            "BINARY(16)",
            BYTES,
            [InBytes]
        );
    }
}

#[tokio::test]
async fn in_clear_on_sqlite() {
    for column in ["TEXT", "CHAR(36)", "UUID"] {
        in_clear!(Server::Sqlite, SqliteConnection, column, LOWER, [InText]);
    }
    in_clear!(Server::Sqlite, SqliteConnection, "BLOB", BYTES, [InBytes]);
}

#[tokio::test]
async fn in_clear_on_postgres() {
    in_clear!(
        Server::Postgres,
        PgConnection,
        "UUID",
        UPPER,
        [InBytes, InText]
    );
}

// Sealed, there is no difference: each opens and finds what the other sealed.
on_every_server!(|server, Connection| {
    let rig = Rig::new(server, devices()).await;
    let vault = crate::shop::vault(&rig).await;
    let mut connection = Connection::connect(&rig.database.url).await.unwrap();
    let mark = crate::shop::mark(server);
    written!(vault, connection, mark, InBytes, [1, 2, 3]);
    written!(vault, connection, mark, InText, [4, 5, 6]);
    let there = [Some(SERIAL), None, Some(OTHER)].repeat(2);
    assert_eq!(serials!(vault, connection, InBytes, SealedInBytes), there);
    assert_eq!(serials!(vault, connection, InText, SealedInText), there);
    let asked = Pii::new(OTHER.hyphenated());
    let lookup = vault.lookup(InText::SERIAL_EXACT, asked).await.unwrap();
    let text = format!("SELECT * FROM devices WHERE serial_bidx = {mark} ORDER BY id");
    let rows = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(lookup.value());
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let found: Vec<InText> = vault.open_found(&lookup, rows).await.unwrap();
    assert_eq!(
        found.iter().map(|found| found.id).collect::<Vec<_>>(),
        [3, 6]
    );
    connection.close().await.unwrap();

    let opened = rig.open_all("shop.devices").await;
    let serial = |id: &str| opened[id].get("serial").cloned();
    assert_eq!(serial("4"), serial("1"));
    assert_eq!(serial("4").unwrap(), SERIAL.simple().to_string());
    rig.end().await;
});

/// What is no UUID is an error that does not say what it is.
#[tokio::test]
async fn odd_texts_are_refused() {
    for odd in ["{01234567-89ab-4def-8123-456789abcdef}", "private", ""] {
        let old = old(Server::Sqlite, "TEXT", &format!("'{odd}'")).await;
        let mut connection = SqliteConnection::connect(&old.url).await.unwrap();
        let rows = sqlx::query_as::<_, SealedInText>("SELECT * FROM devices");
        let error = rows.fetch_all(&mut connection).await.unwrap_err();
        assert!(
            odd.is_empty() || !error.to_string().contains(odd),
            "{error}"
        );
        connection.close().await.unwrap();
        old.end().await;
    }
}
