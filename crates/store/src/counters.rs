//! Exact counts of outcomes, in the transaction of what they count. Owns `fieldseal_counters`.

use std::collections::BTreeMap;

use fieldseal_db::{Bind, Dialect, Sql};
use fieldseal_model::Operation;
use fieldseal_pipeline::{Operations, SealedBatch, TableOutcome, Taint};

/// What is counted of each table, by the names of the columns; in the order of `Tally::numbers`.
pub const COUNTERS: [&str; 9] = [
    "loads",
    "inserts",
    "updates",
    "deletes",
    "skipped",
    "quarantined",
    "controls",
    "ignored",
    "unlisted_columns",
];

/// What one batch adds to one table's counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    applied: Operations,
    skipped: u64,
    quarantined: u64,
    controls: u64,
    ignored: u64,
    unlisted_columns: u64,
}

impl Tally {
    fn numbers(&self) -> [u64; 9] {
        [
            self.applied.loads,
            self.applied.inserts,
            self.applied.updates,
            self.applied.deletes,
            self.skipped,
            self.quarantined,
            self.controls,
            self.ignored,
            self.unlisted_columns,
        ]
    }
}

/// What a batch came to.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// By table number; `None` for records of no table of the policy.
    tables: BTreeMap<Option<usize>, Tally>,
    /// The taints that are new.
    pub(crate) tainted: Vec<Taint>,
}

impl Tallies {
    /// Starts with what planning counted.
    pub(crate) fn of(batch: &SealedBatch) -> Self {
        let mut tallies = Self::default();
        for counts in batch.counts() {
            let tally = tallies.tables.entry(counts.table).or_default();
            tally.skipped += counts.superseded;
            tally.quarantined += counts.quarantined;
            tally.controls += counts.controls;
            tally.ignored += counts.ignored;
            tally.unlisted_columns += counts.unlisted_columns;
        }
        tallies
    }

    /// A row's outcome. The clearing half of a changed key is counted with its other half.
    pub(crate) fn row(&mut self, table: usize, operation: Option<Operation>, applied: bool) {
        let Some(operation) = operation else { return };
        let tally = self.tables.entry(Some(table)).or_default();
        if applied {
            tally.applied.add(operation);
        } else {
            tally.skipped += 1;
        }
    }

    /// How many changes took effect.
    pub(crate) fn applied(&self) -> u64 {
        self.tables
            .values()
            .map(|t| t.applied.loads + t.applied.inserts + t.applied.updates + t.applied.deletes)
            .sum()
    }

    /// The tallies by the names of their columns, those that are zero left out.
    pub(crate) fn outcomes(&self) -> Vec<TableOutcome> {
        let of = |(table, tally): (&Option<usize>, &Tally)| {
            let (table, numbers) = (*table, tally.numbers());
            let counted = COUNTERS.into_iter().zip(numbers);
            counted
                .filter(|(_, count)| *count > 0)
                .map(move |(outcome, count)| TableOutcome {
                    table,
                    outcome,
                    count,
                })
        };
        self.tables.iter().flat_map(of).collect()
    }

    /// The statement that adds the tallies to the shard's counters, if there are any.
    pub(crate) fn adding<'a>(
        &self,
        dialect: Dialect,
        shard: &'a str,
        table_ids: &'a [String],
    ) -> Option<(Sql, Vec<Bind<'a>>)> {
        let mut binds = Vec::new();
        for (table, tally) in &self.tables {
            let table_id = table.map_or("", |number| table_ids[number].as_str());
            binds.extend([Bind::from(shard), Bind::from(table_id)]);
            let numbers = tally
                .numbers()
                .map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            binds.extend(numbers.map(Bind::from));
        }
        (!binds.is_empty()).then(|| (statement(dialect, self.tables.len()), binds))
    }
}

fn statement(dialect: Dialect, rows: usize) -> Sql {
    let add = |new: &dyn Fn(&str) -> String| {
        COUNTERS
            .iter()
            .map(|c| format!("{c} = fieldseal_counters.{c} + {}", new(c)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let on_conflict = match dialect {
        Dialect::MySql => {
            format!(
                "ON DUPLICATE KEY UPDATE {}",
                add(&|column| format!("VALUES({column})"))
            )
        }
        _ => format!(
            "ON CONFLICT (shard, table_id) DO UPDATE SET {}",
            add(&|column| format!("EXCLUDED.{column}"))
        ),
    };
    Sql::dynamic(format!(
        "INSERT INTO fieldseal_counters (shard, table_id, {}) VALUES {} {on_conflict}",
        COUNTERS.join(", "),
        vec!["(?,?,?,?,?,?,?,?,?,?,?)"; rows].join(",")
    ))
}
