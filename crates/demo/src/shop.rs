//! The shop: two plain tables in memory. Owns what a row is and what may happen to it; knows no
//! record, no policy and no key. It has no foreign keys.

mod people;

use std::collections::BTreeMap;

use fieldseal_model::Kind;

pub(crate) use people::{People, address, notes, phone, points, status};

/// A cell as the shop's own database holds it. No `Debug`: it stands for plaintext.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    /// Text, and dates and times in their usual spelling.
    Text(String),
    /// A number's digits.
    Number(String),
}

/// What the policy is expected to do with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Sealed,
    Dropped,
}

/// One column that is not the key.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) fate: Fate,
    /// DMS's word for the type in a table definition.
    pub(crate) dms_type: &'static str,
}

/// One of the shop's tables; the key of both is `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Customers,
    Orders,
}

/// The schema of both tables.
pub(crate) const SCHEMA: &str = "shop";
/// The key column of both tables.
pub(crate) const KEY: &str = "id";

/// The columns of a customer by their place in a row.
pub(crate) mod customer {
    pub(crate) const EMAIL: usize = 1;
    pub(crate) const PHONE: usize = 2;
    pub(crate) const ADDRESS: usize = 4;
    pub(crate) const NOTES: usize = 5;
    pub(crate) const POINTS: usize = 7;
}

/// The columns of an order by their place in a row.
pub(crate) mod order {
    pub(crate) const STATUS: usize = 1;
    pub(crate) const SHIPPING_NOTE: usize = 6;
}

const CUSTOMERS: [Column; 11] = [
    column("name", Kind::Text, Fate::Sealed, "STRING"),
    column("email", Kind::Text, Fate::Sealed, "STRING"),
    column("phone", Kind::Text, Fate::Sealed, "STRING"),
    column("birth_date", Kind::Date, Fate::Sealed, "DATE32"),
    column("address", Kind::Text, Fate::Sealed, "STRING"),
    column("notes", Kind::Text, Fate::Sealed, "STRING"),
    column("loyalty", Kind::Text, Fate::Kept, "STRING"),
    column("points", Kind::Integer, Fate::Kept, "INT32"),
    column("marketing", Kind::Boolean, Fate::Kept, "INT8"),
    column("created_at", Kind::DateTime, Fate::Kept, "TIMESTAMP"),
    column("internal_score", Kind::Decimal, Fate::Dropped, "DECIMAL"),
];

const ORDERS: [Column; 7] = [
    column("customer_id", Kind::Integer, Fate::Kept, "INT64"),
    column("status", Kind::Text, Fate::Kept, "STRING"),
    column("total", Kind::Decimal, Fate::Kept, "DECIMAL"),
    column("placed_at", Kind::DateTime, Fate::Kept, "TIMESTAMP"),
    column("card_last4", Kind::Text, Fate::Sealed, "STRING"),
    column("iban", Kind::Text, Fate::Sealed, "STRING"),
    column("shipping_note", Kind::Text, Fate::Sealed, "STRING"),
];

const fn column(name: &'static str, kind: Kind, fate: Fate, dms_type: &'static str) -> Column {
    Column {
        name,
        kind,
        fate,
        dms_type,
    }
}

impl Table {
    pub(crate) const ALL: [Self; 2] = [Self::Customers, Self::Orders];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Orders => "orders",
        }
    }

    /// Every column but the key, in the order of a row's cells.
    pub(crate) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Customers => &CUSTOMERS,
            Self::Orders => &ORDERS,
        }
    }
}

/// The cells of one row without its key.
pub(crate) type Row = Vec<Cell>;

/// The shop as it is now.
#[derive(Default)]
pub(crate) struct Shop {
    customers: BTreeMap<u64, Row>,
    orders: BTreeMap<u64, Row>,
}

impl Shop {
    pub(crate) const fn rows(&self, table: Table) -> &BTreeMap<u64, Row> {
        match table {
            Table::Customers => &self.customers,
            Table::Orders => &self.orders,
        }
    }

    const fn rows_mut(&mut self, table: Table) -> &mut BTreeMap<u64, Row> {
        match table {
            Table::Customers => &mut self.customers,
            Table::Orders => &mut self.orders,
        }
    }

    pub(crate) fn get(&self, table: Table, id: u64) -> Option<&Row> {
        self.rows(table).get(&id)
    }

    /// Inserts or replaces a row.
    pub(crate) fn put(&mut self, table: Table, id: u64, row: Row) {
        debug_assert_eq!(row.len(), table.columns().len());
        self.rows_mut(table).insert(id, row);
    }

    pub(crate) fn remove(&mut self, table: Table, id: u64) -> Option<Row> {
        self.rows_mut(table).remove(&id)
    }

    /// The first id at or behind `from`, or else the first of all.
    pub(crate) fn id_near(&self, table: Table, from: u64) -> Option<u64> {
        let rows = self.rows(table);
        let behind = rows.range(from..).next();
        behind.or_else(|| rows.iter().next()).map(|(id, _)| *id)
    }

    /// The id behind the last one.
    pub(crate) fn next_id(&self, table: Table) -> u64 {
        self.rows(table).keys().next_back().map_or(1, |id| id + 1)
    }
}
