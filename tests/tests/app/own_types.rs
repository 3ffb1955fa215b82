//! A field's type of the application's own. What goes wrong in it stays in the task that asked.

use fieldseal::{FieldValue, Kind, OddValue, Plain, Sealed, Value};
use fieldseal_tests::databases::Server;
use sqlx::{Connection as _, SqliteConnection};

use crate::shop;

/// Panics on one value.
struct Picky(String);

impl<DB: sqlx::Database> Plain<DB> for Picky {}

impl FieldValue for Picky {
    const KIND: Kind = Kind::Text;

    fn to_value(&self) -> Result<Value, OddValue> {
        self.0.to_value()
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        let text = String::from_value(value)?;
        assert!(text != "odd", "the application's own mistake");
        Ok(Self(text))
    }
}

#[derive(Sealed)]
#[sealed(table = "shop.picks")]
struct Pick {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "contact", kind = "text")]
    text: Picky,
}

/// On one core as on all: not the end of the process.
#[tokio::test]
async fn a_panic_of_an_own_type_is_the_tasks() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    for count in [10, 1_000] {
        let text = |id| if id == 5 { "odd" } else { "even" };
        let pick = |id| Pick {
            id,
            text: Picky(text(id).to_owned()),
        };
        let picks: Vec<Pick> = (0..count).map(pick).collect();
        let rows = vault.seal_all(&picks).await.unwrap();
        let task = vault.clone();
        let opened = tokio::spawn(async move { task.open_all::<Pick>(rows).await.is_ok() });
        assert!(opened.await.is_err_and(|error| error.is_panic()), "{count}");
        let rows = vault.seal_all(&picks[..5]).await.unwrap();
        assert_eq!(vault.open_all::<Pick>(rows).await.unwrap().len(), 5);
    }
    rig.end().await;
}

#[derive(Sealed)]
#[sealed(table = "shop.births")]
struct Birth {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "identity")]
    at: chrono::NaiveDateTime,
}

/// SQLite keeps any text in any column, and the driver's error would quote it.
#[tokio::test]
async fn what_cannot_be_read_is_not_quoted() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let table = "CREATE TABLE births (id INTEGER PRIMARY KEY, at DATETIME)";
    rig.sql(table, &[]).await;
    rig.sql("INSERT INTO births VALUES (1, 'zoe@example.org')", &[])
        .await;
    let mut connection = SqliteConnection::connect(&rig.database.url).await.unwrap();
    let row = sqlx::query_as::<_, SealedBirth>("SELECT * FROM births WHERE id = 1");
    let error = row.fetch_one(&mut connection).await.unwrap_err();
    for said in [format!("{error}"), format!("{error:?}")] {
        assert!(!said.contains("zoe"), "the value is quoted");
        assert!(said.contains("not shown"), "{said}");
    }
    let at = "2026-11-21T13:00:00".parse().unwrap();
    let sealed = vault.seal(&Birth { id: 2, at }).await.unwrap();
    let insert = fieldseal::insert(&sealed).unwrap();
    insert.execute(&mut connection).await.unwrap();
    let row = sqlx::query_as::<_, SealedBirth>("SELECT * FROM births WHERE id = 2");
    let row = row.fetch_one(&mut connection).await.unwrap();
    assert_eq!(vault.open::<Birth>(row).await.unwrap().at, at);
    connection.close().await.unwrap();
    rig.end().await;
}
