//! Reading a table page by page, on every server: each row comes once, in the order of its key as the
//! key's own type has it.

use fieldseal::reader::OpenedCell;
use fieldseal_dms::Wire;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig, policy, records};

const TABLE: &str = "shop.things";

const POLICY: &str = r#"
[tables."shop.things"]
key = { id = "integer" }
[tables."shop.things".columns]
note = { seal = "contact", kind = "text" }
"#;

/// Enough that keys have one, two and three digits.
const ROWS: u32 = 120;

async fn pages_hold_every_row_once(server: Server) {
    let rig = Rig::new(server, policy(POLICY)).await;
    let inserts = (1..=ROWS).map(|id| {
        let id_text = id.to_string();
        let cells = [
            ("id", Wire::Number(&id_text)),
            ("note", Wire::Text("a note")),
        ];
        records::insert(id, TABLE, &cells)
    });
    rig.run(MemorySource::of(inserts.collect())).await;
    let (vault, table) = (rig.vault(), rig.table(TABLE));
    let mut ids: Vec<String> = Vec::new();
    loop {
        let after = ids.last().map(|id| vec![id.clone()]);
        let page = vault.page(table, after.as_deref(), 7).await;
        let page = page.expect("the table can be read");
        if page.is_empty() {
            break;
        }
        ids.extend(page.iter().map(|row| match &row.cells[0].1 {
            OpenedCell::Kept(text) => String::from_utf8_lossy(text.expose()).into_owned(),
            _ => panic!("a key is kept"),
        }));
        assert!(ids.len() <= ROWS as usize, "rows come again: {ids:?}");
    }
    let expected: Vec<String> = (1..=ROWS).map(|id| id.to_string()).collect();
    assert_eq!(ids, expected);
    rig.end().await;
}

#[tokio::test]
async fn pages_on_sqlite() {
    pages_hold_every_row_once(Server::Sqlite).await;
}

#[tokio::test]
async fn pages_on_postgres() {
    pages_hold_every_row_once(Server::Postgres).await;
}

#[tokio::test]
async fn pages_on_mariadb() {
    pages_hold_every_row_once(Server::MariaDb).await;
}

#[tokio::test]
async fn pages_on_mysql() {
    if Server::MySql.is_there() {
        pages_hold_every_row_once(Server::MySql).await;
    }
}
