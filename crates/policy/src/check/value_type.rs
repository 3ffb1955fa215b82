//! Kinds with their details: which detail goes with which kind.

use fieldseal_model::{Kind, ValueType, ZeroDate};

use crate::check::scalar;
use crate::mistakes::{Gathered, Spot};
use crate::spelling::{ColumnSection, Field, KeyTypeSpelling, Word};

/// The fields that say what a value is.
struct Details<'a> {
    width: &'a Field<u64>,
    bits: &'a Field<u64>,
    scale: &'a Field<u64>,
    fixed_char: &'a Field<bool>,
}

/// The type of a key column.
pub(super) fn of_key(spelling: &KeyTypeSpelling, gathered: &mut Gathered) -> Option<ValueType> {
    match spelling {
        KeyTypeSpelling::Kind(kind) => Some(ValueType::of(*kind)),
        KeyTypeSpelling::Detailed(section) => {
            let details = Details {
                width: &section.width,
                bits: &section.bits,
                scale: &section.scale,
                fixed_char: &section.fixed_char,
            };
            // Without a kind there is nothing to compare the details with.
            let Word(kind) = section.kind.get()?.value;
            checked(kind, &details, gathered)
        }
    }
}

/// The type of a sealed column; a missing kind is a mistake at `spot`.
pub(super) fn of_column(
    section: &ColumnSection,
    spot: &Spot,
    gathered: &mut Gathered,
) -> Option<ValueType> {
    if section.kind.is_absent() {
        gathered.add(
            spot,
            "a sealed column needs its kind, such as kind = \"text\"",
        );
    }
    let Word(kind) = section.kind.get()?.value;
    let details = Details {
        width: &section.width,
        bits: &section.bits,
        scale: &section.scale,
        fixed_char: &section.fixed_char,
    };
    let ty = checked(kind, &details, gathered);
    let dated = matches!(kind, Kind::Date | Kind::DateTime | Kind::Timestamp);
    let fits = belongs(
        dated,
        section.zero_date.spot(),
        "a date, datetime or timestamp",
        gathered,
    );
    let Word(zero_date) = section.zero_date.or(Word(ZeroDate::Error))?;
    let ty = ty.filter(|_| fits)?;
    Some(ValueType { zero_date, ..ty })
}

fn checked(kind: Kind, details: &Details<'_>, gathered: &mut Gathered) -> Option<ValueType> {
    let bytes = kind == Kind::Bytes;
    let widths = match kind {
        Kind::Bytes => Some(1..=255),
        Kind::Float => Some(32..=32),
        Kind::Uuid => Some(16..=16),
        _ => None,
    };
    let fits = [
        belongs(
            widths.is_some(),
            details.width.spot(),
            "bytes, a float or a uuid",
            gathered,
        ),
        belongs(bytes, details.bits.spot(), "bytes", gathered),
        belongs(
            kind == Kind::Decimal,
            details.scale.spot(),
            "a decimal",
            gathered,
        ),
        belongs(
            kind == Kind::Text,
            details.fixed_char.spot(),
            "a text",
            gathered,
        ),
    ];
    if fits.contains(&false) {
        return None;
    }
    if let (Some(_), Some(spot)) = (details.width.get(), details.bits.spot()) {
        gathered.add(
            spot,
            "width is for BINARY(n) and bits for BIT(n); a column is one of them",
        );
        return None;
    }
    let width = optional(details.width, |at| scalar::within(at, widths?, gathered))?;
    let bits = optional(details.bits, |at| scalar::within(at, 2..=64, gathered))?;
    let scale = optional(details.scale, |at| scalar::within(at, 0..=1_000, gathered))?;
    Some(ValueType {
        width,
        bits,
        scale,
        fixed_char: details.fixed_char.or(false)?,
        ..ValueType::of(kind)
    })
}

/// Gathers that a detail stands beside a kind it says nothing about.
fn belongs(fits: bool, spot: Option<&Spot>, what: &str, gathered: &mut Gathered) -> bool {
    match spot {
        Some(spot) if !fits => {
            gathered.add(
                spot,
                format!("is only for {what}; remove it or change the kind"),
            );
            false
        }
        _ => true,
    }
}

/// `Some(None)` when absent, `None` after a mistake.
pub(super) fn optional<T, U>(
    field: &Field<T>,
    check: impl FnOnce(&crate::spelling::At<T>) -> Option<U>,
) -> Option<Option<U>> {
    match field {
        Field::Absent => Some(None),
        Field::Bad => None,
        Field::Is(at) => check(at).map(Some),
    }
}
