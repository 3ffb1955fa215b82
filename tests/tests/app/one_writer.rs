//! SQLite has one writer: whoever holds the write lock in a transaction cannot reserve seals beside
//! it, so they are reserved before.

use fieldseal::Vault;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::DEPLOYMENT;
use sqlx::{Connection as _, SqliteConnection};

use crate::shop::{self, Person};

/// A block that is used up in the middle of every second row: with the write lock held by the
/// caller's own transaction, a reservation would wait for it in vain.
#[tokio::test]
async fn a_new_key_is_made_whatever_is_left_of_a_block() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = Vault::start(DEPLOYMENT)
        .root_key_file(rig.database.path("root.key"))
        .first_block(3)
        .open(&rig.database.url);
    let vault = vault.await.unwrap();
    let mut connection = SqliteConnection::connect(&rig.database.url).await.unwrap();
    for number in 4..20 {
        let mut transaction = connection.begin().await.unwrap();
        let id = vault.insert_with_new_key(&mut transaction, Person::numbered);
        assert_eq!(id.await.unwrap(), number);
        transaction.commit().await.unwrap();
    }
    connection.close().await.unwrap();
    rig.end().await;
}
