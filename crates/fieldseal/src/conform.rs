//! A value as its column holds it: the details beside the kind, applied as the pipeline applies
//! them. Owns no conversion of kinds: there is none.

use fieldseal_model::{Kind, Value, ValueType};

/// Why a value cannot stand in its column.
pub(crate) enum Misfit {
    /// It is of another kind.
    Kind,
    /// It is too wide, or has too many digits behind the point.
    TooWide,
}

/// The value as the pipeline would seal it, had it come from the source's column.
pub(crate) fn conform(value: Value, ty: &ValueType) -> Result<Value, Misfit> {
    if value.is_null() {
        return Ok(value);
    }
    if value.kind() != ty.kind {
        return Err(Misfit::Kind);
    }
    match ty.kind {
        // CHAR(n) loses trailing spaces.
        Kind::Text if ty.fixed_char => {
            let text = value.expose_text().ok_or(Misfit::Kind)?;
            Ok(Value::text(text.trim_end_matches(' ')))
        }
        Kind::Bytes => bytes(value, ty),
        Kind::Float if ty.width == Some(32) => single(&value),
        Kind::Decimal => {
            let text = value.expose_text().ok_or(Misfit::Kind)?;
            let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
            match ty.scale {
                Some(scale) if digits > scale as usize => Err(Misfit::TooWide),
                _ => Ok(value),
            }
        }
        _ => Ok(value),
    }
}

/// BINARY(n) is padded with 00; BIT(n) always has its ⌈n/8⌉ bytes.
fn bytes(value: Value, ty: &ValueType) -> Result<Value, Misfit> {
    let given = value.expose();
    if let Some(bits) = ty.bits {
        let fits = given.len() == usize::from(bits).div_ceil(8);
        return if fits {
            Ok(value)
        } else {
            Err(Misfit::TooWide)
        };
    }
    let Some(width) = ty.width.map(|width| width as usize) else {
        return Ok(value);
    };
    if given.len() > width {
        return Err(Misfit::TooWide);
    }
    let mut padded = Vec::with_capacity(width);
    padded.extend_from_slice(given);
    padded.resize(width, 0);
    Ok(Value::bytes(padded))
}

/// FLOAT holds a binary32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding is what FLOAT does"
)]
fn single(value: &Value) -> Result<Value, Misfit> {
    let bytes = value.expose().try_into().map_err(|_| Misfit::Kind)?;
    let rounded = f64::from_be_bytes(bytes) as f32;
    Value::float(f64::from(rounded)).map_err(|_| Misfit::TooWide)
}
