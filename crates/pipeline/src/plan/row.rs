//! Planning one change of one table. Owns the version, splitting a changed key, and what a column
//! that the policy does not list does; the row key is in `key`, the other columns in `cells`.

mod cells;
mod key;

use std::cell::Cell as StdCell;

use fieldseal_model::{
    Change, Epoch, Generation, Operation, Position, RowKey, RowVersion, SequenceNumber,
};
use fieldseal_policy::{Bind, Treatment, Unlisted};

use super::{PlannedRow, PlannedWrite, Refusal, TablePlan};
use crate::Labels;
use cells::Cells;
use key::Key;

/// A version with the generation it came from, if it is a load's.
struct Versioned {
    version: RowVersion,
    generation: Option<Generation>,
    betrayed: bool,
}

/// Planning one change of one table.
pub(super) struct RowPlan<'a> {
    plan: &'a TablePlan,
    number: usize,
    change: &'a Change<'a>,
    /// Where the next column most likely stands in the record.
    near: StdCell<usize>,
}

impl<'a> RowPlan<'a> {
    pub(super) fn new(plan: &'a TablePlan, number: usize, change: &'a Change<'a>) -> Self {
        Self {
            plan,
            number,
            change,
            near: StdCell::new(0),
        }
    }
}

impl RowPlan<'_> {
    pub(super) fn plan(
        &self,
        sequence: &SequenceNumber,
        labels: &Labels,
    ) -> Result<(Vec<PlannedRow>, u64, bool), Refusal> {
        let Versioned {
            version,
            generation,
            betrayed,
        } = self.version(sequence, labels)?;
        self.rows(version)
            .map(|(rows, unlisted)| (rows, unlisted, betrayed))
            .map_err(|refusal| Refusal {
                generation,
                betrayed,
                ..refusal
            })
    }

    /// Point 3 of the ordering rules: the label comes from the place, never from the moment.
    fn version(&self, sequence: &SequenceNumber, labels: &Labels) -> Result<Versioned, Refusal> {
        let table = &labels.tables[self.number];
        let Some(order) = self.change.order else {
            let generation = table
                .generation_at(sequence)
                .ok_or_else(|| self.refuse("load-of-no-generation"))?;
            return Ok(Versioned {
                version: RowVersion::of_load(generation.epoch, generation.position),
                generation: Some(generation.generation),
                betrayed: false,
            });
        };
        let epoch: Epoch = labels.epoch_at(sequence);
        let position: Position = order.position;
        let betrayed = table
            .betrayed_by(epoch, position, sequence, &self.change.stamp)
            .is_some();
        let version = RowVersion::of_change(epoch, order).ok_or_else(|| Refusal {
            betrayed,
            ..self.refuse("record-number-too-large")
        })?;
        Ok(Versioned {
            version,
            generation: None,
            betrayed,
        })
    }

    fn rows(&self, version: RowVersion) -> Result<(Vec<PlannedRow>, u64), Refusal> {
        let operation = self.change.operation;
        let unlisted = self.unlisted()?;
        let key = self.key(|column| self.change.row.get(column))?;
        if operation == Operation::Delete {
            return Ok((vec![self.delete(key, version, Some(operation))], unlisted));
        }
        let old = if operation == Operation::Update {
            self.old_key(&key)?
        } else {
            None
        };
        let upsert = self.upsert(key, version, old.is_some())?;
        let rows = match old {
            Some(old) => vec![self.delete(old, version, None), upsert],
            None => vec![upsert],
        };
        Ok((rows, unlisted))
    }

    /// How many columns the policy does not list; refused unless the policy drops them. Deletes
    /// use key columns only, so they are never refused for another.
    fn unlisted(&self) -> Result<u64, Refusal> {
        let table = &self.plan.table;
        let mut listed = 0;
        // Records have their columns in one order, and policies are written from them: the next
        // name is most often the next column.
        let mut next = 0;
        for (name, _) in self.change.row.iter() {
            if table
                .columns
                .get(next)
                .is_some_and(|column| column.name == name)
            {
                next += 1;
                listed += 1;
                continue;
            }
            let known = table.key_column(name).is_some() || table.column(name).is_some();
            listed += usize::from(known);
        }
        let unlisted = self.change.row.len() - listed;
        let refused = unlisted > 0
            && table.unlisted == Unlisted::Quarantine
            && self.change.operation != Operation::Delete;
        if refused {
            Err(self.refuse("unlisted-column"))
        } else {
            Ok(unlisted as u64)
        }
    }

    fn delete(&self, key: Key, version: RowVersion, counted_as: Option<Operation>) -> PlannedRow {
        PlannedRow {
            table: self.number,
            key: key.key,
            key_columns: key.bounds,
            version,
            operation: self.change.operation,
            counted_as,
            write: PlannedWrite::Delete,
        }
    }

    fn upsert(&self, key: Key, version: RowVersion, moved: bool) -> Result<PlannedRow, Refusal> {
        let mut cells = Cells::new(self.plan.layout.columns.len(), &self.change.row);
        for (number, column) in self.plan.table.columns.iter().enumerate() {
            match &column.treatment {
                Treatment::Drop => {}
                Treatment::Keep => self.keep(column, &mut cells)?,
                Treatment::Seal(seal) => self.seal(number, column, seal, moved, &mut cells)?,
            }
        }
        let bound_to = match &self.plan.table.bind {
            Bind::Row => None,
            Bind::Columns(columns) => Some(self.bound_to(columns)?),
            Bind::Column => Some(RowKey::unbound()),
        };
        Ok(PlannedRow {
            table: self.number,
            key: key.key,
            key_columns: key.bounds,
            version,
            operation: self.change.operation,
            counted_as: Some(self.change.operation),
            write: PlannedWrite::Upsert {
                bound_to,
                cells: cells.cells,
                values: cells.values,
            },
        })
    }

    fn refuse(&self, reason: &'static str) -> Refusal {
        Refusal {
            table: Some(self.number),
            operation: Some(self.change.operation),
            reason,
            column: None,
            generation: None,
            betrayed: false,
        }
    }

    fn refuse_column(&self, column: &str, reason: &'static str) -> Refusal {
        Refusal {
            column: Some(column.to_owned()),
            ..self.refuse(reason)
        }
    }
}
