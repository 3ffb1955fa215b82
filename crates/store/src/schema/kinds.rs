//! Whether the kinds that the policy gives its keys and sealed columns are those of the source's
//! columns. Owns that table and its words; what a cell becomes is the decoder's, and columns that
//! are kept have no kind.

use fieldseal_db::{Finding, Severity};
use fieldseal_model::{Kind, ValueType};
use fieldseal_pipeline::TargetType;
use fieldseal_policy::{Bind, Policy, Table, Treatment, Unlisted};

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
            found.extend(of_kinds(table, columns));
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

/// The kinds of the row key, of the columns that values are bound to, and of sealed columns.
pub(super) fn of_kinds(table: &Table, source: &SourceTable) -> Vec<Finding> {
    let bound = match &table.bind {
        Bind::Columns(columns) => columns.as_slice(),
        Bind::Row | Bind::Column => &[],
    };
    let keys = table
        .key
        .iter()
        .chain(bound)
        .map(|key| (&key.name, &key.ty));
    let sealed = table
        .columns
        .iter()
        .filter_map(|column| match &column.treatment {
            Treatment::Seal(seal) => Some((&column.name, &seal.ty)),
            Treatment::Keep | Treatment::Drop => None,
        });
    let judged = |(name, ty): (&String, &ValueType)| {
        let column = source.column(name)?;
        let (severity, why) = match fit(column, ty) {
            Fit::Fits => return None,
            Fit::Doubtful(why) => (Severity::Warning, why),
            Fit::Unfit(why) => (Severity::Error, why),
        };
        let declared = match column.ty {
            TargetType::Choice { .. } => "an enumeration",
            _ => column.declared.as_str(),
        };
        let what = format!(
            "the source declares it {declared}, the policy {}: {why}",
            words(ty)
        );
        let advice = match severity {
            Severity::Error => format!("say {}", words(&natural(column, ty.kind))),
            Severity::Warning => {
                format!(
                    "say {}, or see that it is meant so",
                    words(&natural(column, ty.kind))
                )
            }
        };
        Some(Finding::column(severity, &table.source, name, what, advice))
    };
    keys.chain(sealed).filter_map(judged).collect()
}

/// How well a kind suits a column; the words say why not.
enum Fit {
    Fits,
    /// Only some values have the kind, or a rule of the DMS task must give it to them.
    Doubtful(&'static str),
    /// Values would be changed, or none would be taken.
    Unfit(&'static str),
}

use Fit::{Doubtful, Fits, Unfit};

const NEVER: &str = "no value would be taken";
const SOME: &str = "only values that read as one are taken, all others held, and another way of \
                    writing the same, as with leading zeros, is not given back";
const AS_TEXT: &str = "values are held unless a rule of the DMS task makes them strings";
const AS_SPELT: &str =
    "what is sealed is DMS's spelling, which may differ between a load and a change";

fn fit(column: &SourceColumn, ty: &ValueType) -> Fit {
    match (&column.ty, ty.kind) {
        (TargetType::Opaque, _) => Fits,
        (
            TargetType::Text {
                fixed, max_chars, ..
            },
            _,
        ) => of_text(*fixed, *max_chars, ty),
        (TargetType::Choice { .. } | TargetType::Json { .. } | TargetType::Uuid, Kind::Text) => {
            Fits
        }
        (TargetType::Choice { .. }, Kind::Bytes | Kind::Uuid | Kind::Json) => Unfit(NEVER),
        (TargetType::Choice { .. }, _) => Doubtful(SOME),
        (TargetType::Json { .. }, Kind::Json)
        | (TargetType::Uuid, Kind::Uuid)
        | (TargetType::Boolean, Kind::Boolean) => Fits,
        (TargetType::Boolean, Kind::Text) => Doubtful(AS_TEXT),
        (TargetType::Json { .. } | TargetType::Uuid | TargetType::Boolean, _) => Unfit(NEVER),
        (TargetType::Bytes { max }, _) => of_bytes(*max, column.fixed_bytes, ty),
        (TargetType::Bits { width }, _) => of_bits(*width, ty),
        (TargetType::Integer { .. } | TargetType::Decimal { .. } | TargetType::Float { .. }, _) => {
            of_number(column, ty)
        }
        (
            TargetType::Date
            | TargetType::DateTime { .. }
            | TargetType::Timestamp { .. }
            | TargetType::Time { .. },
            _,
        ) => of_time(&column.ty, ty.kind),
    }
}

fn of_text(fixed: bool, max_chars: Option<u64>, ty: &ValueType) -> Fit {
    match ty.kind {
        Kind::Text if ty.fixed_char && !fixed => Unfit("its trailing spaces would be lost"),
        Kind::Text if fixed && !ty.fixed_char => {
            Doubtful("trailing spaces count, and some ways of reading a CHAR add or lose them")
        }
        Kind::Text | Kind::Json => Fits,
        Kind::Bytes => Unfit("text that looks like hexadecimal digits would become other bytes"),
        Kind::Uuid if max_chars.is_some_and(|chars| chars < 32) => Unfit(NEVER),
        Kind::Uuid => Fits,
        _ => Doubtful(SOME),
    }
}

fn of_bytes(max: Option<u64>, fixed: bool, ty: &ValueType) -> Fit {
    let width = ty.width.map(u64::from);
    match ty.kind {
        Kind::Bytes | Kind::Uuid if fixed && width != max => Unfit(
            "a change comes without the zeros at its end, and only its whole width puts them back",
        ),
        Kind::Bytes if ty.bits.is_some() => Unfit("bits are those of a BIT column"),
        Kind::Bytes | Kind::Uuid if !fixed && width.is_some() => {
            Unfit("shorter values would be filled up with zeros")
        }
        Kind::Bytes => Fits,
        Kind::Uuid if max.is_some_and(|max| max < 16) => Unfit(NEVER),
        Kind::Uuid if max == Some(16) => Fits,
        Kind::Uuid => Doubtful("only values of 16 bytes are taken"),
        Kind::Text => Doubtful("what is sealed is the hexadecimal digits that DMS writes"),
        _ => Unfit(NEVER),
    }
}

fn of_bits(width: u16, ty: &ValueType) -> Fit {
    match ty.kind {
        Kind::Boolean if width == 1 => Fits,
        Kind::Bytes if width > 1 && ty.bits == Some(width) => Fits,
        Kind::Bytes if width > 1 => {
            Unfit("only the same number of bits gives the same bytes always")
        }
        Kind::Integer | Kind::Text => Doubtful("values are held where DMS spells them otherwise"),
        _ => Unfit(NEVER),
    }
}

fn of_number(column: &SourceColumn, ty: &ValueType) -> Fit {
    match (&column.ty, ty.kind) {
        (TargetType::Integer { .. }, Kind::Integer | Kind::Decimal) => Fits,
        (TargetType::Integer { min: 0, max: 1 }, Kind::Boolean) => Fits,
        (TargetType::Integer { .. }, Kind::Boolean) if is_boolean(&column.declared) => Fits,
        (TargetType::Integer { .. }, Kind::Boolean) => Doubtful("all but 0 and 1 is held"),
        (TargetType::Decimal { precision, .. }, Kind::Decimal) => {
            of_scale(precision.map(|(_, scale)| scale), ty.scale)
        }
        (
            TargetType::Decimal {
                precision: Some((_, 0)),
                ..
            },
            Kind::Integer,
        ) => Fits,
        (TargetType::Float { single: false }, Kind::Float) if ty.width.is_some() => {
            Unfit("its digits would be rounded to those of a FLOAT")
        }
        (TargetType::Float { single: true }, Kind::Float) if ty.width.is_none() => {
            Doubtful(AS_SPELT)
        }
        (TargetType::Float { .. }, Kind::Float) => Fits,
        (TargetType::Decimal { .. } | TargetType::Integer { .. }, Kind::Float) => {
            Doubtful("numbers of many digits would be rounded")
        }
        (TargetType::Float { .. }, Kind::Decimal) => {
            Doubtful("numbers of more than 15 digits are held")
        }
        (_, Kind::Integer) => Doubtful("all but whole numbers is held"),
        (_, Kind::Text) => Doubtful(AS_TEXT),
        _ => Unfit(NEVER),
    }
}

fn of_scale(source: Option<u32>, policy: Option<u32>) -> Fit {
    match (source, policy) {
        (Some(source), Some(policy)) if policy < source => {
            Unfit("numbers with more digits behind the point are held")
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
        (TargetType::DateTime { .. }, Kind::Timestamp) => {
            Doubtful("it has no zone, and what is sealed says UTC")
        }
        (TargetType::Timestamp { .. }, Kind::DateTime) => {
            Doubtful("it is an instant, and what is sealed no longer says that it is in UTC")
        }
        (TargetType::DateTime { .. } | TargetType::Timestamp { .. }, Kind::Date) => {
            Doubtful("all but midnight is held")
        }
        (_, Kind::Text) => Doubtful(AS_SPELT),
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
/// be one.
fn natural(column: &SourceColumn, wanted: Kind) -> ValueType {
    let ty = column.ty.value_type();
    match &column.ty {
        TargetType::Bytes { max: Some(16) } if wanted == Kind::Uuid => ValueType {
            width: column.fixed_bytes.then_some(16),
            ..ValueType::of(Kind::Uuid)
        },
        TargetType::Decimal {
            precision: Some((_, scale)),
            ..
        } => ValueType {
            scale: Some(*scale),
            ..ty
        },
        TargetType::Bytes { max: Some(max) } if column.fixed_bytes => ValueType {
            width: u32::try_from(*max).ok(),
            ..ty
        },
        TargetType::Bits { width: 1 } => ValueType::of(Kind::Boolean),
        _ => ty,
    }
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
