//! Every row of the target, opened under KMS and held against the shop. Owns the comparison; it
//! trusts nothing that the pipeline counted, and needs no record.

use std::collections::BTreeSet;
use std::fmt;

use fieldseal::reader::{OpenedCell, OpenedRow, Reader};
use fieldseal_demo::{Truth, TruthTable};
use fieldseal_dms::to_value;
use fieldseal_model::{Canonical, Cell, Kind, Piece, Value, ValueType};
use fieldseal_policy::Table;

/// Rows of one page.
const PAGE: u32 = 2_000;

/// What the comparison found, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// As in the shop, column by column.
    pub equal: usize,
    /// Of the shop, but not in the target.
    pub missing: usize,
    /// In the target, but not of the shop.
    pub extra: usize,
    /// In both, with a column that differs or does not open.
    pub different: usize,
}

impl Compared {
    /// Whether the target holds the shop, the whole shop and nothing but the shop.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.equal > 0 && self.missing == 0 && self.extra == 0 && self.different == 0
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows as in the shop, {} missing, {} extra, {} different",
            self.equal, self.missing, self.extra, self.different
        )
    }
}

/// Opens every row of every table of the truth.
pub(super) async fn compare(vault: &Reader, truth: &Truth) -> Compared {
    let mut compared = Compared::default();
    for (name, expected) in &truth.tables {
        let table = vault.table(name).expect("a table of the policy");
        let mut seen = BTreeSet::new();
        let mut after: Option<Vec<String>> = None;
        loop {
            let page = vault.page(table, after.as_deref(), PAGE).await;
            let rows = page.expect("the table can be read");
            for row in &rows {
                let key = key(row);
                let known = expected.rows.contains_key(&key) && seen.insert(key);
                match (known, same(table, expected, row)) {
                    (false, _) => compared.extra += 1,
                    (true, true) => compared.equal += 1,
                    (true, false) => compared.different += 1,
                }
            }
            match rows.last() {
                Some(last) => after = Some(vec![key(last).to_string()]),
                None => break,
            }
        }
        compared.missing += expected.rows.len() - seen.len();
    }
    compared
}

/// The key of a shop's row.
fn key(row: &OpenedRow) -> u64 {
    let Some((_, OpenedCell::Kept(text))) = row.cells.first() else {
        panic!("the key comes first and is kept");
    };
    let text = std::str::from_utf8(text.expose()).ok();
    text.and_then(|text| text.parse().ok()).expect("an integer")
}

fn same(table: &Table, expected: &TruthTable, row: &OpenedRow) -> bool {
    expected.row(key(row)).is_some_and(|mut cells| {
        cells.all(|(name, kind, wanted)| {
            let column = table.column(name);
            let target = column.map_or(name, |column| column.target.as_str());
            row.cell(target)
                .is_some_and(|found| same_cell(kind, wanted, found))
        })
    })
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
