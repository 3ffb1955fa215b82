//! The day of the move: one program, the plaintext database before it and the sealed one behind
//! it; and what stands in the way of mixing them up.

use fieldseal::{Error, Pii, Sealed, StartError, Vault};
use fieldseal_db::{Connect, Database};
use fieldseal_policy::Policy;
use fieldseal_tests::databases::{Server, TestDatabase};
use fieldseal_tests::harness::Rig;
use sqlx::Connection as _;

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

on_every_server!(|server, Connection| {
    let mark = crate::shop::mark(server);
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
    let mut connection = Connection::connect(&old.url).await.unwrap();
    day!(vault, connection, mark);
    connection.close().await.unwrap();
    old.end().await;

    let text = include_str!("../../../pipeline-config/quickstart.toml");
    let new = Rig::new(server, Policy::parse(text).unwrap()).await;
    let refused = Vault::plaintext(&new.database.url).await;
    assert!(matches!(refused, Err(StartError::SealedDatabase { .. })));
    let vault = crate::shop::vault(&new).await;
    let mut connection = Connection::connect(&new.database.url).await.unwrap();
    day!(vault, connection, mark);
    connection.close().await.unwrap();
    new.end().await;
});

/// A user of the server who has rights on the application's own table and on nothing of Fieldseal's.
/// Gives the database's URL with it, and its name as the server wants it.
async fn narrow_user(rig: &Rig, server: Server) -> (String, String) {
    let (place, database) = rig.database.url.rsplit_once('/').unwrap();
    let (scheme, host) = (
        place.split_once("://").unwrap().0,
        place.rsplit_once('@').unwrap().1,
    );
    let (name, password) = (format!("narrow_{database}"), "a word that is no secret");
    let user = match server {
        Server::Postgres => format!("\"{name}\""),
        _ => format!("'{name}'@'127.0.0.1'"),
    };
    let make = match server {
        Server::Postgres => format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'"),
        _ => format!("CREATE USER {user} IDENTIFIED BY '{password}'"),
    };
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON customers TO {user}");
    for statement in [make, grant] {
        rig.sql(&statement, &[]).await;
    }
    let password = password.replace(' ', "%20");
    let url = format!("{scheme}://{name}:{password}@{host}/{database}");
    (url, user)
}

/// Whoever may not so much as look at the keys is told all the same that the database is sealed: he
/// could write plaintext into it.
async fn a_narrow_user_is_told(server: Server) {
    let text = include_str!("../../../pipeline-config/quickstart.toml");
    let rig = Rig::new(server, Policy::parse(text).unwrap()).await;
    let (url, user) = narrow_user(&rig, server).await;
    let narrow = Database::connect(&url, Connect::default()).await.unwrap();
    let keys = narrow.query("SELECT id FROM fieldseal_data_keys", &[]);
    assert!(keys.await.is_err(), "the control");
    narrow.query("SELECT id FROM customers", &[]).await.unwrap();
    narrow.close().await;

    let refused = Vault::plaintext(&url).await.err().unwrap();
    let what = match server {
        Server::Postgres => "a table fieldseal_data_keys",
        _ => "a column _fieldseal_version",
    };
    assert!(
        matches!(refused, StartError::SealedDatabase { found } if found == what),
        "{refused}"
    );
    let says = format!("the database holds sealed data (it has {what})");
    assert!(refused.to_string().starts_with(&says), "{refused}");
    for statement in match server {
        Server::Postgres => vec![format!("DROP OWNED BY {user}"), format!("DROP ROLE {user}")],
        _ => vec![format!("DROP USER {user}")],
    } {
        rig.sql(&statement, &[]).await;
    }
    rig.end().await;
}

#[tokio::test]
async fn a_narrow_user_is_told_on_postgres() {
    a_narrow_user_is_told(Server::Postgres).await;
}

#[tokio::test]
async fn a_narrow_user_is_told_on_mariadb() {
    a_narrow_user_is_told(Server::MariaDb).await;
}

#[tokio::test]
async fn a_narrow_user_is_told_on_mysql() {
    if Server::MySql.is_there() {
        a_narrow_user_is_told(Server::MySql).await;
    }
}

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
