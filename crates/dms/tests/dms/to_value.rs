//! Every tolerance and every strictness of `to_value`: what holds for all kinds, and how each theme's
//! tests write their cases.

mod bytes;
mod moments;
mod numbers;
mod texts;

use fieldseal_dms::{ConvertError, to_value};
use fieldseal_model::{Cell, Kind, ValueType};

fn n(text: &str) -> Cell<'_> {
    Cell::Number(text.into())
}

fn t(text: &str) -> Cell<'_> {
    Cell::Text(text.into())
}

fn of(kind: Kind) -> ValueType {
    ValueType::of(kind)
}

/// The canonical text, `NULL`, or the reason.
fn text(cell: &Cell, ty: &ValueType) -> String {
    match to_value(cell, ty) {
        Ok(None) => "NULL".to_owned(),
        Ok(Some(value)) => {
            assert_eq!(value.kind(), ty.kind);
            value.expose_text().expect("a kind of text").to_owned()
        }
        Err(error) => error.reason().to_owned(),
    }
}

fn hex(cell: &Cell, ty: &ValueType) -> String {
    match to_value(cell, ty) {
        Ok(None) => "NULL".to_owned(),
        Ok(Some(value)) => value.expose().iter().map(|b| format!("{b:02x}")).collect(),
        Err(error) => error.reason().to_owned(),
    }
}

fn check(ty: &ValueType, cases: &[(Cell, &str)]) {
    for (at, (cell, expected)) in cases.iter().enumerate() {
        assert_eq!(text(cell, ty), *expected, "case {at} of {}", ty.kind);
    }
}

fn check_hex(ty: &ValueType, cases: &[(Cell, &str)]) {
    for (at, (cell, expected)) in cases.iter().enumerate() {
        assert_eq!(hex(cell, ty), *expected, "case {at} of {}", ty.kind);
    }
}

#[test]
fn null_of_every_kind_is_null() {
    for (_, kind) in Kind::NAMED {
        assert!(to_value(&Cell::Null, &of(kind)).unwrap().is_none());
    }
}

#[test]
fn no_cell_is_of_kind_null() {
    let cell = t("x");
    let result = to_value(&cell, &of(Kind::Null));
    assert_eq!(result.err(), Some(ConvertError::WrongType));
}

#[test]
fn json_types_that_never_carry_a_kind() {
    for kind in [
        Kind::Text,
        Kind::Json,
        Kind::Uuid,
        Kind::Date,
        Kind::DateTime,
        Kind::Timestamp,
        Kind::Time,
        Kind::Bytes,
    ] {
        assert_eq!(hex(&n("1"), &of(kind)), "wrong-type", "{kind}");
        assert_eq!(hex(&Cell::Boolean(true), &of(kind)), "wrong-type", "{kind}");
    }
    for kind in [Kind::Integer, Kind::Decimal, Kind::Float] {
        assert_eq!(hex(&Cell::Boolean(true), &of(kind)), "wrong-type", "{kind}");
    }
}
