//! What somebody who can write to the database may have done to a row: each is refused with an
//! error of its own that names table, column and key, and shows no value.

use fieldseal::{Cell, Column, Error, Kind, RowKey, Sealed, Value, Vault};
use fieldseal_db::Bind;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::Rig;
use sqlx::{Connection as _, SqliteConnection};

use crate::shop::{self, Person, SealedPerson};

async fn stored(rig: &Rig, id: i64, column: &str) -> Vec<u8> {
    let text = format!("SELECT {column} FROM people WHERE id = ?");
    let rows = rig.query(&text, &[id.into()]).await;
    rows[0].bytes(0).unwrap()
}

async fn put(rig: &Rig, column: &str, value: Bind<'_>) {
    let text = format!("UPDATE people SET {column} = ? WHERE id = 1");
    assert_eq!(rig.sql(&text, &[value]).await, 1);
}

fn column(table: &str, kind: Kind) -> (Column, Kind) {
    (Column::new(table, "note", "contact", kind).unwrap(), kind)
}

/// What opening person 1 says.
async fn refused(vault: &Vault, rig: &Rig) -> Error {
    let mut connection = SqliteConnection::connect(&rig.database.url).await.unwrap();
    let rows = sqlx::query_as::<_, SealedPerson>("SELECT * FROM people WHERE id = 1");
    let row = rows.fetch_one(&mut connection).await.unwrap();
    let opened = vault.open::<Person>(row).await;
    connection.close().await.unwrap();
    let error = opened.err().expect("it is refused");
    for text in [error.to_string(), format!("{error:?}")] {
        for value in ["person", "example.org", "tea", "coffee", "4111"] {
            assert!(!text.contains(value), "{text}");
        }
    }
    error
}

#[tokio::test]
async fn values_that_are_not_right_are_refused() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let note = stored(&rig, 1, "note").await;

    put(&rig, "note", Bind::from("likes coffee")).await;
    let in_clear = refused(&vault, &rig).await;
    assert!(matches!(in_clear, Error::NotSealed { .. }), "{in_clear}");
    assert!(
        in_clear.to_string().starts_with("people.note"),
        "{in_clear}"
    );
    put(&rig, "note", Bind::from(b"likes coffee".as_slice())).await;
    let as_bytes = refused(&vault, &rig).await;
    assert!(matches!(as_bytes, Error::NotSealed { .. }), "{as_bytes}");

    for (what, moved) in [
        ("another row", stored(&rig, 2, "note").await),
        ("another column", stored(&rig, 1, "email").await),
        ("truncated", note[..note.len() - 1].to_vec()),
    ] {
        put(&rig, "note", Bind::from(moved.as_slice())).await;
        let error = refused(&vault, &rig).await;
        assert!(
            matches!(error, Error::DoesNotOpen { .. }),
            "{what}: {error}"
        );
        assert!(error.to_string().contains("(key "), "{what}: {error}");
    }
    for (what, elsewhere) in [
        ("another table", column("shop.ghosts", Kind::Text)),
        ("another kind", column("shop.people", Kind::Integer)),
    ] {
        let key = RowKey::new([&Value::integer("1").unwrap()]).unwrap();
        let sealed = match elsewhere.1 {
            Kind::Integer => vault.seal_field(&elsewhere.0, &key, Some(&36_i64)).await,
            _ => {
                vault
                    .seal_field(&elsewhere.0, &key, Some(&"likes tea".to_owned()))
                    .await
            }
        };
        put(
            &rig,
            "note",
            Bind::from(sealed.unwrap().sealed.unwrap().as_slice()),
        )
        .await;
        let error = refused(&vault, &rig).await;
        assert!(
            matches!(error, Error::DoesNotOpen { .. }),
            "{what}: {error}"
        );
    }
    put(&rig, "note", Bind::from(&note[..40])).await;
    let short = refused(&vault, &rig).await;
    assert!(
        matches!(&short, Error::NotSealed { at } if at.key.is_none()),
        "{short}"
    );

    let mut unknown = note.clone();
    unknown[3] ^= 1;
    put(&rig, "note", Bind::from(unknown.as_slice())).await;
    let error = refused(&vault, &rig).await;
    assert!(matches!(error, Error::KeyUnknown { .. }), "{error}");

    put(&rig, "note", Bind::from(note.as_slice())).await;
    let index = stored(&rig, 2, "email_bidx").await;
    put(&rig, "email_bidx", Bind::from(index.as_slice())).await;
    let error = refused(&vault, &rig).await;
    assert!(
        matches!(&error, Error::IndexMismatch { index, .. } if index == "email_bidx"),
        "{error}"
    );
    rig.end().await;
}

/// A row of another person with the index that is looked for put into it is an error, not an
/// answer and not silence.
#[tokio::test]
async fn a_spliced_index_is_no_answer() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let index = stored(&rig, 2, "email_bidx").await;
    put(&rig, "email_bidx", Bind::from(index.as_slice())).await;
    let asked = "person2@example.org".to_owned();
    let lookup = vault.lookup(Person::EMAIL_EXACT, asked).await.unwrap();
    let mut connection = SqliteConnection::connect(&rig.database.url).await.unwrap();
    let rows = sqlx::query_as("SELECT * FROM people WHERE email_bidx = ?").bind(lookup.value());
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    assert_eq!(rows.len(), 2);
    let found = vault.open_found(&lookup, rows).await;
    assert!(
        matches!(&found, Err(Error::IndexMismatch { at, index }) if at.column == "email"
            && index == "email_bidx")
    );

    // Where the index is not selected, the opened value decides.
    let rows = sqlx::query_as(
        "SELECT id, email, note, card, age, points FROM people WHERE email_bidx = ?",
    );
    let rows = rows.bind(lookup.value()).fetch_all(&mut connection).await;
    let found = vault.open_found(&lookup, rows.unwrap()).await.unwrap();
    assert_eq!(
        found.iter().map(|person| person.id).collect::<Vec<_>>(),
        [2]
    );
    connection.close().await.unwrap();
    rig.end().await;
}

/// An index of another length than the column's is found by nobody, and a unique index lets a second
/// row with its value in: beginning like the right one does not make it right.
#[tokio::test]
async fn an_index_that_was_cut_is_a_mismatch() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let index = stored(&rig, 1, "email_bidx").await;
    for kept in [0, 7, 8, 15] {
        put(&rig, "email_bidx", Bind::from(&index[..kept])).await;
        let error = refused(&vault, &rig).await;
        assert!(
            matches!(&error, Error::IndexMismatch { at, index } if at.column == "email"
                && index == "email_bidx"),
            "{kept}: {error}"
        );
        let by_policy = &rig.open_all(shop::PEOPLE).await["1"]["email"];
        assert!(
            by_policy.starts_with("!"),
            "{kept}: it opened by the policy"
        );
    }
    rig.end().await;
}

/// As [`Person`] but for one number, by which nobody would be found.
#[derive(Sealed)]
#[sealed(table = "shop.people")]
struct LongIndexed {
    #[sealed(key)]
    id: i64,
    #[sealed(
        domain = "contact",
        pad = 32,
        index(name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx",
            bytes = 32)
    )]
    email: String,
}

#[tokio::test]
async fn a_struct_with_another_length_of_index_opens_no_row() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let mut connection = SqliteConnection::connect(&rig.database.url).await.unwrap();
    let row = sqlx::query_as::<_, SealedLongIndexed>("SELECT id, email, email_bidx FROM people");
    let row = row.fetch_one(&mut connection).await.unwrap();
    let error = vault.open::<LongIndexed>(row).await.err().unwrap();
    assert!(matches!(error, Error::IndexMismatch { .. }), "{error}");
    connection.close().await.unwrap();
    rig.end().await;
}

/// One bad row leaves the others of its page alone, where the page is asked for so.
#[tokio::test]
async fn the_rest_of_a_page_still_opens() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    put(&rig, "note", Bind::from("likes coffee")).await;
    let mut connection = SqliteConnection::connect(&rig.database.url).await.unwrap();
    let rows = sqlx::query_as::<_, SealedPerson>("SELECT * FROM people ORDER BY id");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let opened = vault.open_each::<Person>(rows).await.unwrap();
    let said: Vec<Option<&Error>> = opened.iter().map(|row| row.as_ref().err()).collect();
    assert!(
        matches!(said[..], [Some(Error::NotSealed { at }), None, None] if at.column == "note"),
        "{said:?}"
    );
    connection.close().await.unwrap();
    rig.end().await;
}

/// More rows than one core opens: the same, in the same order.
#[tokio::test]
async fn many_rows_keep_their_order() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let people: Vec<Person> = (10..1_010).map(Person::numbered).collect();
    // Spawned: a service's handlers are.
    let opened = tokio::spawn(async move {
        let rows = vault.seal_all(&people).await.unwrap();
        vault.open_all::<Person>(rows).await.unwrap()
    });
    let opened = opened.await.unwrap();
    let ids: Vec<i64> = opened.iter().map(|person| person.id).collect();
    assert_eq!(ids, (10..1_010).collect::<Vec<_>>());
    rig.end().await;
}

/// Whoever can write values can make up a key id for each: every such row says its own, and the rows
/// between them open, on one core as on all.
#[tokio::test]
async fn a_thousand_ids_that_were_made_up_are_each_unknown() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    for count in [100, 2_000] {
        let people: Vec<Person> = (1..=count).map(Person::numbered).collect();
        let mut rows = vault.seal_all(&people).await.unwrap();
        for row in rows.iter_mut().step_by(2) {
            let Cell::Sealed(Some(note)) = &mut row.note else {
                panic!("it is sealed");
            };
            note[1..9].copy_from_slice(&row.id.to_be_bytes());
        }
        let opened = vault.open_each::<Person>(rows).await.unwrap();
        for (person, id) in opened.iter().zip(1_i64..) {
            match person {
                Ok(person) => assert_eq!((person.id, id % 2), (id, 0)),
                Err(Error::KeyUnknown { at }) => {
                    let key = at.key.expect("it is named");
                    let named = key.as_bytes().first_chunk() == Some(&id.to_be_bytes());
                    assert!(named && id % 2 == 1 && at.column == "note", "{id}: {key}");
                }
                Err(error) => panic!("{id}: {error}"),
            }
        }
        assert_eq!(opened.len(), people.len());
    }
    rig.end().await;
}

/// Wraps swapped in the key store are an alarm, not an outage.
#[tokio::test]
async fn swapped_wraps_are_an_alarm() {
    let rig = shop::rig(Server::Sqlite).await;
    for statement in [
        "CREATE TABLE before AS SELECT * FROM fieldseal_key_wraps",
        "UPDATE fieldseal_key_wraps SET wrapped = (SELECT b.wrapped FROM before b WHERE \
         b.key_id <> fieldseal_key_wraps.key_id ORDER BY b.key_id LIMIT 1)",
    ] {
        rig.sql(statement, &[]).await;
    }
    let vault = shop::vault(&rig).await;
    let error = refused(&vault, &rig).await;
    assert!(matches!(error, Error::Alarm { .. }), "{error}");
    rig.end().await;
}

/// A free value is bound to its domain and parts, and never passes for a column's.
#[tokio::test]
async fn free_values_stand_alone() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let parts: [&[u8]; 2] = [b"sessions", b"17"];
    let sealed = vault
        .seal_value("contact", &parts, b"likes tea")
        .await
        .unwrap();
    let opened = vault.open_value("contact", &parts, &sealed).await.unwrap();
    assert_eq!(opened.expose(), b"likes tea");
    let elsewhere = vault
        .open_value("contact", &[b"sessions", b"18"], &sealed)
        .await;
    assert!(matches!(elsewhere, Err(Error::DoesNotOpen { .. })));
    let other = vault.open_value("payment", &parts, &sealed).await;
    assert!(
        matches!(&other, Err(Error::Alarm { at, .. }) if at.column == "payment"),
        "its key is of another domain than the one asked for"
    );
    let in_clear = vault.open_value("contact", &parts, b"likes tea").await;
    assert!(matches!(in_clear, Err(Error::NotSealed { .. })));
    put(&rig, "note", Bind::from(sealed.as_slice())).await;
    let in_a_column = refused(&vault, &rig).await;
    assert!(
        matches!(&in_a_column, Error::Alarm { at, .. } if at.column == "note"),
        "{in_a_column}"
    );
    rig.end().await;
}

/// A value of one kind is not read as another, nor as a number that it does not fit into; the error
/// says so and not what the value is.
#[tokio::test]
async fn a_kind_is_not_another() {
    let rig = shop::rig(Server::Sqlite).await;
    let vault = shop::vault(&rig).await;
    let (column, _) = column("shop.people", Kind::Integer);
    let key = RowKey::new([&Value::integer("1").unwrap()]).unwrap();
    let sealed = vault
        .seal_field(&column, &key, Some(&70_000_i64))
        .await
        .unwrap()
        .sealed;
    let whole = vault.open_field::<i64>(&column, &key, sealed.clone()).await;
    assert_eq!(whole.unwrap(), 70_000);
    for error in [
        vault
            .open_field::<i16>(&column, &key, sealed.clone())
            .await
            .err(),
        vault
            .open_field::<String>(&column, &key, sealed.clone())
            .await
            .err(),
        vault
            .seal_field(&column, &key, Some(&"70000".to_owned()))
            .await
            .err(),
    ] {
        let error = error.unwrap();
        assert!(matches!(error, Error::WrongKind { .. }), "{error}");
        assert!(!error.to_string().contains("70"), "{error}");
    }
    let null = vault
        .open_field::<i64>(&column, &key, None)
        .await
        .err()
        .unwrap();
    assert!(matches!(null, Error::Null { .. }), "{null}");
    rig.end().await;
}
