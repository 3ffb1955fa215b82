//! One decoded change to the row writes it stands for. Owns reading cells by the policy, the row
//! key, the version, and splitting a changed key; pure, so that it runs on any number of threads.

use std::cell::Cell as StdCell;
use std::collections::HashMap;

use fieldseal_dms::to_value;
use fieldseal_envelope::{ColumnRef, Domain, IndexKey, Pad, sealed_len};
use fieldseal_model::{
    Cell, Change, Epoch, Generation, Kind, Operation, Position, RowKey, RowVersion, SequenceNumber,
    TableName, Value, ValueType,
};
use fieldseal_policy::{
    Absent, Bind, Column, KeyChange, KeyColumn, Policy, Seal, Table, Treatment, Unlisted,
    UnlistedTables,
};

use crate::bindings::bind;
use crate::{Bound, Labels, TableLayout, TargetColumn, TargetType};

/// Everything planning needs, put together once at the start.
pub(crate) struct Planner {
    pub(crate) tables: Vec<TablePlan>,
    by_source: HashMap<TableName, usize>,
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
    UnlistedTable,
    OtherEngine,
}

/// Why a record goes to quarantine. Holds names that the policy knows, never a value.
pub(crate) struct Refusal {
    pub(crate) table: Option<usize>,
    pub(crate) operation: Option<Operation>,
    pub(crate) reason: &'static str,
    pub(crate) column: Option<String>,
    pub(crate) generation: Option<Generation>,
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
    },
}

pub(crate) enum PlannedCell {
    Ready(Bound),
    /// To be sealed: the policy column's number and the value.
    Seal(usize, Value),
}

/// A row key with its parameters.
struct Key {
    key: RowKey,
    bounds: Vec<Bound>,
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
        let by_source = tables
            .iter()
            .enumerate()
            .map(|(n, t)| (t.table.source.clone(), n))
            .collect();
        Self {
            tables,
            by_source,
            domains,
            skip_unlisted: policy.unlisted_tables() == UnlistedTables::Skip,
            engine: policy.source().engine,
        }
    }

    /// The number of the table whose records bear `name`.
    pub(crate) fn table_number(&self, name: &TableName) -> Option<usize> {
        self.by_source.get(name).copied()
    }

    /// What to do with a record of a table that the policy does not list.
    pub(crate) fn unlisted_table(&self) -> Planned {
        if self.skip_unlisted {
            Planned::Ignored
        } else {
            Planned::Stop(PlanStop::UnlistedTable)
        }
    }

    pub(crate) fn plan(
        &self,
        change: &Change,
        sequence: &SequenceNumber,
        labels: &Labels,
    ) -> Planned {
        let Some(number) = self.table_number(&change.table) else {
            return self.unlisted_table();
        };
        if change
            .order
            .is_some_and(|order| order.engine != self.engine)
        {
            return Planned::Stop(PlanStop::OtherEngine);
        }
        let row = RowPlan {
            plan: &self.tables[number],
            number,
            change,
            near: StdCell::new(0),
        };
        match row.plan(sequence, labels) {
            Ok((rows, unlisted, betrayed)) => Planned::Rows {
                rows,
                unlisted,
                betrayed,
            },
            Err(refusal) => Planned::Quarantine(refusal),
        }
    }
}

/// A version with the generation it came from, if it is a load's.
struct Versioned {
    version: RowVersion,
    generation: Option<Generation>,
    betrayed: bool,
}

/// Planning one change of one table.
struct RowPlan<'a> {
    plan: &'a TablePlan,
    number: usize,
    change: &'a Change,
    /// Where the next column most likely stands in the record.
    near: StdCell<usize>,
}

impl RowPlan<'_> {
    fn refuse(&self, reason: &'static str) -> Refusal {
        Refusal {
            table: Some(self.number),
            operation: Some(self.change.operation),
            reason,
            column: None,
            generation: None,
        }
    }

    fn refuse_column(&self, column: &str, reason: &'static str) -> Refusal {
        Refusal {
            column: Some(column.to_owned()),
            ..self.refuse(reason)
        }
    }

    fn plan(
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
        let version = RowVersion::of_change(epoch, order)
            .ok_or_else(|| self.refuse("record-number-too-large"))?;
        let betrayed = table
            .betrayed_by(epoch, position, sequence, &self.change.stamp)
            .is_some();
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

    /// The row key from cells that `get` finds.
    fn key<'c>(&self, get: impl Fn(&str) -> Option<&'c Cell>) -> Result<Key, Refusal> {
        let mut values = Vec::with_capacity(self.plan.table.key.len());
        let mut bounds = Vec::with_capacity(self.plan.table.key.len());
        for (column, target) in self.plan.table.key.iter().zip(&self.plan.target) {
            let value = self.key_value(column, get(&column.name))?;
            bounds.push(
                bind(&value, &target.ty)
                    .map_err(|_| self.refuse_column(&column.name, "does-not-fit"))?,
            );
            values.push(value);
        }
        let key = RowKey::new(&values).map_err(|_| self.refuse("odd-key"))?;
        Ok(Key { key, bounds })
    }

    fn key_value(&self, column: &KeyColumn, cell: Option<&Cell>) -> Result<Value, Refusal> {
        let cell = cell.ok_or_else(|| self.refuse_column(&column.name, "key-absent"))?;
        to_value(cell, &column.ty)
            .map_err(|error| self.refuse_column(&column.name, error.reason()))?
            .ok_or_else(|| self.refuse_column(&column.name, "key-null"))
    }

    /// Point 2: the key before an update, where it differs from the key after it.
    fn old_key(&self, new: &Key) -> Result<Option<Key>, Refusal> {
        let Some(before) = &self.change.before else {
            return match self.plan.table.key_change {
                KeyChange::Never => Ok(None),
                KeyChange::BeforeImage => Err(self.refuse("no-before-image")),
            };
        };
        // A column that the before-image lacks has not changed.
        let old = self.key(|column| before.get(column).or_else(|| self.change.row.get(column)))?;
        Ok((old.key != new.key).then_some(old))
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
        let mut cells = Vec::with_capacity(self.plan.layout.columns.len());
        for (number, column) in self.plan.table.columns.iter().enumerate() {
            match &column.treatment {
                Treatment::Drop => {}
                Treatment::Keep => cells.push(self.keep(column, self.plan.keys() + cells.len())?),
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
            write: PlannedWrite::Upsert { bound_to, cells },
        })
    }

    fn bound_to(&self, columns: &[KeyColumn]) -> Result<RowKey, Refusal> {
        let values = columns
            .iter()
            .map(|column| self.key_value(column, self.change.row.get(&column.name)))
            .collect::<Result<Vec<_>, _>>()?;
        RowKey::new(&values).map_err(|_| self.refuse("odd-bind-columns"))
    }

    fn keep(&self, column: &Column, output: usize) -> Result<PlannedCell, Refusal> {
        let target = &self.plan.target[output];
        let mut ty = target.ty.value_type();
        ty.zero_date = column.zero_date;
        let value = match self.cell(column)? {
            Some(cell) => self.kept_value(column, cell, &target.ty, &ty)?,
            None => absent(column.absent, ty.kind),
        };
        let bound = match &value {
            Some(value) => bind(value, &target.ty)
                .map_err(|_| self.refuse_column(&column.name, "does-not-fit"))?,
            None => Bound::Null,
        };
        self.nullable(column, &bound, output)?;
        Ok(PlannedCell::Ready(bound))
    }

    fn kept_value(
        &self,
        column: &Column,
        cell: &Cell,
        target: &TargetType,
        ty: &ValueType,
    ) -> Result<Option<Value>, Refusal> {
        // A text column can keep any cell's own characters; SQLite stores decimals so.
        if let (TargetType::Text { .. } | TargetType::Opaque, Cell::Number(number)) = (target, cell)
        {
            let digits = std::str::from_utf8(number.expose())
                .map_err(|_| self.refuse_column(&column.name, "wrong-type"))?;
            return Ok(Some(Value::text(digits)));
        }
        to_value(cell, ty).map_err(|error| self.refuse_column(&column.name, error.reason()))
    }

    fn seal(
        &self,
        number: usize,
        column: &Column,
        seal: &Seal,
        moved: bool,
        cells: &mut Vec<PlannedCell>,
    ) -> Result<(), Refusal> {
        let output = self.plan.keys() + cells.len();
        let value = match self.cell(column)? {
            Some(cell) => to_value(cell, &seal.ty)
                .map_err(|error| self.refuse_column(&column.name, error.reason()))?,
            // A moved row's old value cannot be read back to be sealed for the new key.
            None if moved => return Err(self.refuse_column(&column.name, "absent-in-key-change")),
            None => absent(column.absent, seal.ty.kind),
        };
        let mut beside = Vec::with_capacity(seal.indexes.len() + seal.masks.len());
        for (blind, key) in seal.indexes.iter().zip(&self.plan.indexes[number]) {
            let index = match &value {
                Some(value) => key
                    .compute(value, blind.bytes)
                    .map_err(|_| self.refuse_column(&column.name, "no-normal-form"))?,
                None => None,
            };
            beside.push(index.map_or(Bound::Null, Bound::Bytes));
        }
        for mask in &seal.masks {
            let masked = value.as_ref().and_then(|value| mask.mask.apply(value));
            beside.push(masked.map_or(Bound::Null, Bound::Text));
        }
        for (offset, bound) in beside.iter().enumerate() {
            self.fits_beside(column, bound, output + 1 + offset)?;
        }
        let value = if seal.seal_null {
            Some(value.unwrap_or_else(Value::null))
        } else {
            value
        };
        cells.push(self.sealed_cell(number, column, seal, value, output)?);
        cells.extend(beside.into_iter().map(PlannedCell::Ready));
        Ok(())
    }

    fn sealed_cell(
        &self,
        number: usize,
        column: &Column,
        seal: &Seal,
        value: Option<Value>,
        output: usize,
    ) -> Result<PlannedCell, Refusal> {
        let Some(value) = value else {
            self.nullable(column, &Bound::Null, output)?;
            return Ok(PlannedCell::Ready(Bound::Null));
        };
        let length = value.expose().len();
        if length > fieldseal_envelope::MAX_VALUE_BYTES {
            return Err(self.refuse_column(&column.name, "too-long-to-seal"));
        }
        if let TargetType::Bytes { max: Some(max) } = self.plan.target[output].ty
            && sealed_len(length, seal.pad) as u64 > max
        {
            return Err(self.refuse_column(&column.name, "does-not-fit"));
        }
        Ok(PlannedCell::Seal(number, value))
    }

    fn fits_beside(&self, column: &Column, bound: &Bound, output: usize) -> Result<(), Refusal> {
        if let (Bound::Text(text), TargetType::Text { .. }) = (bound, &self.plan.target[output].ty)
        {
            bind(&Value::text(text), &self.plan.target[output].ty)
                .map_err(|_| self.refuse_column(&column.name, "mask-does-not-fit"))?;
        }
        self.nullable(column, bound, output)
    }

    fn nullable(&self, column: &Column, bound: &Bound, output: usize) -> Result<(), Refusal> {
        let refused = *bound == Bound::Null && !self.plan.target[output].nullable;
        if refused {
            Err(self.refuse_column(&column.name, "null-in-not-null"))
        } else {
            Ok(())
        }
    }

    /// The record's cell; `None` when it is absent and the policy says what it becomes.
    fn cell(&self, column: &Column) -> Result<Option<&Cell>, Refusal> {
        match self.change.row.get_near(&column.name, self.near.get()) {
            Some((number, cell)) => {
                self.near.set(number + 1);
                Ok(Some(cell))
            }
            None if column.absent == Absent::Quarantine => {
                Err(self.refuse_column(&column.name, "column-absent"))
            }
            None => Ok(None),
        }
    }
}

impl TablePlan {
    fn keys(&self) -> usize {
        self.layout.keys
    }
}

/// What an absent column becomes, where the policy says so.
fn absent(policy: Absent, kind: Kind) -> Option<Value> {
    match (policy, kind) {
        (Absent::Empty, Kind::Bytes) => Some(Value::bytes(Vec::new())),
        (Absent::Empty, Kind::Text) => Some(Value::text("")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
