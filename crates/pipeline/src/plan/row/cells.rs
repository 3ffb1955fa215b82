//! The columns beside the key: what is kept, what is to be sealed, and what stands beside it.
//! Owns reading a cell by the policy and that everything fits the target's column; sealing itself
//! is `seal`'s.

use fieldseal_dms::to_value;
use fieldseal_envelope::sealed_len;
use fieldseal_model::{Canonical, Cell, Kind, Row, Value, ValueType, Values};
use fieldseal_policy::{Absent, Column, Seal};

use super::{Refusal, RowPlan};
use crate::bindings::bind;
use crate::plan::PlannedCell;
use crate::{Bound, TargetType};

/// The cells of a row, as far as they are planned.
pub(super) struct Cells {
    pub(super) cells: Vec<PlannedCell>,
    pub(super) values: Values,
}

impl Cells {
    /// None yet, and room for all of a row's.
    pub(super) fn new(count: usize, row: &Row<'_>) -> Self {
        let bytes = row.iter().map(|(_, cell)| match cell {
            Cell::Null | Cell::Boolean(_) => 1,
            Cell::Number(piece) | Cell::Text(piece) => piece.expose().len(),
        });
        Self {
            cells: Vec::with_capacity(count),
            values: Values::with_capacity(bytes.sum()),
        }
    }
}

impl RowPlan<'_> {
    pub(super) fn keep(&self, column: &Column, cells: &mut Cells) -> Result<(), Refusal> {
        let output = self.plan.keys() + cells.cells.len();
        let target = &self.plan.target[output];
        let bound_to = self.plan.table.bound_type(&column.name);
        let ty = bound_to.map_or_else(|| kept_type(column, &target.ty), Clone::clone);
        let value = match self.cell(column)? {
            // What is written is what sealing is bound to.
            Some(cell) if bound_to.is_some() => self.value_of(column, cell, &ty)?,
            Some(cell) => self.kept_value(column, cell, &target.ty, &ty)?,
            None => absent(column.absent, ty.kind),
        };
        let bound = match &value {
            Some(value) => bind(value, &target.ty)
                .map_err(|_| self.refuse_column(&column.name, "does-not-fit"))?,
            None => Bound::Null,
        };
        self.nullable(column, &bound, output)?;
        cells.cells.push(PlannedCell::Ready(bound));
        Ok(())
    }

    fn kept_value<'c>(
        &self,
        column: &Column,
        cell: &'c Cell<'_>,
        target: &TargetType,
        ty: &ValueType,
    ) -> Result<Option<Canonical<'c>>, Refusal> {
        // A text column can keep any cell's own characters; SQLite stores decimals so.
        if let (TargetType::Text { .. } | TargetType::Opaque, Cell::Number(number)) = (target, cell)
        {
            let digits = number
                .expose_text()
                .ok_or_else(|| self.refuse_column(&column.name, "wrong-type"))?;
            return Ok(Some(Canonical::lent_text(digits)));
        }
        self.value_of(column, cell, ty)
    }

    fn value_of<'c>(
        &self,
        column: &Column,
        cell: &'c Cell<'_>,
        ty: &ValueType,
    ) -> Result<Option<Canonical<'c>>, Refusal> {
        to_value(cell, ty).map_err(|error| self.refuse_column(&column.name, error.reason()))
    }

    pub(super) fn seal(
        &self,
        number: usize,
        column: &Column,
        seal: &Seal,
        moved: bool,
        cells: &mut Cells,
    ) -> Result<(), Refusal> {
        let output = self.plan.keys() + cells.cells.len();
        let value = match self.cell(column)? {
            Some(cell) => self.value_of(column, cell, &seal.ty)?,
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
            beside.push(index.map_or(Bound::Null, |index| Bound::Bytes(index.into())));
        }
        for mask in &seal.masks {
            let masked = value.as_ref().and_then(|value| mask.mask.apply(value));
            beside.push(masked.map_or(Bound::Null, Bound::Text));
        }
        for (offset, bound) in beside.iter().enumerate() {
            self.fits_beside(column, bound, output + 1 + offset)?;
        }
        let value = if seal.seal_null {
            Some(value.unwrap_or_else(Canonical::null))
        } else {
            value
        };
        let cell = match value {
            Some(value) => {
                self.fits_sealed(column, seal, &value, output)?;
                PlannedCell::Seal(number, cells.values.push(&value))
            }
            None => {
                self.nullable(column, &Bound::Null, output)?;
                PlannedCell::Ready(Bound::Null)
            }
        };
        cells.cells.push(cell);
        cells
            .cells
            .extend(beside.into_iter().map(PlannedCell::Ready));
        Ok(())
    }

    fn fits_sealed(
        &self,
        column: &Column,
        seal: &Seal,
        value: &Canonical<'_>,
        output: usize,
    ) -> Result<(), Refusal> {
        let length = value.expose().len();
        if length > fieldseal_envelope::MAX_VALUE_BYTES {
            return Err(self.refuse_column(&column.name, "too-long-to-seal"));
        }
        if let TargetType::Bytes { max: Some(max) } = self.plan.target[output].ty
            && sealed_len(length, seal.pad) as u64 > max
        {
            return Err(self.refuse_column(&column.name, "does-not-fit"));
        }
        Ok(())
    }

    fn fits_beside(&self, column: &Column, bound: &Bound, output: usize) -> Result<(), Refusal> {
        if let (Bound::Text(text), TargetType::Text { .. }) = (bound, &self.plan.target[output].ty)
        {
            bind(&Canonical::lent_text(text), &self.plan.target[output].ty)
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
    fn cell(&self, column: &Column) -> Result<Option<&Cell<'_>>, Refusal> {
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

/// What an absent column becomes, where the policy says so.
fn absent(policy: Absent, kind: Kind) -> Option<Value> {
    match (policy, kind) {
        (Absent::Empty, Kind::Bytes) => Some(Value::bytes(Vec::new())),
        (Absent::Empty, Kind::Text) => Some(Value::text("")),
        _ => None,
    }
}

/// What a kept column's values are: what the target's are, and the policy's words of them.
fn kept_type(column: &Column, target: &TargetType) -> ValueType {
    let ty = target.value_type();
    let sized = matches!(ty.kind, Kind::Bytes | Kind::Uuid) && ty.bits.is_none();
    ValueType {
        zero_date: column.zero_date,
        width: if sized { column.width } else { ty.width },
        ..ty
    }
}
