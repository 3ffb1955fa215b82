//! Whether the kinds that the policy gives its keys and sealed columns are those of the source's
//! columns, and its widths those of kept BINARY(n). Owns that table and its words; what a cell
//! becomes is the decoder's.

use fieldseal_db::{Finding, Severity};
use fieldseal_model::{Kind, ValueType};
use fieldseal_pipeline::TargetType;
use fieldseal_policy::{Column, Policy, Table, Treatment, Unlisted};

use super::source::{SourceColumn, SourceColumns, SourceTable};

/// What the policy says of the source's columns and the source does not: kinds that do not fit,
/// columns that only one of the two has. Tables that are not there are left out.
///
/// An error is a kind under which values would be changed or always held. A warning is one that
/// only some values have, or that a rule of the DMS task may explain.
#[must_use]
pub fn column_findings(policy: &Policy, source: &SourceColumns) -> Vec<Finding> {
    let mut found = Vec::new();
    for table in policy.tables() {
        if let Some(columns) = source.table(&table.source) {
            lacking(table, columns, &mut found);
            if source.strict {
                found.extend(of_table(table, columns));
            }
        }
    }
    found
}

/// Columns that only the policy or only the source has.
fn lacking(table: &Table, source: &SourceTable, found: &mut Vec<Finding>) {
    let named = || {
        let keys = table.key.iter().map(|key| &key.name);
        keys.chain(table.columns.iter().map(|column| &column.name))
    };
    for name in named().filter(|name| source.column(name).is_none()) {
        found.push(Finding::column(
            Severity::Warning,
            &table.source,
            name,
            "the source has no such column",
            "correct the policy, unless a rule of the DMS task makes or renames it",
        ));
    }
    let is_named =
        |column: &&SourceColumn| named().any(|name| name.eq_ignore_ascii_case(&column.name));
    let unlisted: Vec<&str> = source
        .columns
        .iter()
        .filter(|column| table.unlisted == Unlisted::Quarantine && !is_named(column))
        .map(|column| column.name.as_str())
        .collect();
    if !unlisted.is_empty() {
        found.push(Finding::table(
            Severity::Warning,
            &table.source,
            format!(
                "the policy does not list its columns {}: every record with one of them is held",
                unlisted.join(", ")
            ),
            "say of each whether it is sealed, kept or dropped, unless the DMS task leaves it out",
        ));
    }
}

/// The kinds of the row key, of the columns that values are bound to, and of sealed columns; the
/// widths of kept ones.
pub(super) fn of_table(table: &Table, source: &SourceTable) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_key = |name: &str| table.key.iter().any(|key| key.name == name);
    let bound = table
        .bound_columns()
        .iter()
        .filter(|bound| !is_key(&bound.name));
    for key in table.key.iter().chain(bound) {
        found.extend(judged(table, source, &key.name, &key.ty, true));
    }
    for column in &table.columns {
        match &column.treatment {
            Treatment::Seal(seal) => {
                found.extend(judged(table, source, &column.name, &seal.ty, false));
            }
            Treatment::Keep => found.extend(of_kept(table, source, column)),
            Treatment::Drop => {}
        }
    }
    found
}

fn judged(
    table: &Table,
    source: &SourceTable,
    name: &str,
    ty: &ValueType,
    is_key: bool,
) -> Option<Finding> {
    let column = source.column(name)?;
    let natural = natural(column, ty.kind);
    let is_better = natural.as_ref().is_some_and(|ty| ty.kind.may_be_key());
    let (severity, why) = match fit(column, ty) {
        Fits => return None,
        Unsteady if is_key && is_better => {
            (Severity::Error, "two spellings of one value are two keys")
        }
        Unsteady => (Severity::Warning, UNSTEADY),
        Doubtful(why) => (Severity::Warning, why),
        Unfit(why) => (Severity::Error, why),
    };
    let declared = match column.ty {
        TargetType::Choice { .. } => "an enumeration",
        _ => column.declared.as_str(),
    };
    let what = format!(
        "the source declares it {declared}, the policy {}: {why}",
        words(ty)
    );
    let mut advice = match &natural {
        Some(ty) if is_key && !ty.kind.may_be_key() => "name other columns there".to_owned(),
        Some(ty) => format!("say {}", words(ty)),
        None => "see what DMS writes of it".to_owned(),
    };
    if severity == Severity::Warning {
        advice.push_str(", or see that it is meant so");
    }
    Some(Finding::column(severity, &table.source, name, what, advice))
}

/// A kept BINARY(n) and its width. That of a bound column is of its kind, which is judged.
fn of_kept(table: &Table, source: &SourceTable, column: &Column) -> Option<Finding> {
    let there = source.column(&column.name)?;
    if there.ty == TargetType::Opaque || table.bound_type(&column.name).is_some() {
        return None;
    }
    let (why, advice) = match (binary_width(there), column.width) {
        (wanted, given) if wanted == given => return None,
        (Some(wanted), _) => (STRIPPED, format!("say {{ keep = true, width = {wanted} }}")),
        (None, _) => (FILLED, "take out its width".to_owned()),
    };
    Some(Finding::column(
        Severity::Error,
        &table.source,
        &column.name,
        format!("the source declares it {}: {why}", there.declared),
        advice,
    ))
}

/// n of BINARY(n).
fn binary_width(column: &SourceColumn) -> Option<u32> {
    match column.ty {
        TargetType::Bytes { max: Some(max) } if column.fixed_bytes => u32::try_from(max).ok(),
        _ => None,
    }
}

/// How well a kind suits a column; the words say why not.
enum Fit {
    Fits,
    /// What is taken is DMS's spelling of another kind, of which there may be two.
    Unsteady,
    /// Only some values have the kind, or a rule of the DMS task must give it to them.
    Doubtful(&'static str),
    /// Values would be changed, or none would be taken.
    Unfit(&'static str),
}

use Fit::{Doubtful, Fits, Unfit, Unsteady};

const NEVER: &str = "no value would be taken";
const SOME: &str = "only values that read as one are taken, all others held, and another way of \
                    writing the same, as with leading zeros, is not given back";
const AS_TEXT: &str = "values are held unless a rule of the DMS task makes them strings";
const UNSTEADY: &str = "what is taken is DMS's spelling, which may differ between a load and a \
                        change";
const STRIPPED: &str = "a change comes without the zeros at its end, and only its whole width puts \
                        them back";
const FILLED: &str = "shorter values would be filled up with zeros";
const SPACES: &str = "its trailing spaces would be lost";
const TO_FLOAT: &str = "its digits would be rounded to those of a FLOAT";

fn fit(column: &SourceColumn, ty: &ValueType) -> Fit {
    let of_kind = ty.kind;
    match &column.ty {
        TargetType::Opaque if of_kind == Kind::Text => Fits,
        TargetType::Opaque => Doubtful("what DMS writes of this type is not known here"),
        TargetType::Text {
            fixed, max_chars, ..
        } => of_text(*fixed, *max_chars, ty),
        _ if ty.fixed_char => Unfit(SPACES),
        TargetType::Bytes { max } => of_bytes(*max, column.fixed_bytes, ty),
        TargetType::Bits { width } => of_bits(*width, ty),
        TargetType::Integer { .. } | TargetType::Decimal { .. } | TargetType::Float { .. } => {
            of_number(column, ty)
        }
        TargetType::Date
        | TargetType::DateTime { .. }
        | TargetType::Timestamp { .. }
        | TargetType::Time { .. } => of_time(&column.ty, of_kind),
        TargetType::Choice { .. } | TargetType::Json { .. } | TargetType::Uuid
            if of_kind == Kind::Text =>
        {
            Fits
        }
        TargetType::Json { .. } if of_kind == Kind::Json => Fits,
        TargetType::Choice { .. } | TargetType::Json { .. } => of_words(of_kind),
        TargetType::Uuid if of_kind == Kind::Uuid => Fits,
        TargetType::Boolean if of_kind == Kind::Boolean => Fits,
        // `t` and `true`.
        TargetType::Boolean if of_kind == Kind::Text => Unsteady,
        TargetType::Uuid | TargetType::Boolean => Unfit(NEVER),
    }
}

/// Texts, as far as their kind is another.
const fn of_words(kind: Kind) -> Fit {
    match kind {
        Kind::Bytes => Doubtful("it is read as hexadecimal digits, and all else is held"),
        _ => Doubtful(SOME),
    }
}

fn of_text(fixed: bool, max_chars: Option<u64>, ty: &ValueType) -> Fit {
    match ty.kind {
        Kind::Text if ty.fixed_char && !fixed => Unfit(SPACES),
        Kind::Text if fixed && !ty.fixed_char => {
            Doubtful("trailing spaces count, and some ways of reading a CHAR add or lose them")
        }
        Kind::Text | Kind::Json => Fits,
        Kind::Uuid if ty.width.is_some() => Unfit("shorter texts would become other UUIDs"),
        Kind::Uuid if max_chars.is_some_and(|chars| chars < 32) => Unfit(NEVER),
        Kind::Uuid if matches!(max_chars, Some(32 | 36)) => Fits,
        kind => of_words(kind),
    }
}

fn of_bytes(max: Option<u64>, fixed: bool, ty: &ValueType) -> Fit {
    let width = ty.width.map(u64::from);
    match ty.kind {
        Kind::Bytes if ty.bits.is_some() => Unfit("bits are those of a BIT column"),
        Kind::Uuid if max.is_some_and(|max| max < 16) => Unfit(NEVER),
        Kind::Uuid if fixed && max != Some(16) => Unfit("only 16 bytes are a UUID"),
        Kind::Bytes | Kind::Uuid if fixed && width != max => Unfit(STRIPPED),
        Kind::Text if fixed => Unfit(STRIPPED),
        Kind::Bytes | Kind::Uuid if !fixed && width.is_some() => Unfit(FILLED),
        Kind::Bytes => Fits,
        Kind::Uuid if max == Some(16) => Fits,
        Kind::Uuid => Doubtful("only values of 16 bytes are taken"),
        Kind::Text => Doubtful("what is taken is the hexadecimal digits that DMS writes"),
        Kind::Boolean if fixed && max == Some(1) => Unfit(STRIPPED),
        Kind::Boolean if max == Some(1) => Doubtful("all but one byte 00 or 01 is held"),
        _ => Unfit(NEVER),
    }
}

fn of_bits(width: u16, ty: &ValueType) -> Fit {
    match ty.kind {
        Kind::Boolean if width == 1 => Fits,
        Kind::Boolean => Doubtful("all but 0 and 1 is held"),
        Kind::Bytes if width > 1 && ty.bits == Some(width) => Fits,
        Kind::Bytes if width > 1 => {
            Unfit("only the same number of bits gives the same bytes always")
        }
        Kind::Bytes | Kind::Integer | Kind::Text => {
            Doubtful("values are held where DMS spells them otherwise")
        }
        _ => Unfit(NEVER),
    }
}

fn of_number(column: &SourceColumn, ty: &ValueType) -> Fit {
    match (&column.ty, ty.kind) {
        (TargetType::Integer { .. }, Kind::Integer | Kind::Decimal)
        | (TargetType::Integer { min: 0, max: 1 }, Kind::Boolean)
        | (
            TargetType::Decimal {
                precision: Some((_, 0)),
                ..
            },
            Kind::Integer,
        ) => Fits,
        (TargetType::Integer { .. }, Kind::Boolean) if is_boolean(&column.declared) => Fits,
        (TargetType::Integer { .. }, Kind::Boolean) => Doubtful("all but 0 and 1 is held"),
        (TargetType::Decimal { precision, .. }, Kind::Decimal) => {
            of_scale(precision.map(|(_, scale)| scale), ty.scale)
        }
        (TargetType::Float { single }, Kind::Float) => match (single, ty.width.is_some()) {
            (true, false) => Unsteady,
            (false, true) => Unfit(TO_FLOAT),
            (true, true) | (false, false) => Fits,
        },
        (_, Kind::Float) if ty.width.is_some() => Unfit(TO_FLOAT),
        (_, Kind::Float) => Doubtful("numbers of many digits would be rounded"),
        (TargetType::Float { single: true }, Kind::Decimal) => Unsteady,
        (_, Kind::Decimal) => Doubtful("numbers of more than 15 digits are held"),
        (_, Kind::Integer) => Doubtful("all but whole numbers is held"),
        (_, Kind::Text) => Doubtful(AS_TEXT),
        _ => Unfit(NEVER),
    }
}

fn of_scale(source: Option<u32>, policy: Option<u32>) -> Fit {
    match (source, policy) {
        (Some(source), Some(policy)) if policy < source => {
            Doubtful("numbers with more digits behind the point are held")
        }
        (None, Some(_)) => Doubtful("numbers with more digits behind the point are held"),
        (Some(source), policy) if source != policy.unwrap_or(0) => {
            Doubtful("its zeros behind the point are not given back as they were")
        }
        _ => Fits,
    }
}

fn of_time(ty: &TargetType, kind: Kind) -> Fit {
    match (ty, kind) {
        (TargetType::Date, Kind::Date)
        | (TargetType::DateTime { .. }, Kind::DateTime)
        | (TargetType::Timestamp { .. }, Kind::Timestamp)
        | (TargetType::Time { .. }, Kind::Time) => Fits,
        (_, Kind::Text) => Unsteady,
        (TargetType::Time { .. }, _) | (_, Kind::Time) => Unfit(NEVER),
        (TargetType::Date, Kind::DateTime | Kind::Timestamp) => {
            Doubtful("values are held unless a rule of the DMS task gives them a time of day")
        }
        (TargetType::DateTime { .. }, Kind::Timestamp) => {
            Doubtful("it has no zone, and what is sealed says UTC")
        }
        (TargetType::Timestamp { .. }, Kind::DateTime) => {
            Doubtful("it is an instant, and what is sealed no longer says that it is in UTC")
        }
        (_, Kind::Date) => Doubtful("all but midnight is held"),
        _ => Unfit(NEVER),
    }
}

/// What BOOLEAN stands for in MySQL.
fn is_boolean(declared: &str) -> bool {
    const BOOLEAN: &str = "tinyint(1)";
    let start = declared.get(..BOOLEAN.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(BOOLEAN))
}

/// The kind that the column's values have, with its details; a UUID, where that is wanted and may
/// be one. None of a type that is not known.
fn natural(column: &SourceColumn, wanted: Kind) -> Option<ValueType> {
    let ty = column.ty.value_type();
    Some(match &column.ty {
        TargetType::Opaque => return None,
        TargetType::Bytes { max: Some(16) } if wanted == Kind::Uuid => ValueType {
            width: binary_width(column),
            ..ValueType::of(Kind::Uuid)
        },
        TargetType::Text { fixed: false, .. } if wanted == Kind::Uuid => ValueType::of(Kind::Uuid),
        TargetType::Decimal {
            precision: Some((_, scale)),
            ..
        } => ValueType {
            scale: Some(*scale),
            ..ty
        },
        TargetType::Bytes { .. } => ValueType {
            width: binary_width(column),
            ..ty
        },
        TargetType::Bits { width: 1 } => ValueType::of(Kind::Boolean),
        TargetType::Integer { min: 0, max: 1 } => ValueType::of(Kind::Boolean),
        _ => ty,
    })
}

/// A kind with its details as a policy spells them.
fn words(ty: &ValueType) -> String {
    let mut words = format!("kind = {:?}", ty.kind.name());
    let numbers = [
        ("width", ty.width),
        ("bits", ty.bits.map(u32::from)),
        ("scale", ty.scale),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            words.push_str(&format!(", {name} = {number}"));
        }
    }
    if ty.fixed_char {
        words.push_str(", fixed_char = true");
    }
    words
}
