//! `data` and the before image to cells. Owns DMS's nesting under `_doc`.

use fieldseal_model::{Cell, Plaintext, Row};

use super::fields::{Fields, Part};
use super::string;
use crate::DecodeError;

/// The key under which a `map-record-to-document` object mapping nests the row.
const DOCUMENT: &str = "_doc";

/// The fields of an object of cells, taken out of `_doc` where the object holds just that.
pub(super) fn fields(part: Part<'_>, not_object: DecodeError) -> Result<Fields<'_>, DecodeError> {
    let fields = part.fields(not_object)?;
    match fields.as_slice() {
        [(name, inner)] if name == DOCUMENT && inner.starts_with('{') => {
            Fields::read(inner, not_object)
        }
        _ => Ok(fields),
    }
}

/// Decodes each field into a cell.
pub(super) fn row(fields: &Fields<'_>) -> Result<Row, DecodeError> {
    let fields = fields.as_slice();
    let mut row = Row::with_capacity(fields.len());
    for (name, raw) in fields {
        if name.is_empty() {
            return Err(DecodeError::EmptyColumnName);
        }
        row.push(name, cell(raw)?);
    }
    Ok(row)
}

fn cell(raw: &str) -> Result<Cell, DecodeError> {
    if let Some(text) = string::bytes(raw) {
        return Ok(Cell::Text(Plaintext::new(text?)));
    }
    Ok(match raw {
        "null" => Cell::Null,
        "true" => Cell::Boolean(true),
        "false" => Cell::Boolean(false),
        nested if nested.starts_with(['{', '[']) => return Err(DecodeError::NestedCell),
        number => Cell::Number(Plaintext::from(number)),
    })
}
