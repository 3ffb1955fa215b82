//! Keys that the database makes: the row is sealed for the key it gets, in one transaction.

use fieldseal::{InsertError, Vault};
use fieldseal_tests::databases::{Server, TestDatabase};
use fieldseal_tests::harness::Rig;
use sqlx::{Connection as _, MySqlConnection};

use crate::shop::{self, Person, SealedPerson};

/// The people's table with a key that the server counts.
fn table(server: Server) -> String {
    let (key, bytes) = match server {
        Server::Sqlite => ("INTEGER PRIMARY KEY", "BLOB"),
        Server::Postgres => ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA"),
        Server::MariaDb | Server::MySql => ("BIGINT AUTO_INCREMENT PRIMARY KEY", "BLOB"),
    };
    let drop = "DROP TABLE people;\n";
    format!(
        "{drop}CREATE TABLE people (id {key}, email {bytes} NOT NULL, email_bidx {bytes}, \
         email_domain VARCHAR(99), note {bytes}, card {bytes} NOT NULL, card_last4 VARCHAR(99), \
         age {bytes}, points INTEGER NOT NULL)"
    )
}

on_every_server!(|server, Connection| {
    let rig: Rig = shop::rig(server).await;
    let vault: Vault = shop::vault(&rig).await;
    remade(&rig.database, server).await;
    let mut connection = Connection::connect(&rig.database.url).await.unwrap();
    for number in 1..=2 {
        let mut transaction = connection.begin().await.unwrap();
        let id = vault
            .insert_with_new_key(&mut transaction, Person::numbered)
            .await;
        transaction.commit().await.unwrap();
        assert_eq!(id.unwrap(), number);
    }
    let rows = sqlx::query_as::<_, SealedPerson>("SELECT * FROM people ORDER BY id");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let people: Vec<Person> = vault.open_all(rows).await.unwrap();
    assert_eq!(people.len(), 2);
    assert_eq!(people[1].email.expose(), "person2@example.org");
    connection.close().await.unwrap();
    rig.end().await;
});

/// A key column that MySQL does not count: the connection's last key is another table's, and no row
/// may be written for it.
#[tokio::test]
async fn a_key_that_nobody_makes() {
    let server = Server::MariaDb;
    let rig: Rig = shop::rig(server).await;
    let vault: Vault = shop::vault(&rig).await;
    let uncounted = table(server).replace("AUTO_INCREMENT", "DEFAULT 5");
    let script = fieldseal_db::Sql::dynamic(uncounted);
    rig.database.database.execute_script(script).await.unwrap();
    let mut connection = MySqlConnection::connect(&rig.database.url).await.unwrap();
    for statement in [
        "CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT) AUTO_INCREMENT = 17",
        "INSERT INTO orders (n) VALUES (1)",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let mut transaction = connection.begin().await.unwrap();
    let id = vault
        .insert_with_new_key(&mut transaction, Person::numbered)
        .await;
    assert!(matches!(id, Err(InsertError::NoKey { .. })));
    transaction.rollback().await.unwrap();
    connection.close().await.unwrap();
    rig.end().await;
}

async fn remade(database: &TestDatabase, server: Server) {
    let script = fieldseal_db::Sql::dynamic(table(server));
    database.database.execute_script(script).await.unwrap();
}
