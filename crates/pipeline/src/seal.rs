//! Planned rows to sealed rows, on every core. Owns drawing from grants; the bytes are the
//! envelope's.

use fieldseal_envelope::{Grant, SealError};
use rayon::prelude::*;

use crate::Bound;
use crate::batch::{RowChange, SealedRow};
use crate::plan::{PlannedCell, PlannedRow, PlannedWrite, Planner};

/// Grants by domain number; several where a key's budget ended in between.
pub(crate) struct Grants(pub(crate) Vec<Vec<Grant>>);

impl Grants {
    /// Runs `seal` with a grant of the domain that has a seal left.
    fn draw(
        &self,
        domain: usize,
        mut seal: impl FnMut(&Grant) -> Result<(), SealError>,
    ) -> Result<(), SealError> {
        for grant in &self.0[domain] {
            match seal(grant) {
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
        let PlannedWrite::Upsert { cells, .. } = &row.write else {
            continue;
        };
        for cell in cells {
            if let PlannedCell::Seal(column, _) = cell
                && let Some(seal) = &planner.tables[row.table].seals[*column]
            {
                needed[seal.domain] += 1;
            }
        }
    }
    needed
}

/// Seals every row; their order stays.
pub(crate) fn seal_rows(
    planner: &Planner,
    rows: Vec<PlannedRow>,
    grants: &Grants,
) -> Result<Vec<SealedRow>, SealError> {
    // Handing one row to another core costs more than sealing it.
    rows.into_par_iter()
        .with_min_len(64)
        .map(|row| seal_row(planner, row, grants))
        .collect()
}

fn seal_row(planner: &Planner, row: PlannedRow, grants: &Grants) -> Result<SealedRow, SealError> {
    let table = &planner.tables[row.table];
    let change = match row.write {
        PlannedWrite::Delete => RowChange::Delete,
        PlannedWrite::Upsert { bound_to, cells } => {
            let mut bounds = Vec::with_capacity(cells.len());
            for cell in cells {
                bounds.push(match cell {
                    PlannedCell::Ready(bound) => bound,
                    PlannedCell::Seal(column, value) => {
                        let seal = table.seals[column].as_ref().ok_or(SealError::Purpose)?;
                        let mut out = Vec::new();
                        grants.draw(seal.domain, |grant| {
                            grant.seal_column(&seal.column, &bound_to, &value, seal.pad, &mut out)
                        })?;
                        Bound::Bytes(out)
                    }
                });
            }
            RowChange::Upsert(bounds)
        }
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
