//! What somebody who can write to the new database may try, on real databases: sealed values
//! moved, planted keys, swapped wraps, spliced indexes, values in clear. Owns that each is refused
//! with its own error and that the rest of the row still opens; the key store alone is attacked
//! beside the keyring.

use std::sync::Arc;

use fieldseal::reader::ReadError;
use fieldseal_db::{Bind, Database};
use fieldseal_dms::Wire;
use fieldseal_envelope::{
    ColumnId, ColumnRef, DataKey, Domain, KeyId, Purpose, RootKey, SealingKey, TableId, WrapContext,
};
use fieldseal_model::{RowKey, Value};
use fieldseal_policy::Policy;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{DEPLOYMENT, MemorySource, Rig, policy, records};

const PEOPLE: &str = "shop.people";
const GHOSTS: &str = "shop.ghosts";

const WRONG_PLACE: &str = "!does not open here";
const NOT_SEALED: &str = "!not a sealed value";

fn two_tables() -> Policy {
    let columns = r#"
email = { seal = "contact", kind = "text", index = [{ name = "exact", column = "email_bidx" }] }
note = { seal = "contact", kind = "text" }
card = { seal = "payment", kind = "text" }
"#;
    let table = |id: &str| {
        format!(
            "[tables.\"{id}\"]\nkey = {{ id = \"integer\" }}\n[tables.\"{id}\".columns]{columns}"
        )
    };
    policy(&format!("{}{}", table(PEOPLE), table(GHOSTS)))
}

fn person(table: &str, id: u32) -> Vec<u8> {
    let (key, email) = (id.to_string(), format!("person{id}@example.org"));
    let cells = [
        ("id", Wire::Number(&key)),
        ("email", Wire::Text(&email)),
        ("note", Wire::Text("likes tea")),
        ("card", Wire::Text("4111111111111111")),
    ];
    records::insert(id, table, &cells)
}

/// Two tables of three rows each.
async fn rig(server: Server) -> Rig {
    let rig = Rig::new(server, two_tables()).await;
    let records = [PEOPLE, GHOSTS]
        .iter()
        .flat_map(|table| (1..=3).map(|id| person(table, id)));
    rig.run(MemorySource::of(records.collect())).await;
    rig
}

async fn stored(rig: &Rig, table: &str, id: i64, column: &str) -> Vec<u8> {
    let rows = rig
        .query(
            &format!("SELECT {column} FROM {table} WHERE id = ?"),
            &[id.into()],
        )
        .await;
    rows[0].bytes(0).expect("a value")
}

async fn put(rig: &Rig, id: i64, column: &str, bytes: &[u8]) {
    let binds = [Bind::from(bytes), Bind::from(id)];
    let done = rig
        .sql(
            &format!("UPDATE people SET {column} = ? WHERE id = ?"),
            &binds,
        )
        .await;
    assert_eq!(done, 1);
}

async fn cell(rig: &Rig, id: &str, column: &str) -> String {
    let rows = rig.open_all(PEOPLE).await;
    rows[id].get(column).cloned().unwrap_or_default()
}

async fn moved_values_do_not_open(server: Server) {
    let rig = rig(server).await;
    let card = stored(&rig, "people", 2, "card").await;
    let moves = [
        (
            "another row",
            stored(&rig, "people", 1, "note").await,
            "note",
            WRONG_PLACE,
        ),
        (
            "another column",
            stored(&rig, "people", 2, "email").await,
            "note",
            WRONG_PLACE,
        ),
        (
            "another table",
            stored(&rig, "ghosts", 2, "note").await,
            "note",
            WRONG_PLACE,
        ),
        (
            "in clear, short",
            b"likes coffee".to_vec(),
            "note",
            NOT_SEALED,
        ),
        (
            "in clear, long",
            b"likes coffee".repeat(9),
            "note",
            NOT_SEALED,
        ),
        ("nothing", Vec::new(), "note", NOT_SEALED),
        ("cut", card[..card.len() - 1].to_vec(), "card", WRONG_PLACE),
    ];
    for (what, bytes, column, expected) in moves {
        let genuine = stored(&rig, "people", 2, column).await;
        put(&rig, 2, column, &bytes).await;
        assert_eq!(cell(&rig, "2", column).await, expected, "{what}");
        assert_eq!(
            cell(&rig, "2", "email").await,
            "person2@example.org",
            "{what}: the others"
        );
        assert!(
            !cell(&rig, "1", column).await.contains('!'),
            "{what}: the other rows"
        );
        put(&rig, 2, column, &genuine).await;
    }
    for region in [0, 5, 20, 30, card.len() - 1] {
        let mut flipped = card.clone();
        flipped[region] ^= 0x40;
        put(&rig, 2, "card", &flipped).await;
        let shown = cell(&rig, "2", "card").await;
        let expected = match region {
            0 => NOT_SEALED.to_owned(),
            5 => shown.clone(), // another key id; its error is looked at below
            _ => WRONG_PLACE.to_owned(),
        };
        assert_eq!(shown, expected, "byte {region}");
        assert!(shown.starts_with('!'));
        assert!(
            region != 5 || shown.ends_with("is not in the key store"),
            "{shown}"
        );
    }
    put(&rig, 2, "card", &card).await;
    assert_eq!(cell(&rig, "2", "card").await, "4111111111111111");
    // The key's own columns: the row as fetched decides, not what was asked for.
    rig.sql("UPDATE people SET id = 9 WHERE id = 2", &[]).await;
    let row = rig
        .vault()
        .by_key(rig.table(PEOPLE), &["9".to_owned()])
        .await;
    let row = row.expect("it can be read").expect("it is there");
    assert_eq!(
        row.failures().count(),
        3,
        "every value was bound to the old key"
    );
    rig.end().await;
}

async fn a_value_of_another_domain_is_an_alarm(server: Server) {
    let mut rig = rig(server).await;
    let card = stored(&rig, "people", 2, "card").await;
    put(&rig, 2, "note", &card).await;
    rig.restart().await;
    let shown = cell(&rig, "2", "note").await;
    assert!(
        shown.starts_with("!its key cannot be had: alarm: the key store has key "),
        "{shown}"
    );
    let asked = "for domain `payment`, and it was asked for `contact`: the value was moved";
    assert!(shown.contains(asked), "{shown}");
    assert_eq!(cell(&rig, "2", "card").await, "4111111111111111");
    rig.end().await;
}

async fn a_spliced_index_finds_nobody_else(server: Server) {
    let rig = rig(server).await;
    let index = stored(&rig, "people", 1, "email_bidx").await;
    put(&rig, 2, "email_bidx", &index).await;
    let expected = "!the blind index in column email_bidx belongs to another value";
    assert_eq!(cell(&rig, "2", "email").await, expected);
    let vault = rig.vault();
    let query = Value::text("person1@example.org");
    let found = vault
        .find(rig.table(PEOPLE), "email", "exact", &query)
        .await;
    // Row 2 must never come back as an answer; that it is there is said.
    let Err(ReadError::FoundDoesNotOpen { table, column, .. }) = found else {
        panic!("{found:?}")
    };
    assert_eq!((table.as_str(), column.as_str()), ("people", "email"));

    rig.sql("UPDATE people SET email_bidx = NULL WHERE id = 2", &[])
        .await;
    assert_eq!(
        cell(&rig, "2", "email").await,
        expected,
        "a removed index is noticed as well"
    );
    let found = vault
        .find(rig.table(PEOPLE), "email", "exact", &query)
        .await;
    let found = found.expect("nothing is in the way any more");
    assert_eq!(found.len(), 1);
    rig.end().await;
}

/// A key of the attacker's with a value sealed under it, its wrap made by the attacker's root key.
struct Planted {
    id: KeyId,
    wrapped: Vec<u8>,
    root: String,
    sealed: Vec<u8>,
}

fn planted() -> Planted {
    let contact: Domain = "contact".parse().expect("a domain");
    let root = RootKey::from_bytes([0x77; 32]);
    let key = DataKey::from_bytes([0x66; 32]);
    let context = WrapContext {
        deployment: DEPLOYMENT.to_owned(),
        domain: contact.clone(),
        purpose: Purpose::Seal,
    };
    let sealing = SealingKey::derive(&key, &contact, Purpose::Seal).expect("a key");
    let grant = Arc::new(sealing).grant(1).expect("a new key has uses");
    let column = ColumnRef::new(
        TableId::new(PEOPLE).expect("an id"),
        ColumnId::new("note").expect("an id"),
    );
    let row = RowKey::new([&Value::integer("2").expect("a number")]).expect("a key");
    let mut sealed = Vec::new();
    grant
        .seal_column(
            &column,
            &row,
            &Value::text("owes me a fortune"),
            None,
            &mut sealed,
        )
        .expect("it seals");
    Planted {
        id: key.id(&contact, Purpose::Seal),
        wrapped: root.wrap(&key, &context).expect("it wraps"),
        root: format!("local:{}", root.id()),
        sealed,
    }
}

async fn plant(rig: &Rig, planted: &Planted, wrapping_key: &str, active: bool) {
    let database: &Database = &rig.database.database;
    let (state, slot) = if active {
        ("active", Some(1))
    } else {
        ("open_only", None)
    };
    let key = [
        Bind::from(planted.id.as_bytes()),
        Bind::from("contact"),
        Bind::from("seal"),
        Bind::from(state),
        Bind::Int(slot),
        Bind::from(0_i64),
        Bind::from(1_i64 << 30),
    ];
    let insert = "INSERT INTO fieldseal_data_keys (key_id, domain, purpose, state, slot, reserved, use_limit) VALUES (?,?,?,?,?,?,?)";
    database
        .execute(insert, &key)
        .await
        .expect("the attacker may write");
    let insert = "INSERT INTO fieldseal_key_wraps (key_id, wrapping_key, wrapped) VALUES (?,?,?)";
    let wrap = [
        Bind::from(planted.id.as_bytes()),
        Bind::from(wrapping_key),
        Bind::from(planted.wrapped.as_slice()),
    ];
    database
        .execute(insert, &wrap)
        .await
        .expect("the attacker may write");
}

async fn a_planted_key_opens_nothing_and_seals_nothing(server: Server) {
    let planted = planted();
    let ours = |rig: &Rig| rig.provider.wrapping_keys()[0].as_str().to_owned();
    for (named_ours, expected) in [
        (false, "has no wrap under a configured wrapping key"),
        (true, "is not genuine"),
    ] {
        let mut rig = rig(server).await;
        put(&rig, 2, "note", &planted.sealed).await;
        let shown = cell(&rig, "2", "note").await;
        assert!(shown.ends_with("is not in the key store"), "{shown}");

        let name = if named_ours {
            ours(&rig)
        } else {
            planted.root.clone()
        };
        rig.sql(
            "UPDATE fieldseal_data_keys SET state = 'open_only', slot = NULL",
            &[],
        )
        .await;
        plant(&rig, &planted, &name, true).await;
        // The index key is the policy's as well and must be found again.
        rig.sql(
            "UPDATE fieldseal_data_keys SET state = 'active', slot = 1 WHERE purpose = 'index'",
            &[],
        )
        .await;
        rig.restart().await;
        let shown = cell(&rig, "2", "note").await;
        assert!(shown.contains(expected), "{shown}");
        assert_eq!(cell(&rig, "2", "email").await, "person2@example.org");

        let source = MemorySource::default().shard("next", vec![person(PEOPLE, 8)]);
        let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;
        let stopped = summary.stopped["next"].to_string();
        assert!(stopped.contains(expected), "{stopped}");
        assert!(
            !rig.open_all(PEOPLE).await.contains_key("8"),
            "nothing is sealed under it"
        );
        rig.end().await;
    }
}

async fn swapped_wraps_are_an_alarm(server: Server) {
    let mut rig = rig(server).await;
    let rows = rig
        .query(
            "SELECT key_id FROM fieldseal_data_keys WHERE domain = 'contact' AND purpose = 'seal'",
            &[],
        )
        .await;
    let first = rows[0].bytes(0).expect("an id");
    rig.keyring
        .retire_all()
        .await
        .expect("the keys are retired");
    rig.run(MemorySource::default().shard("next", vec![person(PEOPLE, 8)]))
        .await;
    let rows = rig
        .query("SELECT key_id FROM fieldseal_data_keys WHERE domain = 'contact' AND purpose = 'seal' AND state = 'active'", &[])
        .await;
    let second = rows[0].bytes(0).expect("an id");
    assert_ne!(first, second);
    let wrap = async |id: &[u8]| {
        let wraps = rig
            .query(
                "SELECT wrapped FROM fieldseal_key_wraps WHERE key_id = ?",
                &[id.into()],
            )
            .await;
        wraps[0].bytes(0).expect("a wrap")
    };
    let (of_first, of_second) = (wrap(&first).await, wrap(&second).await);
    for (id, wrapped) in [(&first, &of_second), (&second, &of_first)] {
        let binds = [Bind::from(wrapped.as_slice()), Bind::from(id.as_slice())];
        rig.sql(
            "UPDATE fieldseal_key_wraps SET wrapped = ? WHERE key_id = ?",
            &binds,
        )
        .await;
    }
    rig.restart().await;
    for id in ["1", "8"] {
        let shown = cell(&rig, id, "note").await;
        assert!(shown.contains("alarm: the wrap of key"), "{shown}");
        assert!(shown.contains("holds another key"), "{shown}");
        assert_eq!(cell(&rig, id, "card").await, "4111111111111111");
    }
    rig.end().await;
}

macro_rules! on_every_server {
    ($($name:ident),*) => {
        $(mod $name {
            use fieldseal_tests::databases::Server;

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$name(Server::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$name(Server::Postgres).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn mariadb() {
                super::$name(Server::MariaDb).await;
            }
        })*
    };
}

on_every_server!(
    moved_values_do_not_open,
    a_value_of_another_domain_is_an_alarm,
    a_spliced_index_finds_nobody_else,
    a_planted_key_opens_nothing_and_seals_nothing,
    swapped_wraps_are_an_alarm
);
