//! `data` and the before image to cells. Owns DMS's nesting under `_doc`.

use fieldseal_model::{Cell, Row};

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
pub(super) fn row(fields: Fields<'_>) -> Result<Row<'_>, DecodeError> {
    let fields = fields.into_vec();
    let mut cells = Vec::with_capacity(fields.len());
    for (name, raw) in fields {
        if name.is_empty() {
            return Err(DecodeError::EmptyColumnName);
        }
        cells.push((name, cell(raw)?));
    }
    Ok(Row::new(cells))
}

fn cell(raw: &str) -> Result<Cell<'_>, DecodeError> {
    if let Some(text) = string::piece(raw) {
        return Ok(Cell::Text(text?));
    }
    Ok(match raw {
        "null" => Cell::Null,
        "true" => Cell::Boolean(true),
        "false" => Cell::Boolean(false),
        nested if nested.starts_with(['{', '[']) => return Err(DecodeError::NestedCell),
        number => Cell::Number(number.into()),
    })
}
