//! A PostgreSQL that shows bytes in the way of old (`bytea_output = 'escape'`, PostgreSQL
//! documentation, "Binary Data Types"), because the database, its owner's role or its server says
//! so: sealed bytes are written, read and opened as anywhere else.

use std::sync::Arc;

use fieldseal_db::{Connect, Database};
use fieldseal_dms::Wire;
use fieldseal_keystore::DbKeyStore;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, records};
use sqlx::{Connection as _, PgConnection};

use crate::shop::{self, PEOPLE, Person, SealedPerson};

#[tokio::test]
async fn the_default_of_a_database_changes_nothing() {
    let mut rig = shop::rig(Server::Postgres).await;
    let statement = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', \
                     current_database()); END $$";
    rig.sql(statement, &[]).await;
    // It is the default of sessions that begin behind it.
    rig.database.database.close().await;
    let anew = Database::connect(&rig.database.url, Connect::default()).await;
    rig.database.database = anew.unwrap();
    rig.keys = Arc::new(DbKeyStore::new(rig.database.database.clone()));
    rig.restart().await;
    let mut connection = PgConnection::connect(&rig.database.url).await.unwrap();
    let shown: (String,) = sqlx::query_as("SELECT '\\x00ff'::bytea::text")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(
        shown.0, r"\000\377",
        "the control: an application's session"
    );

    let cells = [
        ("id", Wire::Number("2")),
        ("email", Wire::Text("person2@example.org")),
        ("note", Wire::Text("likes coffee")),
        ("card", Wire::Text("4111111111111111")),
        ("age", Wire::Number("36")),
        ("points", Wire::Number("7")),
    ];
    let key = [("id", Wire::Number("2"))];
    let changes = vec![records::update(4, PEOPLE, &cells, &key)];
    rig.run(MemorySource::default().shard("s1", changes)).await;
    assert_eq!(rig.held_reasons().await, [""; 0]);
    assert_eq!(rig.open_all(PEOPLE).await["2"]["note"], "likes coffee");

    let vault = shop::vault(&rig).await;
    let rows = sqlx::query_as::<_, SealedPerson>("SELECT * FROM people ORDER BY id");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let people: Vec<Person> = vault.open_all(rows).await.unwrap();
    let notes: Vec<_> = people.iter().map(|person| person.note.as_deref()).collect();
    let tea = Some("likes tea");
    assert_eq!(notes, [tea, Some("likes coffee"), tea]);
    connection.close().await.unwrap();
    rig.end().await;
}
