//! Of all changes of one row in a batch, the one that matters. Owns that choice, and noticing
//! two changes that claim one version and differ (`docs/ORDERING.md`, point 7).

use std::collections::HashMap;

use fieldseal_model::Operation;

use crate::plan::{PlannedCell, PlannedRow, PlannedWrite};

/// What coalescing left.
pub(crate) struct Coalesced {
    /// Sorted by table and key, no key twice.
    pub(crate) rows: Vec<PlannedRow>,
    /// Per table number: changes that a newer one, or an equal one, made needless.
    pub(crate) superseded: HashMap<usize, u64>,
    /// Tables with two different changes of one version.
    pub(crate) contradicted: Vec<usize>,
}

/// Keeps the newest version of every row key; of equals, the first.
pub(crate) fn coalesce(mut planned: Vec<PlannedRow>) -> Coalesced {
    // One order for every worker, so that two batches lock rows in the same order. By version too,
    // so that equal ones stand together: a stream that is sent again brings them around newer ones.
    // The sort is stable: of equals, the stream's first is first.
    planned.sort_by(|a, b| (a.table, &a.key, a.version).cmp(&(b.table, &b.key, b.version)));
    let mut superseded: HashMap<usize, u64> = HashMap::new();
    let mut contradicted = Vec::new();
    planned.dedup_by(|row, held| {
        if held.table != row.table || held.key != row.key {
            return false;
        }
        if contradicts(held, row) {
            contradicted.push(row.table);
        }
        if row.version > held.version {
            std::mem::swap(held, row);
        }
        if row.counted_as.is_some() {
            *superseded.entry(row.table).or_default() += 1;
        }
        true
    });
    contradicted.dedup();
    Coalesced {
        rows: planned,
        superseded,
        contradicted,
    }
}

/// Two changes of one key and version that do not say the same. Loads of one generation share a
/// version and may differ: the row changed between two readings, and the changes follow.
fn contradicts(a: &PlannedRow, b: &PlannedRow) -> bool {
    a.version == b.version
        && a.operation != Operation::Load
        && b.operation != Operation::Load
        && !same_write(&a.write, &b.write)
}

fn same_write(a: &PlannedWrite, b: &PlannedWrite) -> bool {
    match (a, b) {
        (PlannedWrite::Delete, PlannedWrite::Delete) => true,
        (
            PlannedWrite::Upsert {
                cells: a,
                bound_to: a_bound,
                values: a_values,
            },
            PlannedWrite::Upsert {
                cells: b,
                bound_to: b_bound,
                values: b_values,
            },
        ) => {
            a_bound == b_bound
                && a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| match (a, b) {
                    (PlannedCell::Ready(a), PlannedCell::Ready(b)) => a == b,
                    (PlannedCell::Seal(_, a), PlannedCell::Seal(_, b)) => {
                        let (a, b) = (a_values.get(*a), b_values.get(*b));
                        a.kind() == b.kind() && a.expose() == b.expose()
                    }
                    _ => false,
                })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::coalesce;
    use crate::plan::{PlannedCell, PlannedRow, PlannedWrite};
    use fieldseal_model::{
        Engine, Epoch, Operation, Position, RowKey, RowVersion, SourceOrder, Value, Values,
    };

    fn row(key: &str, position: u64, operation: Operation, text: Option<&str>) -> PlannedRow {
        let key = RowKey::new([&Value::text(key)]).unwrap();
        let order = SourceOrder {
            engine: Engine::MySql,
            position: Position(position),
            record: 1,
        };
        PlannedRow {
            table: 0,
            version: if operation == Operation::Load {
                RowVersion::of_load(Epoch(1), Position(position))
            } else {
                RowVersion::of_change(Epoch(1), order).unwrap()
            },
            key_columns: Vec::new(),
            operation,
            counted_as: Some(operation),
            write: text.map_or(PlannedWrite::Delete, |text| {
                let mut values = Values::default();
                let slot = values.push(&Value::text(text));
                PlannedWrite::Upsert {
                    bound_to: None,
                    cells: vec![PlannedCell::Seal(0, slot)],
                    values,
                }
            }),
            key,
        }
    }

    fn is_sealed(row: &PlannedRow, text: &str) -> bool {
        let PlannedWrite::Upsert { cells, values, .. } = &row.write else {
            return false;
        };
        matches!(&cells[..], [PlannedCell::Seal(_, slot)] if values.get(*slot).expose() == text.as_bytes())
    }

    #[test]
    fn the_newest_version_stays_whatever_the_order() {
        let out = coalesce(vec![
            row("a", 3, Operation::Update, Some("new")),
            row("a", 1, Operation::Insert, Some("old")),
            row("b", 1, Operation::Insert, Some("b")),
            row("a", 2, Operation::Delete, None),
        ]);
        assert_eq!(out.rows.len(), 2);
        assert_eq!(out.superseded[&0], 2);
        assert!(out.contradicted.is_empty());
        assert!(is_sealed(&out.rows[0], "new"));
    }

    #[test]
    fn equal_versions_that_differ_contradict_unless_they_are_loads() {
        let same = |op, a, b| coalesce(vec![row("a", 1, op, Some(a)), row("a", 1, op, Some(b))]);
        assert!(same(Operation::Insert, "x", "x").contradicted.is_empty());
        assert_eq!(same(Operation::Insert, "x", "y").contradicted, [0]);
        let loads = same(Operation::Load, "x", "y");
        assert!(loads.contradicted.is_empty());
        assert!(
            is_sealed(&loads.rows[0], "x"),
            "of two loads the first stays"
        );
    }
}
