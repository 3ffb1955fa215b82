//! Bytes, BIT columns and UUIDs. Owns the hexadecimal spellings.

use fieldseal_model::{Kind, Value, ValueType};

use super::Input;
use crate::ConvertError;

pub(super) fn bytes(cell: Input<'_>, ty: &ValueType) -> Result<Value, ConvertError> {
    if let Some(bits) = ty.bits {
        return bit_field(cell, usize::from(bits));
    }
    Ok(Value::bytes(padded(hex(cell.text()?)?, ty)?))
}

/// The binlog strips the 00 that BINARY(n) is padded with, SELECT does not.
fn padded(mut bytes: Vec<u8>, ty: &ValueType) -> Result<Vec<u8>, ConvertError> {
    if let Some(width) = ty.width {
        let width = usize::try_from(width).map_err(|_| ConvertError::TooWide)?;
        if bytes.len() > width {
            return Err(ConvertError::TooWide);
        }
        bytes.resize(width, 0);
    }
    Ok(bytes)
}

/// BIT(n): ⌈n/8⌉ bytes, big-endian.
fn bit_field(cell: Input<'_>, bits: usize) -> Result<Value, ConvertError> {
    let given = match cell {
        Input::Boolean(truth) => vec![u8::from(truth)],
        Input::Number(number) => {
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            let number: u64 = digits
                .then(|| number.parse().ok())
                .flatten()
                .ok_or(ConvertError::NotANumber)?;
            // 2^53 and up cannot have come through a double whole, and `UseLargeIntegerValue`
            // is for integer columns.
            if number >= 1 << 53 {
                return Err(ConvertError::LostPrecision);
            }
            number.to_be_bytes().to_vec()
        }
        Input::Text(text) => hex(text)?,
    };
    let leading = given.iter().take_while(|byte| **byte == 0).count();
    let given = &given[leading..];
    let used = given
        .first()
        .map_or(0, |first| given.len() * 8 - first.leading_zeros() as usize);
    if used > bits {
        return Err(ConvertError::TooWide);
    }
    let mut bytes = vec![0; bits.div_ceil(8)];
    let start = bytes.len() - given.len();
    bytes[start..].copy_from_slice(given);
    Ok(Value::bytes(bytes))
}

pub(super) fn uuid(text: &str, ty: &ValueType) -> Result<Value, ConvertError> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let hyphenated = text.len() == 36 && HYPHENS.iter().all(|at| text.as_bytes()[*at] == b'-');
    let digits: Vec<u8> = if hyphenated {
        let kept = text.bytes().enumerate();
        kept.filter(|(at, _)| !HYPHENS.contains(at))
            .map(|(_, byte)| byte)
            .collect()
    } else {
        without_prefix(text).as_bytes().to_vec()
    };
    let not_one = ConvertError::NotAUuid;
    let bytes = pairs(&digits).ok_or(not_one)?;
    let bytes = padded(bytes, ty).map_err(|_| not_one)?;
    Value::from_canonical(Kind::Uuid, bytes).map_err(|_| not_one)
}

fn hex(text: &str) -> Result<Vec<u8>, ConvertError> {
    pairs(without_prefix(text).as_bytes()).ok_or(ConvertError::NotHex)
}

/// `NoHexPrefix` removes the `0x`. No hexadecimal digits can look like it.
fn without_prefix(text: &str) -> &str {
    text.strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text)
}

fn pairs(digits: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.chunks(2) {
        let &[high, low] = pair else { return None };
        bytes.push(nibble(high)? << 4 | nibble(low)?);
    }
    Some(bytes)
}
