//! What a policy makes of one table in the target: its columns in order and where each comes
//! from. Owns that mapping and whether the target's types can carry it.

use fieldseal_envelope::TableId;
use fieldseal_model::Kind;
use fieldseal_policy::{Column, Table, Treatment};

use crate::{TargetColumn, TargetType};

/// One table of the target: the key columns first, then every other column the stream writes.
#[derive(Clone, Debug)]
pub struct TableLayout {
    /// The logical id.
    pub table: TableId,
    /// The table's name in the target.
    pub target: String,
    /// Names and roles; key columns first, in policy order.
    pub columns: Vec<(String, ColumnRole)>,
    /// How many of them are key columns.
    pub keys: usize,
}

/// Where a target column's value comes from. Numbers are the policy's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnRole {
    /// A key column.
    Key(usize),
    /// A kept column.
    Keep(usize),
    /// A sealed column.
    Sealed(usize),
    /// A blind index of a sealed column.
    Index(usize, usize),
    /// A mask of a sealed column.
    Mask(usize, usize),
}

/// A column of the target that cannot carry what the policy puts there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table}.{column}: {what}")]
pub struct LayoutMistake {
    /// The target table.
    pub table: String,
    /// The target column.
    pub column: String,
    /// What is wrong and what to do.
    pub what: &'static str,
}

/// The shortest sealed value: header, nonce, kind byte and tag.
const SEALED_OVERHEAD: u64 = 46;

impl TableLayout {
    /// The layout of a policy's table.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        let mut columns: Vec<(String, ColumnRole)> = table
            .key
            .iter()
            .enumerate()
            .map(|(number, key)| (key.target.clone(), ColumnRole::Key(number)))
            .collect();
        for (number, column) in table.columns.iter().enumerate() {
            match &column.treatment {
                Treatment::Keep => {
                    columns.push((column.target.clone(), ColumnRole::Keep(number)));
                }
                Treatment::Seal(seal) => {
                    columns.push((column.target.clone(), ColumnRole::Sealed(number)));
                    for (index, blind) in seal.indexes.iter().enumerate() {
                        columns.push((blind.column.clone(), ColumnRole::Index(number, index)));
                    }
                    for (index, mask) in seal.masks.iter().enumerate() {
                        columns.push((mask.column.clone(), ColumnRole::Mask(number, index)));
                    }
                }
                Treatment::Drop => {}
            }
        }
        Self {
            table: table.id.clone(),
            target: table.target.clone(),
            columns,
            keys: table.key.len(),
        }
    }

    /// Every column whose type in the target cannot carry its role.
    #[must_use]
    pub fn mistakes(&self, table: &Table, target: &[TargetColumn]) -> Vec<LayoutMistake> {
        let mut found = Vec::new();
        for ((name, role), column) in self.columns.iter().zip(target) {
            if let Some(what) = mistake(table, *role, column) {
                found.push(LayoutMistake {
                    table: self.target.clone(),
                    column: name.clone(),
                    what,
                });
            }
        }
        found
    }
}

fn mistake(table: &Table, role: ColumnRole, column: &TargetColumn) -> Option<&'static str> {
    let bytes = |least: u64| match column.ty {
        TargetType::Bytes { max } => max.is_none_or(|max| max >= least),
        _ => false,
    };
    match role {
        ColumnRole::Key(number) => {
            let kind = table.key[number].ty.kind;
            let bindable = column.ty.value_type().kind == kind
                || matches!((&column.ty, kind), (TargetType::Bytes { .. }, Kind::Uuid));
            (!bindable).then_some("the key column's type does not hold the kind the policy gives it")
        }
        ColumnRole::Keep(number) => kept(table, &table.columns[number], &column.ty),
        ColumnRole::Sealed(_) => (!bytes(SEALED_OVERHEAD + 1)).then_some(
            "a sealed column must hold bytes (BLOB, BYTEA, VARBINARY) of at least 47; see `fieldseal schema`",
        ),
        ColumnRole::Index(column, index) => {
            let Treatment::Seal(seal) = &table.columns[column].treatment else { return None };
            let length = seal.indexes[index].bytes.bytes() as u64;
            (!bytes(length)).then_some("a blind index's column must hold its bytes; see `fieldseal schema`")
        }
        ColumnRole::Mask(..) => (!matches!(column.ty, TargetType::Text { .. }))
            .then_some("a mask's column must hold text"),
    }
}

fn kept(table: &Table, column: &Column, target: &TargetType) -> Option<&'static str> {
    if let Some(bound) = table.bound_type(&column.name) {
        return (!target.carries(bound)).then_some(
            "sealed values are bound to it, and its type does not give back what `bind` says it \
             holds; see `fieldseal schema`",
        );
    }
    let width = column.width?;
    let fits = match target {
        TargetType::Bytes { max } => max.is_none_or(|max| max >= width.into()),
        TargetType::Uuid => width == 16,
        _ => false,
    };
    (!fits).then_some(
        "the policy gives it a width, so it must hold that many bytes (BLOB, BYTEA, VARBINARY, \
         BINARY)",
    )
}
