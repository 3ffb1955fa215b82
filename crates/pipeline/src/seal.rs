//! Planned rows to sealed rows, on every core. Owns drawing from grants; the bytes are the
//! envelope's.

use std::slice;

use bytes::Bytes;
use fieldseal_envelope::{Field, Grant, SealError, sealed_len};
use rayon::prelude::*;

use crate::Bound;
use crate::batch::{RowChange, SealedRow};
use crate::plan::{PlannedCell, PlannedRow, PlannedWrite, Planner};

/// Rows that one core seals at a time: handing fewer to another core costs more than it gains,
/// and their values are sealed in one call for each domain.
const CHUNK: usize = 64;

/// Grants by domain number; several where a key's budget ended in between.
pub(crate) struct Grants(pub(crate) Vec<Vec<Grant>>);

impl Grants {
    /// Seals fields of one domain, one behind the other in their order.
    fn seal(&self, domain: usize, fields: &[Field<'_>]) -> Result<Bytes, SealError> {
        let mut sealed = Vec::new();
        match self.draw(domain, fields, &mut sealed) {
            // No grant has that many left, but together they have enough.
            Err(SealError::Used) => fields
                .iter()
                .try_for_each(|field| self.draw(domain, slice::from_ref(field), &mut sealed)),
            outcome => outcome,
        }?;
        Ok(sealed.into())
    }

    /// Seals with the first grant of the domain that has a seal left for every field.
    fn draw(
        &self,
        domain: usize,
        fields: &[Field<'_>],
        sealed: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        for grant in &self.0[domain] {
            match grant.seal_columns(fields, sealed) {
                Err(SealError::Used) => {}
                outcome => return outcome,
            }
        }
        Err(SealError::Used)
    }
}

/// How many seals each domain needs.
pub(crate) fn seals_needed(planner: &Planner, rows: &[PlannedRow]) -> Vec<u32> {
    let mut needed = vec![0_u32; planner.domains.len()];
    for row in rows {
        for_each_field(planner, row, |domain, _| needed[domain] += 1);
    }
    needed
}

/// Seals every row; their order stays.
pub(crate) fn seal_rows(
    planner: &Planner,
    rows: Vec<PlannedRow>,
    grants: &Grants,
) -> Result<Vec<SealedRow>, SealError> {
    let count = rows.len();
    let chunks: Vec<Vec<SealedRow>> = rows
        .into_par_iter()
        .chunks(CHUNK)
        .map(|rows| seal_chunk(planner, rows, grants))
        .collect::<Result<_, _>>()?;
    // Growing would copy them.
    let mut sealed = Vec::with_capacity(count);
    chunks.into_iter().for_each(|chunk| sealed.extend(chunk));
    Ok(sealed)
}

fn seal_chunk(
    planner: &Planner,
    rows: Vec<PlannedRow>,
    grants: &Grants,
) -> Result<Vec<SealedRow>, SealError> {
    let mut fields: Vec<Vec<Field<'_>>> = planner.domains.iter().map(|_| Vec::new()).collect();
    for row in &rows {
        for_each_field(planner, row, |domain, field| fields[domain].push(field));
    }
    let mut sealed = Vec::with_capacity(fields.len());
    for (domain, fields) in fields.iter().enumerate() {
        sealed.push(if fields.is_empty() {
            Bytes::new()
        } else {
            grants.seal(domain, fields)?
        });
    }
    rows.into_iter()
        .map(|row| sealed_row(planner, row, &mut sealed))
        .collect()
}

/// Calls `each` with the domain and the field of every cell that is to be sealed, in order.
fn for_each_field<'a>(
    planner: &'a Planner,
    row: &'a PlannedRow,
    mut each: impl FnMut(usize, Field<'a>),
) {
    let PlannedWrite::Upsert {
        bound_to,
        cells,
        values,
    } = &row.write
    else {
        return;
    };
    for cell in cells {
        if let PlannedCell::Seal(column, slot) = cell
            && let Some(seal) = &planner.tables[row.table].seals[*column]
        {
            let field = Field {
                column: &seal.column,
                row: bound_to.as_ref().unwrap_or(&row.key),
                value: values.get(*slot),
                pad: seal.pad,
            };
            each(seal.domain, field);
        }
    }
}

/// Puts a row together; its sealed values are the next ones of each domain.
fn sealed_row(
    planner: &Planner,
    row: PlannedRow,
    sealed: &mut [Bytes],
) -> Result<SealedRow, SealError> {
    let seals = &planner.tables[row.table].seals;
    let mut bound = |cell| match cell {
        PlannedCell::Ready(bound) => Ok(bound),
        PlannedCell::Seal(column, slot) => {
            let seal = seals[column].as_ref().ok_or(SealError::Purpose)?;
            let length = sealed_len(slot.len(), seal.pad);
            Ok(Bound::Bytes(sealed[seal.domain].split_to(length)))
        }
    };
    let change = match row.write {
        PlannedWrite::Delete => RowChange::Delete,
        PlannedWrite::Upsert { cells, .. } => RowChange::Upsert(
            cells
                .into_iter()
                .map(&mut bound)
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(SealedRow {
        table: row.table,
        key: row.key,
        key_columns: row.key_columns,
        version: row.version,
        counted_as: row.counted_as,
        change,
    })
}
