//! The day of the move: one program, the plaintext database before it and the sealed one behind
//! it; and what stands in the way of mixing them up.

use fieldseal::{Error, Pii, Sealed, StartError, Vault};
use fieldseal_policy::Policy;
use fieldseal_tests::databases::{Server, TestDatabase};
use fieldseal_tests::harness::Rig;
use sqlx::{Connection as _, MySqlConnection, PgConnection, SqliteConnection};

/// By the pipeline's own policy file.
#[derive(Sealed)]
#[sealed(
    policy = "../pipeline-config/quickstart.toml",
    table = "shop.customers"
)]
struct Customer {
    id: i64,
    email: Option<Pii<String>>,
    phone: Option<Pii<String>>,
    loyalty: Option<String>,
}

fn ada() -> Customer {
    Customer {
        id: 7,
        email: Some(Pii::new("Ada@Example.org".to_owned())),
        phone: None,
        loyalty: Some("gold".to_owned()),
    }
}

/// Writes, looks up and changes a customer; the same for either database.
macro_rules! day {
    ($vault:expr, $connection:expr, $mark:expr) => {{
        let row = $vault.seal(&ada()).await.unwrap();
        let done = fieldseal::insert(&row).unwrap().execute(&mut $connection);
        done.await.unwrap();
        let changed = Customer {
            phone: Some(Pii::new("+49 30 1234".to_owned())),
            ..ada()
        };
        let row = $vault.seal(&changed).await.unwrap();
        let done = fieldseal::update(&row).unwrap().execute(&mut $connection);
        done.await.unwrap();
        let asked = "Ada@Example.org".to_owned();
        let lookup = $vault.lookup(Customer::EMAIL_EXACT, asked).await.unwrap();
        let text = format!(
            "SELECT * FROM customers WHERE {} = {}",
            lookup.column(),
            $mark
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(lookup.value());
        let rows = rows.fetch_all(&mut $connection).await.unwrap();
        let found: Vec<Customer> = $vault.open_found(&lookup, rows).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].phone.as_ref().unwrap().expose(), "+49 30 1234");
        assert_eq!(found[0].email.as_ref().unwrap().expose(), "Ada@Example.org");
        assert_eq!(found[0].loyalty.as_deref(), Some("gold"));
    }};
}

macro_rules! before_and_behind {
    ($name:ident, $server:expr, $connection:ty) => {
        #[tokio::test]
        async fn $name() {
            let server: Server = $server;
            if !server.is_there() {
                return;
            }
            let mark = if server == Server::Postgres {
                "$1"
            } else {
                "?"
            };
            let old = TestDatabase::on(server).await;
            // MySQL marks a column of a `_bin` collation as it marks bytes.
            let binary = match server {
                Server::MariaDb | Server::MySql => "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                Server::Sqlite | Server::Postgres => "",
            };
            let table = fieldseal_db::Sql::dynamic(format!(
                "CREATE TABLE customers (id BIGINT PRIMARY KEY, email VARCHAR(99), \
                 phone VARCHAR(99) {binary}, loyalty VARCHAR(99))"
            ));
            old.database.execute(table, &[]).await.unwrap();
            let vault = Vault::plaintext(&old.url).await.unwrap();
            assert!(!vault.is_sealed());
            let mut connection = <$connection>::connect(&old.url).await.unwrap();
            day!(vault, connection, mark);
            connection.close().await.unwrap();
            old.end().await;

            let text = include_str!("../../../pipeline-config/quickstart.toml");
            let new = Rig::new(server, Policy::parse(text).unwrap()).await;
            let refused = Vault::plaintext(&new.database.url).await;
            assert!(matches!(refused, Err(StartError::SealedDatabase { .. })));
            let vault = crate::shop::vault(&new).await;
            let mut connection = <$connection>::connect(&new.database.url).await.unwrap();
            day!(vault, connection, mark);
            connection.close().await.unwrap();
            new.end().await;
        }
    };
}

before_and_behind!(on_sqlite, Server::Sqlite, SqliteConnection);
before_and_behind!(on_postgres, Server::Postgres, PgConnection);
before_and_behind!(on_mariadb, Server::MariaDb, MySqlConnection);
before_and_behind!(on_mysql, Server::MySql, MySqlConnection);

/// Sealed bytes are no plaintext, and a vault that finds some says so.
#[tokio::test]
async fn sealed_rows_are_not_taken_for_plaintext() {
    let text = include_str!("../../../pipeline-config/quickstart.toml");
    let new = Rig::new(Server::Sqlite, Policy::parse(text).unwrap()).await;
    let sealing = crate::shop::vault(&new).await;
    let row = sealing.seal(&ada()).await.unwrap();
    let old = TestDatabase::on(Server::Sqlite).await;
    let vault = Vault::plaintext(&old.url).await.unwrap();
    let opened = vault.open::<Customer>(row).await;
    assert!(matches!(opened, Err(Error::NotPlaintext { .. })));
    old.end().await;
    new.end().await;
}
