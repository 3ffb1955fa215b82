//! A few rows as they are stored and as they are opened. The demo's people do not exist, which is
//! why their values may be printed here.

use fieldseal::reader::OpenedCell;
use fieldseal_db::{Dialect, Sql, quote};

use crate::exit::{Exit, Failure};
use crate::print::say;
use crate::wiring::Wired;

/// Columns to show of `shop.customers`.
const SHOWN: [&str; 4] = ["name", "email", "phone", "birth_date"];
const ROWS: u32 = 3;

pub(crate) async fn rows(wired: &Wired) -> Result<(), Failure> {
    let vault = wired.vault();
    let failed =
        |error: fieldseal::reader::ReadError| Failure::new(Exit::Failed, error.to_string());
    let table = vault.table("shop.customers").map_err(failed)?;
    let columns: Vec<String> = SHOWN.iter().map(|c| quote(Dialect::Sqlite, c)).collect();
    let sql = format!(
        "SELECT id, {} FROM {} ORDER BY id LIMIT {ROWS}",
        columns.join(", "),
        quote(Dialect::Sqlite, &table.target)
    );
    let stored = wired
        .database
        .query(Sql::dynamic(sql), &[])
        .await
        .map_err(|error| Failure::database("showing rows", &error))?;
    let opened = vault.page(table, None, ROWS).await.map_err(failed)?;
    say("")?;
    for (stored, opened) in stored.iter().zip(&opened) {
        let id = stored
            .int(0)
            .map_err(|error| Failure::database("showing rows", &error))?;
        say(&format!("  customer {id}"))?;
        for (index, column) in SHOWN.iter().enumerate() {
            let bytes = stored
                .opt_bytes(index + 1)
                .map_err(|error| Failure::database("showing rows", &error))?;
            say(&format!(
                "    {column:<11} {:<30} {}",
                hex(bytes.as_deref()),
                text(opened.cell(column))
            ))?;
        }
    }
    say("")
}

/// The first bytes of what is stored.
fn hex(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "NULL".to_owned(),
        Some(bytes) => {
            let start: String = bytes
                .iter()
                .take(10)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{start}… {} B", bytes.len())
        }
    }
}

fn text(cell: Option<&OpenedCell>) -> String {
    match cell {
        Some(OpenedCell::Opened(value)) => value.expose_text().unwrap_or("…").to_owned(),
        Some(OpenedCell::Failed(failure)) => failure.to_string(),
        Some(OpenedCell::Null) | None => "NULL".to_owned(),
        Some(OpenedCell::Kept(_)) => "kept".to_owned(),
    }
}
