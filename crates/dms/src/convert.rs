//! One cell, as DMS spelled it, to the canonical value of the kind that the policy declares.
//! Owns every tolerance for the ways in which DMS writes one value; the canonical forms
//! themselves belong to the model (`docs/FORMAT.md`, section 3).

mod binary;
mod number;
mod temporal;

use fieldseal_model::{Canonical, Cell, Kind, Piece, Value, ValueType};

use crate::ConvertError;

/// Converts a cell, without a copy where DMS's spelling is the canonical one. `Ok(None)` is SQL NULL: a JSON null, or a zero or partial date where the
/// column says `zero_date = "null"`.
///
/// What is accepted, by kind; anything else is an error:
///
/// - text: a JSON string. DMS quotes every text, so a number or a boolean is a sign that the
///   column is not what the policy says: `WrongType`. CHAR columns (`fixed_char`) lose trailing
///   spaces.
/// - integer: a number or a string with digits; in scientific notation, or with a fraction of
///   zeros, only below 2^53, because such a number has been through a double. A bare number of
///   more than 18 digits is refused for the same reason: `UseLargeIntegerValue` ends there.
/// - decimal: a string in plain notation with any number of digits; a bare number, or one in
///   scientific notation, only with as many significant digits as a double keeps for certain
///   (15; a bare integer: 18). Not more digits after the point than `scale`.
/// - float: a number or a string; rounded once, to nearest-even, straight from the decimal text,
///   to binary32 first where `width` is 32.
/// - boolean: `true`, `false`; 0 and 1 as number or string; the strings `t`, `f`, `true`,
///   `false` in any case and with the blanks that PostgreSQL's CHAR(5) adds; `0x00`, `0x01`, `00`, `01`.
/// - bytes: hexadecimal digits in any case, with or without `0x`; padded on the right with 00 to
///   `width`. BIT(n) columns (`bits`): the same, on the left, or a number, or a boolean.
/// - uuid: 32 hexadecimal digits in any case, with hyphens in the usual places or without, or
///   with `0x`; of BINARY(16) columns (`width`) fewer, padded on the right with 00.
/// - json: a string that holds a JSON text; kept as received.
/// - date: `YYYY-MM-DD`, also with a time of day that is all zeros behind it.
/// - datetime: date and time with `T` or a space between them; the `Z` that DMS puts there is
///   dropped, trailing zeros of the fraction too.
/// - timestamp: the same, where no zone and an offset of zero mean UTC.
/// - time: `HH:MM:SS` with an optional sign and fraction, up to 838 hours.
///
/// A whole number between 2^53 and 10^16 in a bare JSON number cannot be told from one that was
/// rounded when `UseLargeIntegerValue` is off: it is accepted, and the setting is required.
///
/// # Errors
/// [`ConvertError`], without the value.
pub fn to_value<'a>(
    cell: &'a Cell<'_>,
    ty: &ValueType,
) -> Result<Option<Canonical<'a>>, ConvertError> {
    let cell = match cell {
        Cell::Null => return Ok(None),
        Cell::Boolean(truth) => Input::Boolean(*truth),
        Cell::Number(number) => Input::Number(utf8(number)?),
        Cell::Text(text) => Input::Text(utf8(text)?),
    };
    match ty.kind {
        Kind::Date | Kind::DateTime | Kind::Timestamp => temporal::dated(cell.text()?, ty),
        Kind::Null => Err(ConvertError::WrongType),
        Kind::Text => cell.text().map(|cell| Some(text(cell, ty))),
        Kind::Integer => number::integer(cell).map(Some),
        Kind::Decimal => number::decimal(cell, ty.scale).map(Some),
        Kind::Float => number::float(cell, ty.width == Some(32)).map(Some),
        Kind::Boolean => boolean(cell).map(Some),
        Kind::Bytes => binary::bytes(cell, ty).map(Some),
        Kind::Uuid => binary::uuid(cell.text()?, ty).map(Some),
        Kind::Json => json(cell.text()?).map(Some),
        Kind::Time => temporal::time(cell.text()?).map(Some),
    }
}

/// A cell that is not NULL, readable.
#[derive(Clone, Copy)]
enum Input<'a> {
    Boolean(bool),
    Number(&'a str),
    Text(&'a str),
}

impl<'a> Input<'a> {
    /// The string of a kind that DMS always quotes.
    fn text(self) -> Result<&'a str, ConvertError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Boolean(_) | Self::Number(_) => Err(ConvertError::WrongType),
        }
    }
}

/// The decoder makes only UTF-8; a cell made by hand may hold anything.
fn utf8<'a>(piece: &'a Piece<'_>) -> Result<&'a str, ConvertError> {
    piece.expose_text().ok_or(ConvertError::WrongType)
}

fn text<'a>(text: &'a str, ty: &ValueType) -> Canonical<'a> {
    Canonical::lent_text(if ty.fixed_char {
        text.trim_end_matches(' ')
    } else {
        text
    })
}

fn json(text: &str) -> Result<Canonical<'_>, ConvertError> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| ConvertError::NotJson)?;
    Canonical::lent(Kind::Json, text).map_err(|_| ConvertError::NotJson)
}

fn boolean(cell: Input<'_>) -> Result<Value, ConvertError> {
    const TRUE: [&str; 5] = ["1", "t", "true", "0x01", "01"];
    const FALSE: [&str; 5] = ["0", "f", "false", "0x00", "00"];
    let is_one_of = |text: &str, words: &[&str]| {
        let text = text.trim_end_matches(' ');
        words.iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    let truth = match cell {
        Input::Boolean(truth) => Some(truth),
        Input::Number("1") => Some(true),
        Input::Number("0") => Some(false),
        Input::Text(text) if is_one_of(text, &TRUE) => Some(true),
        Input::Text(text) if is_one_of(text, &FALSE) => Some(false),
        Input::Number(_) | Input::Text(_) => None,
    };
    truth.map(Value::boolean).ok_or(ConvertError::NotABoolean)
}
