//! The table that these tests speak of: its policy, the struct an application has of it, and a
//! database with rows that the pipeline sealed.

use std::sync::Arc;

use fieldseal::keys::KeyProvider;
use fieldseal::{Pii, Sealed, Vault};
use fieldseal_dms::Wire;
use fieldseal_policy::Policy;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, policy, records};

pub(crate) const PEOPLE: &str = "shop.people";

/// As the application describes it; [`people`] is the pipeline's word for the same.
#[derive(Sealed)]
#[sealed(table = "shop.people")]
pub(crate) struct Person {
    #[sealed(key)]
    pub(crate) id: i64,
    #[sealed(
        domain = "contact",
        pad = 32,
        index(name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx"),
        mask(email_domain, column = "email_domain")
    )]
    pub(crate) email: Pii<String>,
    #[sealed(domain = "contact")]
    pub(crate) note: Option<String>,
    #[sealed(domain = "payment", mask(keep_last = 4, column = "card_last4"))]
    pub(crate) card: Pii<String>,
    #[sealed(domain = "identity", pad = 16, seal_null)]
    pub(crate) age: Option<i32>,
    pub(crate) points: i32,
}

impl Person {
    pub(crate) fn numbered(id: i64) -> Self {
        Self {
            id,
            email: Pii::new(format!("person{id}@example.org")),
            note: Some("likes tea".to_owned()),
            card: Pii::new("4111111111111111".to_owned()),
            age: None,
            points: 7,
        }
    }
}

pub(crate) fn people() -> Policy {
    policy(
        r#"
[tables."shop.people"]
key = { id = "integer" }
[tables."shop.people".columns]
note = { seal = "contact", kind = "text" }
age = { seal = "identity", kind = "integer", pad = 16, seal_null = true }
points = "keep"
[tables."shop.people".columns.email]
seal = "contact"
kind = "text"
pad = 32
index = [{ name = "exact", normalise = ["trim/1", "nfkc_casefold/1"], column = "email_bidx" }]
mask = [{ email_domain = true, column = "email_domain" }]
[tables."shop.people".columns.card]
seal = "payment"
kind = "text"
mask = [{ keep_last = 4, column = "card_last4" }]
"#,
    )
}

/// How the first parameter of a statement is spelled.
pub(crate) fn mark(server: Server) -> &'static str {
    match server {
        Server::Postgres => "$1",
        Server::Sqlite | Server::MariaDb | Server::MySql => "?",
    }
}

/// Three people, sealed by the pipeline.
pub(crate) async fn rig(server: Server) -> Rig {
    rig_with(server, None).await
}

/// The same with a key provider of its own instead of the root key file.
pub(crate) async fn rig_with(server: Server, provider: Option<Arc<dyn KeyProvider>>) -> Rig {
    let around = |local| provider.unwrap_or(local);
    let rig = Rig::with(server, people(), &tables(server), around).await;
    let records = (1..=3).map(|id| {
        let (key, email) = (id.to_string(), format!("person{id}@example.org"));
        let cells = [
            ("id", Wire::Number(&key)),
            ("email", Wire::Text(&email)),
            ("note", Wire::Text("likes tea")),
            ("card", Wire::Text("4111111111111111")),
            ("age", Wire::Number("36")),
            ("points", Wire::Number("7")),
        ];
        records::insert(id, PEOPLE, &cells)
    });
    rig.run(MemorySource::of(records.collect())).await;
    rig
}

fn tables(server: Server) -> String {
    let made = fieldseal_store::create_tables(&people(), server.dialect(), None);
    // Without a source, the type of a kept column is a guess.
    let lines = made.unwrap();
    let lines = lines.lines().map(|line| {
        if line.contains("points") {
            line.replace("TEXT", "INTEGER")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The application's vault: keys of its own over the rig's store and root key.
pub(crate) async fn vault(rig: &Rig) -> Vault {
    let vault = Vault::start(fieldseal_tests::harness::DEPLOYMENT)
        .root_key_file(rig.database.path("root.key"))
        .open_over(Arc::clone(&rig.keys));
    vault.await.unwrap()
}
