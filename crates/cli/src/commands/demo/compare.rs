//! Every row of the target, opened and held against the truth. Owns the comparison; it trusts
//! nothing that the pipeline counted.

use fieldseal::reader::{OpenedCell, OpenedRow};
use fieldseal_demo::{Truth, TruthTable};
use fieldseal_dms::to_value;
use fieldseal_model::{Canonical, Cell, Kind, Piece, Value, ValueType};
use fieldseal_policy::Table;

use crate::exit::{Exit, Failure};
use crate::progress::Counting;
use crate::wiring::Wired;

/// Rows of one page.
const PAGE: u32 = 2_000;

/// What the comparison found.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) in_target: u64,
    pub(crate) equal: u64,
    pub(crate) looked_up: bool,
}

/// Opens every row of every table of the truth.
pub(crate) async fn compare(wired: &Wired, truth: &Truth) -> Result<Compared, Failure> {
    let vault = wired.vault();
    let failed =
        |error: fieldseal::reader::ReadError| Failure::new(Exit::Failed, error.to_string());
    let mut compared = Compared::default();
    let mut counting = Counting::start("comparing", "rows");
    for (name, expected) in &truth.tables {
        let table = vault.table(name).map_err(failed)?;
        let mut after: Option<Vec<String>> = None;
        loop {
            let rows = vault
                .page(table, after.as_deref(), PAGE)
                .await
                .map_err(failed)?;
            for row in &rows {
                compared.in_target += 1;
                compared.equal += u64::from(same(table, expected, row));
            }
            counting.reached_of(compared.in_target, truth.rows() as u64);
            match rows.last() {
                Some(last) => after = Some(vec![key(last).to_string()]),
                None => break,
            }
        }
    }
    compared.looked_up = look_up(wired, truth).await?;
    Ok(compared)
}

/// The key of a shop's row.
fn key(row: &OpenedRow) -> u64 {
    match row.cells.first() {
        Some((_, OpenedCell::Kept(text))) => std::str::from_utf8(text.expose())
            .ok()
            .and_then(|t| t.parse().ok())
            .unwrap_or(0),
        _ => 0,
    }
}

fn same(table: &Table, expected: &TruthTable, row: &OpenedRow) -> bool {
    let Some(cells) = expected.row(key(row)) else {
        return false;
    };
    for (name, kind, wanted) in cells {
        let target = table
            .column(name)
            .map_or(name, |column| column.target.as_str());
        let Some(found) = row.cell(target) else {
            return false;
        };
        if !same_cell(kind, wanted, found) {
            return false;
        }
    }
    true
}

fn same_cell(kind: Kind, wanted: Option<&Value>, found: &OpenedCell) -> bool {
    let equal = |found: &Canonical<'_>| {
        wanted.is_some_and(|w| w.kind() == found.kind() && w.expose() == found.expose())
    };
    match found {
        OpenedCell::Null => wanted.is_none(),
        OpenedCell::Opened(value) => equal(value),
        // As the database prints it; DMS's tolerances cover every server's spelling.
        OpenedCell::Kept(text) => to_value(
            &Cell::Text(Piece::Bytes(text.expose())),
            &ValueType::of(kind),
        )
        .is_ok_and(|value| value.is_some_and(|value| equal(&value))),
        OpenedCell::Failed(_) => false,
    }
}

/// Finds one customer by an e-mail in another case and with blanks around it.
async fn look_up(wired: &Wired, truth: &Truth) -> Result<bool, Failure> {
    let vault = wired.vault();
    let failed =
        |error: fieldseal::reader::ReadError| Failure::new(Exit::Failed, error.to_string());
    let Some(customers) = truth.tables.get("shop.customers") else {
        return Ok(false);
    };
    let Some(column) = customers
        .columns
        .iter()
        .position(|(name, _)| *name == "email")
    else {
        return Ok(false);
    };
    let found = customers
        .rows
        .iter()
        .find_map(|(id, row)| Some((*id, row[column].as_ref()?)));
    let Some((id, email)) = found else {
        return Ok(false);
    };
    let typed = format!(
        "  {}\t",
        email.expose_text().unwrap_or_default().to_uppercase()
    );
    let table = vault.table("shop.customers").map_err(failed)?;
    let rows = vault
        .find(table, "email", "exact", &Value::text(&typed))
        .await
        .map_err(failed)?;
    Ok(rows
        .iter()
        .any(|row| key(row) == id && same(table, customers, row)))
}
