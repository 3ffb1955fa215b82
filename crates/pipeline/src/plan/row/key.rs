//! The row key of a change, and the one it had before. Owns reading key cells and binding them.

use fieldseal_dms::to_value;
use fieldseal_model::{Canonical, Cell, RowKey};
use fieldseal_policy::{KeyChange, KeyColumn};

use super::{Refusal, RowPlan};
use crate::Bound;
use crate::bindings::bind;

/// A row key with its parameters.
pub(super) struct Key {
    pub(super) key: RowKey,
    pub(super) bounds: Vec<Bound>,
}

impl RowPlan<'_> {
    /// The row key from cells that `get` finds.
    pub(super) fn key<'c>(
        &self,
        get: impl Fn(&str) -> Option<&'c Cell<'c>>,
    ) -> Result<Key, Refusal> {
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

    /// Point 2: the key before an update, where it differs from the key after it.
    pub(super) fn old_key(&self, new: &Key) -> Result<Option<Key>, Refusal> {
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

    pub(super) fn bound_to(&self, columns: &[KeyColumn]) -> Result<RowKey, Refusal> {
        let values = columns
            .iter()
            .map(|column| self.key_value(column, self.change.row.get(&column.name)))
            .collect::<Result<Vec<_>, _>>()?;
        RowKey::new(&values).map_err(|_| self.refuse("odd-bind-columns"))
    }

    fn key_value<'c>(
        &self,
        column: &KeyColumn,
        cell: Option<&'c Cell<'_>>,
    ) -> Result<Canonical<'c>, Refusal> {
        let cell = cell.ok_or_else(|| self.refuse_column(&column.name, "key-absent"))?;
        to_value(cell, &column.ty)
            .map_err(|error| self.refuse_column(&column.name, error.reason()))?
            .ok_or_else(|| self.refuse_column(&column.name, "key-null"))
    }
}
