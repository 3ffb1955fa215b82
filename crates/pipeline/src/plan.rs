//! One decoded change to the row writes it stands for. Owns what planning needs and what it comes
//! to; pure, so that it runs on any number of threads. One row's planning is in `row`.

mod row;

use fieldseal_envelope::{ColumnRef, Domain, IndexKey, Pad};
use fieldseal_model::{
    Change, Generation, Operation, RowKey, RowVersion, SequenceNumber, Slot, TableName, Values,
};
use fieldseal_policy::{Policy, Table, Treatment, UnlistedTables};

use crate::{Bound, Labels, TableLayout, TargetColumn};
use row::RowPlan;

/// Everything planning needs, put together once at the start.
pub(crate) struct Planner {
    pub(crate) tables: Vec<TablePlan>,
    /// Numbers of the tables, in the order of their names at the source.
    by_source: Vec<usize>,
    pub(crate) domains: Vec<Domain>,
    skip_unlisted: bool,
    engine: fieldseal_model::Engine,
}

/// One table's part of the planner.
pub(crate) struct TablePlan {
    pub(crate) table: Table,
    pub(crate) layout: TableLayout,
    target: Vec<TargetColumn>,
    /// Per policy column; empty for columns that are not sealed.
    indexes: Vec<Vec<IndexKey>>,
    /// Per policy column.
    pub(crate) seals: Vec<Option<SealPlan>>,
}

/// What sealing a column needs at hand.
pub(crate) struct SealPlan {
    pub(crate) column: ColumnRef,
    /// Number in `Planner::domains`.
    pub(crate) domain: usize,
    pub(crate) pad: Option<Pad>,
}

/// What became of one change.
pub(crate) enum Planned {
    /// One row write, or two for a changed key: the delete of the old row first.
    Rows {
        rows: Vec<PlannedRow>,
        unlisted: u64,
        betrayed: bool,
    },
    /// To be kept sealed.
    Quarantine(Refusal),
    /// Counted and left out: a table that the policy skips.
    Ignored,
    /// The shard must stop here.
    Stop(PlanStop),
}

pub(crate) enum PlanStop {
    UnlistedTable(TableName),
    OtherEngine,
}

/// Why a record goes to quarantine. Holds names that the policy knows, never a value.
pub(crate) struct Refusal {
    pub(crate) table: Option<usize>,
    pub(crate) operation: Option<Operation>,
    pub(crate) reason: &'static str,
    pub(crate) column: Option<String>,
    pub(crate) generation: Option<Generation>,
    /// Whether the record shows that its table's newest generation began wrongly.
    pub(crate) betrayed: bool,
}

/// One row write before sealing. No `Debug`: it holds cells.
pub(crate) struct PlannedRow {
    pub(crate) table: usize,
    pub(crate) key: RowKey,
    pub(crate) key_columns: Vec<Bound>,
    pub(crate) version: RowVersion,
    pub(crate) operation: Operation,
    /// The operation it is counted as; `None` for the clearing half of a changed key.
    pub(crate) counted_as: Option<Operation>,
    pub(crate) write: PlannedWrite,
}

pub(crate) enum PlannedWrite {
    Delete,
    Upsert {
        /// What sealed values are bound to; `None`: the row's own key.
        bound_to: Option<RowKey>,
        /// In the layout's order, without the key columns.
        cells: Vec<PlannedCell>,
        /// What is to be sealed.
        values: Values,
    },
}

pub(crate) enum PlannedCell {
    Ready(Bound),
    /// To be sealed: the policy column's number and where the value is.
    Seal(usize, Slot),
}

impl Planner {
    pub(crate) fn new(
        policy: &Policy,
        layouts: Vec<TableLayout>,
        targets: Vec<Vec<TargetColumn>>,
        mut index_key: impl FnMut(&Domain, &ColumnRef, &fieldseal_policy::BlindIndex) -> IndexKey,
    ) -> Self {
        let mut domains: Vec<Domain> = Vec::new();
        let mut tables = Vec::new();
        for ((table, layout), target) in policy.tables().iter().zip(layouts).zip(targets) {
            let mut indexes = Vec::new();
            let mut seals = Vec::new();
            for column in &table.columns {
                let Treatment::Seal(seal) = &column.treatment else {
                    indexes.push(Vec::new());
                    seals.push(None);
                    continue;
                };
                let reference = ColumnRef::new(table.id.clone(), column.id.clone());
                let domain = domains
                    .iter()
                    .position(|d| *d == seal.domain)
                    .unwrap_or_else(|| {
                        domains.push(seal.domain.clone());
                        domains.len() - 1
                    });
                indexes.push(
                    seal.indexes
                        .iter()
                        .map(|blind| index_key(&seal.domain, &reference, blind))
                        .collect(),
                );
                seals.push(Some(SealPlan {
                    column: reference,
                    domain,
                    pad: seal.pad,
                }));
            }
            tables.push(TablePlan {
                table: table.clone(),
                layout,
                target,
                indexes,
                seals,
            });
        }
        let mut by_source: Vec<usize> = (0..tables.len()).collect();
        by_source.sort_by_key(|number| &tables[*number].table.source);
        Self {
            tables,
            by_source,
            domains,
            skip_unlisted: policy.unlisted_tables() == UnlistedTables::Skip,
            engine: policy.source().engine,
        }
    }

    /// The number of the table whose records bear this name.
    pub(crate) fn table_number(&self, schema: &str, table: &str) -> Option<usize> {
        let found = self.by_source.binary_search_by(|number| {
            let source = &self.tables[*number].table.source;
            (source.schema.as_str(), source.table.as_str()).cmp(&(schema, table))
        });
        Some(self.by_source[found.ok()?])
    }

    /// The number of the table that a change is of.
    pub(crate) fn table_of(&self, change: &Change<'_>) -> Option<usize> {
        self.table_number(&change.table.schema, &change.table.table)
    }

    /// What to do with a record of a table that the policy does not list.
    pub(crate) fn unlisted_table(&self, name: TableName) -> Planned {
        if self.skip_unlisted {
            Planned::Ignored
        } else {
            Planned::Stop(PlanStop::UnlistedTable(name))
        }
    }

    pub(crate) fn plan(
        &self,
        change: &Change,
        sequence: &SequenceNumber,
        labels: &Labels,
    ) -> Planned {
        let Some(number) = self.table_of(change) else {
            return self.unlisted_table(change.table.to_name());
        };
        if change
            .order
            .is_some_and(|order| order.engine != self.engine)
        {
            return Planned::Stop(PlanStop::OtherEngine);
        }
        match RowPlan::new(&self.tables[number], number, change).plan(sequence, labels) {
            Ok((rows, unlisted, betrayed)) => Planned::Rows {
                rows,
                unlisted,
                betrayed,
            },
            Err(refusal) => Planned::Quarantine(refusal),
        }
    }
}

impl TablePlan {
    fn keys(&self) -> usize {
        self.layout.keys
    }
}

#[cfg(test)]
mod tests;
