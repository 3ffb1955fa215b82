//! Whether the target's columns hold what a policy's columns become. Owns the lengths that are
//! known beforehand; whether a type can carry a role at all is `TableLayout::mistakes`.

use fieldseal_db::{Dialect, Finding, Severity};
use fieldseal_envelope::{IndexLength, sealed_len};
use fieldseal_model::{Kind, ValueType};
use fieldseal_pipeline::{ColumnRole, TableLayout, TargetType};
use fieldseal_policy::{Bind, Table, Treatment};

use crate::describe::{self, ColumnFacts, TableFacts};

/// What is found about the columns of a policy's table that are there.
pub(super) fn of_policy(
    dialect: Dialect,
    table: &Table,
    layout: &TableLayout,
    facts: &TableFacts,
) -> Vec<Finding> {
    let mut present = layout.clone();
    let has_type = |name: &str| facts.column(dialect, name).is_some_and(|c| c.ty.is_ok());
    present.columns.retain(|(name, _)| has_type(name));
    let columns = describe::columns(dialect, &present, facts);
    let mut found: Vec<Finding> = present
        .mistakes(table, &columns)
        .into_iter()
        .map(|mistake| {
            Finding::column(
                Severity::Error,
                &mistake.table,
                &mistake.column,
                mistake.what,
                "make it as `fieldseal schema` prints it",
            )
        })
        .collect();
    if table.bind == Bind::Column {
        found.push(Finding::table(
            Severity::Warning,
            &layout.target,
            "bind = \"column\": whoever can write to the table can swap sealed values between rows",
            "bind to the row key unless values must move between rows",
        ));
    }
    for (name, role) in &present.columns {
        if let Some(column) = facts.column(dialect, name) {
            found.extend(of_column(table, layout, *role, column));
        }
    }
    found
}

fn of_column(
    table: &Table,
    layout: &TableLayout,
    role: ColumnRole,
    column: &ColumnFacts,
) -> Option<Finding> {
    let finding = |severity, what: String, advice: String| {
        Some(Finding::column(
            severity,
            &layout.target,
            &column.name,
            what,
            advice,
        ))
    };
    match (role, &column.ty) {
        (ColumnRole::Key(number), Ok(TargetType::Text { fixed: true, .. }))
            if !table.key[number].ty.fixed_char =>
        {
            finding(
                Severity::Error,
                "CHAR(n) loses trailing spaces, so that two keys would be one".into(),
                "declare VARCHAR, or say fixed_char in the policy if the source is CHAR too".into(),
            )
        }
        (ColumnRole::Sealed(number), Ok(TargetType::Bytes { max: Some(max) })) => {
            let Treatment::Seal(seal) = &table.columns[number].treatment else {
                return None;
            };
            let needed = sealed_len(canonical_max(&seal.ty)?, seal.pad) as u64;
            if *max >= needed || *max < 47 {
                return None;
            }
            finding(
                Severity::Warning,
                format!("holds {max} bytes, and sealed values of its kind take up to {needed}"),
                format!("widen it to {needed}; until then longer values go to quarantine"),
            )
        }
        (ColumnRole::Keep(number), Ok(TargetType::Bytes { max: Some(max) }))
            if column.fixed_bytes =>
        {
            let kept = &table.columns[number];
            let is_free = kept.width.is_none() && table.bound_type(&kept.name).is_none();
            // A UUID has all its bytes.
            let is_uuid = |ty: &ValueType| ty.kind == Kind::Uuid && *max == 16;
            let is_whole = kept.width.map(u64::from) == Some(*max)
                || table.bound_type(&kept.name).is_some_and(is_uuid);
            if is_free || is_whole {
                return None;
            }
            finding(
                Severity::Error,
                format!("BINARY({max}) fills values up to another length than the policy says"),
                "make it as `fieldseal schema` prints it".into(),
            )
        }
        (ColumnRole::Index(number, index), Ok(TargetType::Bytes { max: Some(max) })) => {
            let Treatment::Seal(seal) = &table.columns[number].treatment else {
                return None;
            };
            let length = IndexLength::bytes(seal.indexes[index].bytes) as u64;
            if !column.fixed_bytes || *max <= length {
                return None;
            }
            finding(
                Severity::Error,
                "BINARY(n) fills the index up, and look-ups would find nothing".into(),
                format!("declare BINARY({length})"),
            )
        }
        _ => None,
    }
}

/// The most canonical bytes a value of this kind can have (`docs/FORMAT.md`, section 3), where
/// the kind says so.
pub(crate) fn canonical_max(ty: &ValueType) -> Option<usize> {
    const DATE_TIME: usize = "YYYY-MM-DDTHH:MM:SS.123456789".len();
    Some(match ty.kind {
        Kind::Null => 0,
        Kind::Boolean => 1,
        Kind::Float => 8,
        Kind::Uuid => 16,
        Kind::Date => "YYYY-MM-DD".len(),
        Kind::DateTime => DATE_TIME,
        Kind::Timestamp => DATE_TIME + 1,
        Kind::Time => "-838:59:59.123456789".len(),
        Kind::Bytes => match (ty.width, ty.bits) {
            (Some(width), _) => usize::try_from(width).ok()?,
            (None, Some(bits)) => usize::from(bits).div_ceil(8),
            (None, None) => return None,
        },
        Kind::Text | Kind::Integer | Kind::Decimal | Kind::Json => return None,
    })
}
