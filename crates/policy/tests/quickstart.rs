//! The quickstart policy: parsed, and looked at from where other crates stand.

use std::path::PathBuf;

use fieldseal_model::{Engine, Kind, TableName, ZeroDate};
use fieldseal_policy::{
    Absent, Bind, FirstLoad, KeyChange, KeyProvider, Location, Policy, SourceKind, Treatment,
    Unlisted, UnlistedTables,
};

const QUICKSTART: &str = include_str!("../../../pipeline-config/quickstart.toml");

fn quickstart() -> Policy {
    match Policy::parse(QUICKSTART) {
        Ok(policy) => policy,
        Err(mistakes) => panic!("{}", mistakes.in_file("quickstart.toml")),
    }
}

fn name(table: &str) -> TableName {
    TableName {
        schema: "shop".to_owned(),
        table: table.to_owned(),
    }
}

#[test]
fn the_small_sections() {
    let policy = quickstart();
    let source = policy.source();
    assert_eq!((source.id.as_str(), source.engine), ("shop", Engine::MySql));
    let dir = PathBuf::from("source");
    assert_eq!(source.kind, SourceKind::Files { dir });
    assert!(source.url.is_none());
    assert_eq!(
        (source.max_batch_rows, source.max_batch_bytes),
        (8_000, 8 << 20)
    );
    let url = Location::Literal("sqlite://target.db".to_owned());
    assert!(policy.target().url == url && !policy.target().insecure);
    let keys = policy.keys();
    assert_eq!(keys.deployment, "quickstart");
    let root_file = PathBuf::from("root.key");
    assert_eq!(keys.provider, KeyProvider::Local { root_file });
    assert_eq!(
        (keys.max_uses, keys.nonce_pool, keys.cache_max_age_seconds),
        (1 << 30, 256, 300)
    );
    assert_eq!(policy.unlisted_tables(), UnlistedTables::Stop);
    let domains: Vec<&str> = policy.domains().into_iter().collect();
    assert_eq!(domains, ["contact", "identity", "payment"]);
}

#[test]
fn customers() {
    let policy = quickstart();
    let customers = policy.table_by_source(&name("customers")).unwrap();
    assert_eq!(customers.id.as_str(), "shop.customers");
    assert_eq!(customers.target, "customers");
    assert_eq!(
        (customers.key.len(), customers.key[0].ty.kind),
        (1, Kind::Integer)
    );
    assert_eq!(customers.key.len() + customers.columns.len(), 12);
    assert_eq!(
        (&customers.bind, customers.absent),
        (&Bind::Row, Absent::Null)
    );
    assert_eq!(customers.key_change, KeyChange::BeforeImage);
    assert_eq!(customers.first_load, FirstLoad::Unregistered);
    assert_eq!(customers.unlisted, Unlisted::Quarantine);
    let sealed: Vec<&str> = customers.sealed().map(|(c, _)| c.name.as_str()).collect();
    assert_eq!(
        sealed,
        ["name", "address", "notes", "birth_date", "email", "phone"]
    );

    let Treatment::Seal(email) = &customers.column("email").unwrap().treatment else {
        panic!("the e-mail is sealed");
    };
    assert_eq!(email.pad.unwrap().bytes(), 32);
    let index = &email.indexes[0];
    assert_eq!(index.definition.to_string(), "t|trim/1|nfkc_casefold/1");
    assert_eq!(
        (index.bytes.bytes(), index.column.as_str()),
        (16, "email_bidx")
    );
    assert_eq!(email.masks[0].column, "email_domain");

    let birth_date = customers.column("birth_date").unwrap();
    assert_eq!(birth_date.zero_date, ZeroDate::Null);
    let dropped = customers.column("internal_score").unwrap();
    assert!(matches!(dropped.treatment, Treatment::Drop));
}

#[test]
fn look_ups() {
    let policy = quickstart();
    let ids: Vec<&str> = policy
        .tables()
        .iter()
        .map(|table| table.id.as_str())
        .collect();
    assert_eq!(ids, ["shop.customers", "shop.orders"]);
    assert!(policy.table_by_id("shop.orders").is_some());
    assert!(policy.table_by_source(&name("Customers")).is_none());
    let orders = policy.table_by_source(&name("orders")).unwrap();
    assert!(orders.key_column("id").is_some() && orders.column("id").is_none());
}

#[test]
fn the_layout_of_orders() {
    let policy = quickstart();
    let layout = policy.table_by_id("shop.orders").unwrap().layout();
    assert_eq!(
        layout,
        [
            "table id \"shop.orders\"",
            "bound to \"id\" integer",
            "column \"card_last4\" id \"card_last4\" domain payment kind text",
            "column \"iban\" id \"iban\" domain payment kind text",
            "column \"shipping_note\" id \"shipping_note\" domain contact kind text",
        ]
    );
}
