//! What the pipeline sealed the crate opens; what the crate sealed the reader opens: on each
//! database, to the last column.

use fieldseal::Vault;
use fieldseal_tests::harness::Rig;
use sqlx::Connection as _;

use crate::shop::{self, PEOPLE, Person, SealedPerson};

on_every_server!(|server, Connection| {
    let rig = shop::rig(server).await;
    let vault = shop::vault(&rig).await;
    let mut connection = Connection::connect(&rig.database.url).await.unwrap();

    let rows = sqlx::query_as::<_, SealedPerson>("SELECT * FROM people ORDER BY id");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    as_the_pipeline_sealed(&vault, rows).await;

    let row = vault.seal(&Person::numbered(4)).await.unwrap();
    let done = fieldseal::insert(&row).unwrap().execute(&mut connection);
    assert_eq!(done.await.unwrap().rows_affected(), 1);
    let changed = Person {
        note: None,
        age: Some(40),
        points: 9,
        ..Person::numbered(2)
    };
    let row = vault.seal(&changed).await.unwrap();
    let done = fieldseal::update(&row).unwrap().execute(&mut connection);
    assert_eq!(done.await.unwrap().rows_affected(), 1);
    as_the_reader_opens(&rig).await;

    let asked = " Person4@Example.ORG ".to_owned();
    let lookup = vault.lookup(Person::EMAIL_EXACT, asked).await.unwrap();
    assert_eq!(lookup.column(), "email_bidx");
    let mark = shop::mark(server);
    let text = format!("SELECT * FROM people WHERE email_bidx = {mark}");
    let rows = sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(lookup.value());
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let found = vault.open_found(&lookup, rows).await.unwrap();
    assert_eq!(
        found.iter().map(|person| person.id).collect::<Vec<_>>(),
        [4]
    );
    connection.close().await.unwrap();
    rig.end().await;
});

async fn as_the_pipeline_sealed(vault: &Vault, rows: Vec<SealedPerson>) {
    let domain = rows[0].email_domain.stored().map(String::as_str);
    assert_eq!(domain, Some("example.org"));
    let people: Vec<Person> = vault.open_all(rows).await.unwrap();
    assert_eq!(people.len(), 3);
    for (person, id) in people.iter().zip(1..) {
        assert_eq!((person.id, person.points), (id, 7));
        assert_eq!(*person.email.expose(), format!("person{id}@example.org"));
        assert_eq!(person.note.as_deref(), Some("likes tea"));
        assert_eq!(person.card.expose(), "4111111111111111");
        assert_eq!(person.age, Some(36));
    }
}

async fn as_the_reader_opens(rig: &Rig) {
    let opened = rig.open_all(PEOPLE).await;
    let row = |id: &str| {
        let cells = opened[id].iter();
        cells
            .map(|(column, text)| format!("{column}={text}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        row("4"),
        "card=4111111111111111 email=person4@example.org id=4 note=likes tea points=7"
    );
    assert_eq!(
        row("2"),
        "age=40 card=4111111111111111 email=person2@example.org id=2 points=9"
    );
    let beside = rig
        .query(
            "SELECT email_domain, card_last4 FROM people WHERE id = 4",
            &[],
        )
        .await;
    assert_eq!(beside[0].text(0).unwrap(), "example.org");
    assert_eq!(beside[0].text(1).unwrap(), "****1111");
}
