//! What the new database must hold in the end, straight from the shop. Owns the canonical form
//! of every cell; never sees a record.

use std::collections::BTreeMap;

use fieldseal_model::{Kind, Value};

use crate::shop::{Cell, Column, Fate, KEY, Row, SCHEMA, Shop, Table};

/// Every table as `schema.table`, which is also its section in the policy.
pub struct Truth {
    /// The tables.
    pub tables: BTreeMap<String, TruthTable>,
}

/// What one table must hold.
pub struct TruthTable {
    /// The name of the key's only column, an integer.
    pub key: &'static str,
    /// The columns beside the key that reach the new database, with their kinds; a dropped
    /// column is not among them.
    pub columns: Vec<(&'static str, Kind)>,
    /// The canonical values by key, in the order of `columns`; `None` is NULL.
    pub rows: BTreeMap<u64, Vec<Option<Value>>>,
}

impl Truth {
    pub(crate) fn of(shop: &Shop) -> Self {
        let table = |table: Table| (format!("{SCHEMA}.{}", table.name()), truth(shop, table));
        Self {
            tables: Table::ALL.into_iter().map(table).collect(),
        }
    }

    /// How many rows there are in all tables.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tables.values().map(|table| table.rows.len()).sum()
    }
}

impl TruthTable {
    /// The cells of a row with their column and kind; `None` is NULL.
    #[must_use]
    pub fn row(
        &self,
        key: u64,
    ) -> Option<impl Iterator<Item = (&'static str, Kind, Option<&Value>)>> {
        let row = self.rows.get(&key)?;
        let cells = self.columns.iter().zip(row);
        Some(cells.map(|((name, kind), value)| (*name, *kind, value.as_ref())))
    }
}

fn truth(shop: &Shop, table: Table) -> TruthTable {
    let arrives = |column: &&Column| column.fate != Fate::Dropped;
    let columns = table.columns().iter().filter(arrives);
    let rows = shop.rows(table).iter();
    TruthTable {
        key: KEY,
        columns: columns.map(|column| (column.name, column.kind)).collect(),
        rows: rows.map(|(id, row)| (*id, values(table, row))).collect(),
    }
}

fn values(table: Table, row: &Row) -> Vec<Option<Value>> {
    let cells = table.columns().iter().zip(row);
    cells
        .filter(|(column, _)| column.fate != Fate::Dropped)
        .map(|(column, cell)| value(column.kind, cell))
        .collect()
}

fn value(kind: Kind, cell: &Cell) -> Option<Value> {
    let (Cell::Text(text) | Cell::Number(text)) = cell else {
        return None;
    };
    let value = match kind {
        Kind::Text => Ok(Value::text(text)),
        Kind::Integer => Value::integer(text),
        Kind::Decimal => Value::decimal(text),
        Kind::Boolean => Ok(Value::boolean(text != "0")),
        other => Value::from_canonical(other, text.clone().into_bytes()),
    };
    Some(value.expect("the shop writes its cells in forms of their kinds"))
}
