//! Integers, decimals and floats. Owns the judgement whether a number may have lost digits in a
//! double on its way through DMS.

use fieldseal_model::{Canonical, Kind, NotCanonical, Value};

use super::Input;
use crate::ConvertError;

/// Digits that a decimal keeps for certain on its way through a binary64 (`DBL_DIG`).
const DOUBLE_DIGITS: usize = 15;

/// The longest integer that `UseLargeIntegerValue` keeps exact.
const LARGE_INTEGER_DIGITS: usize = 18;

/// Above this, a binary64 cannot hold every integer: 2^53.
const DOUBLE_INTEGERS: u64 = 1 << 53;

/// How a number is written.
struct Shape<'a> {
    text: &'a str,
    /// Digits of the mantissa without leading zeros; those behind the point included.
    significant: usize,
    /// Digits before the point.
    whole: usize,
    has_point: bool,
    has_exponent: bool,
}

pub(super) fn integer(cell: Input<'_>) -> Result<Canonical<'_>, ConvertError> {
    let (text, bare) = numeric(cell)?;
    let shape = shape(text)?;
    if !shape.has_point && !shape.has_exponent {
        if bare && shape.significant > LARGE_INTEGER_DIGITS {
            return Err(ConvertError::LostPrecision);
        }
        return lent(Kind::Integer, text)
            .or_else(|_| Value::integer(text))
            .map_err(|_| ConvertError::NotANumber);
    }
    // `1.2e+16`, `36.0`: has been a double. Exact only while a double holds every integer.
    let value = Value::decimal(text).map_err(|_| ConvertError::LostPrecision)?;
    let canonical = value.expose_text().unwrap_or_default();
    if canonical.contains('.') {
        return Err(ConvertError::NotAnInteger);
    }
    let exact = canonical
        .trim_start_matches('-')
        .parse::<u64>()
        .is_ok_and(|size| size < DOUBLE_INTEGERS);
    if !exact {
        return Err(ConvertError::LostPrecision);
    }
    Value::integer(canonical).map_err(|_| ConvertError::NotANumber)
}

pub(super) fn decimal(cell: Input<'_>, scale: Option<u32>) -> Result<Canonical<'_>, ConvertError> {
    let (text, bare) = numeric(cell)?;
    let shape = shape(text)?;
    let value = lent(Kind::Decimal, text)
        .or_else(|_| Value::decimal(text))
        .map_err(|_| ConvertError::NotANumber)?;
    let canonical = value.expose_text().unwrap_or_default();
    let (whole, fraction) = canonical.split_once('.').unwrap_or((canonical, ""));
    let lost = if shape.has_exponent {
        // A double prints large numbers this way: digits behind the fifteenth are gone even
        // where the mantissa is short.
        let whole = whole.trim_start_matches(['-', '0']).len();
        shape.significant > DOUBLE_DIGITS || whole > DOUBLE_DIGITS
    } else if !bare {
        false
    } else if shape.has_point {
        shape.significant > DOUBLE_DIGITS
    } else {
        shape.whole > LARGE_INTEGER_DIGITS
    };
    if lost {
        return Err(ConvertError::LostPrecision);
    }
    if scale.is_some_and(|scale| fraction.len() > scale as usize) {
        return Err(ConvertError::TooPrecise);
    }
    Ok(value)
}

pub(super) fn float(cell: Input<'_>, single: bool) -> Result<Value, ConvertError> {
    let (text, _) = numeric(cell)?;
    let text = shape(text)?.text;
    // Rust's parsing rounds to nearest-even from the decimal text; a FLOAT parsed as a double
    // and then narrowed would round twice.
    let number = if single {
        text.parse::<f32>().map(f64::from)
    } else {
        text.parse::<f64>()
    };
    let number = number.map_err(|_| ConvertError::NotANumber)?;
    Value::float(number).map_err(|_| ConvertError::NotFinite)
}

/// A number that is written in its canonical form, as most are. A long one is always made anew:
/// making it bounds its digits.
fn lent(kind: Kind, text: &str) -> Result<Canonical<'_>, NotCanonical> {
    const SHORT: usize = 100;
    if text.len() > SHORT {
        return Err(NotCanonical);
    }
    Canonical::lent(kind, text)
}

/// The text of a number, and whether it was a bare JSON number.
fn numeric(cell: Input<'_>) -> Result<(&str, bool), ConvertError> {
    match cell {
        Input::Number(number) => Ok((number, true)),
        Input::Text(text) => Ok((text, false)),
        Input::Boolean(_) => Err(ConvertError::WrongType),
    }
}

/// `[-+]?digits[.digits][e[-+]digits]`: JSON's grammar, with a leading `+` and leading zeros
/// allowed, as databases print them. Rules out `inf` and `nan`.
fn shape(text: &str) -> Result<Shape<'_>, ConvertError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent_digits = exponent.map(|e| e.strip_prefix(['-', '+']).unwrap_or(e));
    let parts = [Some(whole), fraction, exponent_digits];
    let well_formed = parts
        .into_iter()
        .flatten()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !well_formed {
        return Err(ConvertError::NotANumber);
    }
    let whole = whole.trim_start_matches('0');
    let fraction_digits = fraction.unwrap_or_default();
    let significant = if whole.is_empty() {
        fraction_digits.trim_start_matches('0').len()
    } else {
        whole.len() + fraction_digits.len()
    };
    Ok(Shape {
        text,
        significant,
        whole: whole.len(),
        has_point: fraction.is_some(),
        has_exponent: exponent.is_some(),
    })
}
