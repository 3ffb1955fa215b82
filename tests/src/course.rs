//! What happens to the rows of two small tables, shard by shard, and what must be there at the
//! end: known without reading a single record back. Owns the rule; how the records get into a
//! target is the tests'.

use std::collections::BTreeMap;

use fieldseal_db::{Bind, Database, Row};
use fieldseal_dms::Wire;
use fieldseal_model::{Engine, Epoch, Operation, RowVersion, SourceOrder};

use crate::harness::{Opened, records};

/// The tables' ids.
pub const TABLES: [&str; 2] = ["shop.others", "shop.things"];

/// The tables' part of a policy. Nothing changes a key, and there is no load.
pub const POLICY: &str = r#"
[tables."shop.others"]
key = { id = "integer" }
[tables."shop.others".columns]
note = { seal = "contact", kind = "text" }

[tables."shop.things"]
key = { id = "integer" }
[tables."shop.things".columns]
note = { seal = "contact", kind = "text" }
"#;

/// The record of one change, the source's `n`th.
#[must_use]
pub fn change(operation: Operation, table: &str, id: u64, n: u32) -> Vec<u8> {
    let (number, note) = (id.to_string(), note(id, n));
    let cells = [("id", Wire::Number(&number)), ("note", Wire::Text(&note))];
    let before = (operation == Operation::Update).then_some(&[][..]);
    records::row(operation, table, Some(n), &cells, before)
}

/// The version of the source's `n`th change.
///
/// # Panics
/// Never: one record of a transaction has a version.
#[must_use]
pub fn version(n: u32) -> RowVersion {
    let order = SourceOrder {
        engine: Engine::MySql,
        position: records::position(n),
        record: 1,
    };
    RowVersion::of_change(Epoch(1), order).expect("the first record of a transaction")
}

fn note(id: u64, n: u32) -> String {
    format!("note {id} of change {n}")
}

/// Shards of equally many records. A block of rows is inserted, then updated, and then every
/// other row is deleted and the rest updated again. As long as a batch is no longer than a block,
/// no record makes another one needless, so that each has an outcome of its own.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// How many shards.
    pub shards: u64,
    /// Blocks of each.
    pub blocks: u64,
    /// Rows of a block, an even number.
    pub block: u64,
}

/// Insert, update, and delete or update.
const STEPS: u64 = 3;

impl Course {
    /// Records of one shard.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.blocks * self.block * STEPS
    }

    /// The bytes of a shard's record, by its number from 0.
    #[must_use]
    pub fn record(&self, shard: u64, number: u64) -> Vec<u8> {
        let (operation, table, id) = self.at(shard, number);
        change(operation, table, id, nth(number))
    }

    fn at(&self, shard: u64, number: u64) -> (Operation, &'static str, u64) {
        let row = number / (STEPS * self.block) * self.block + number % self.block;
        let operation = match number % (STEPS * self.block) / self.block {
            0 => Operation::Insert,
            2 if row.is_multiple_of(2) => Operation::Delete,
            _ => Operation::Update,
        };
        let id = shard * self.records() + row;
        (operation, TABLES[usize::from(row % 4 < 2)], id)
    }

    /// Checks that every row has the version it should have, and no row is there that should not.
    ///
    /// # Panics
    /// If it is not so.
    pub async fn check_versions(&self, database: &Database) {
        let mut found = BTreeMap::new();
        for (table, sql) in TABLES.into_iter().zip([
            "SELECT id, _fieldseal_version FROM others",
            "SELECT id, _fieldseal_version FROM things",
        ]) {
            for row in rows(database, sql).await {
                found.insert((table, number(&row, 0)), row.bytes(1).expect("a version"));
            }
        }
        let expected = self.end();
        let wrong = expected
            .iter()
            .filter(|(key, n)| found.get(*key).map(Vec::as_slice) != Some(version(**n).as_bytes()));
        assert_eq!(
            wrong.count(),
            0,
            "rows that are missing or of another version"
        );
        assert_eq!(
            found.len(),
            expected.len(),
            "as many rows as there should be"
        );
    }

    /// Checks a table's rows as they were opened, by key.
    ///
    /// # Panics
    /// If one differs.
    pub fn check_opened(&self, table: &str, opened: &BTreeMap<String, Opened>) {
        let expected = self.end().into_iter().filter(|((of, _), _)| *of == table);
        let mut rows = 0;
        for ((_, id), n) in expected {
            let row = opened
                .get(&id.to_string())
                .expect("a row that should be there");
            assert_eq!(row["note"], note(id, n));
            rows += 1;
        }
        assert_eq!(
            opened.len(),
            rows,
            "as many rows of {table} as there should be"
        );
    }

    /// The last change of each row that is there at the end.
    fn end(&self) -> BTreeMap<(&'static str, u64), u32> {
        let mut rows = BTreeMap::new();
        for (shard, number) in
            (0..self.shards).flat_map(|s| (0..self.records()).map(move |n| (s, n)))
        {
            let (operation, table, id) = self.at(shard, number);
            if operation == Operation::Delete {
                rows.remove(&(table, id));
            } else {
                rows.insert((table, id), nth(number));
            }
        }
        rows
    }

    /// Checks that every record of every shard was counted once, as what it is.
    ///
    /// # Panics
    /// If it is not so.
    pub async fn check_counters(&self, database: &Database) {
        let sql = "SELECT shard, inserts, updates, deletes, loads + skipped + quarantined + controls + ignored + unlisted_columns FROM fieldseal_counters";
        let mut sums: BTreeMap<String, [u64; 4]> = BTreeMap::new();
        for row in rows(database, sql).await {
            let sums = sums.entry(row.text(0).expect("a name")).or_default();
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum += number(&row, column + 1);
            }
        }
        let (step, half) = (self.records() / STEPS, self.records() / STEPS / 2);
        assert_eq!(sums.len() as u64, self.shards, "every shard has counters");
        for (shard, sums) in sums {
            assert_eq!(
                sums,
                [step, step + half, half, 0],
                "{shard}: inserts, updates, deletes, others"
            );
        }
    }
}

fn nth(number: u64) -> u32 {
    u32::try_from(number).expect("a short course")
}

/// The rows of a query of the test's own.
///
/// # Panics
/// If the database refuses it.
pub async fn rows(database: &Database, sql: &'static str) -> Vec<Row> {
    database
        .query(sql, &[])
        .await
        .expect("the database answers")
}

/// The first number of a query's first row.
///
/// # Panics
/// If the database refuses it, or it answers nothing.
pub async fn count(database: &Database, sql: &'static str, binds: &[Bind<'_>]) -> u64 {
    let rows = database
        .query(sql, binds)
        .await
        .expect("the database answers");
    number(&rows[0], 0)
}

/// A column that is a number and not negative.
///
/// # Panics
/// If it is not.
#[must_use]
pub fn number(row: &Row, column: usize) -> u64 {
    u64::try_from(row.int(column).expect("an integer")).expect("no negative number")
}
