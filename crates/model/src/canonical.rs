//! The canonical form of every kind: making it, and checking that bytes are in it.
//! Owns `docs/FORMAT.md`, section 3; does not know where a value came from.

use crate::{Kind, temporal};

/// Bytes or text that have no canonical form of the kind, or are not in it. Carries no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical value of its kind")]
pub struct NotCanonical;

/// A decimal's digits are bounded so that `1e999999999` cannot fill the memory. MySQL's widest
/// DECIMAL has 65 digits; PostgreSQL's NUMERIC may have more, but no key or price does.
const MAX_DIGITS: i64 = 1_000;

/// Checks that `bytes` are the one canonical form of `kind`.
pub(crate) fn check(kind: Kind, bytes: &[u8]) -> Result<(), NotCanonical> {
    let ok = match kind {
        Kind::Null => bytes.is_empty(),
        Kind::Text => std::str::from_utf8(bytes).is_ok(),
        Kind::Integer => is_integer(bytes),
        Kind::Decimal => is_decimal(bytes),
        Kind::Float => is_float(bytes),
        Kind::Boolean => matches!(bytes, b"0" | b"1"),
        Kind::Bytes => true,
        Kind::Uuid => bytes.len() == 16,
        // That JSON parses was checked when it was sealed; this crate has no JSON parser.
        Kind::Json => std::str::from_utf8(bytes).is_ok(),
        Kind::Date => temporal::is_date(bytes),
        Kind::DateTime => temporal::is_datetime(bytes),
        Kind::Timestamp => temporal::is_timestamp(bytes),
        Kind::Time => temporal::is_time(bytes),
    };
    if ok { Ok(()) } else { Err(NotCanonical) }
}

fn is_integer(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match digits {
        [b'0'] => bytes.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn is_decimal(bytes: &[u8]) -> bool {
    if bytes == b"-0" {
        return false;
    }
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let (whole, fraction) = match unsigned.iter().position(|b| *b == b'.') {
        Some(dot) => (&unsigned[..dot], Some(&unsigned[dot + 1..])),
        None => (unsigned, None),
    };
    let whole_ok = match whole {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let fraction_ok = match fraction {
        None => true,
        Some([rest @ .., b'1'..=b'9']) => rest.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    };
    whole_ok && fraction_ok
}

fn is_float(bytes: &[u8]) -> bool {
    let Ok(raw) = <[u8; 8]>::try_from(bytes) else {
        return false;
    };
    let number = f64::from_be_bytes(raw);
    number.is_finite() && raw != (-0.0_f64).to_be_bytes()
}

/// `-?[0-9]+` to `0` or `-?[1-9][0-9]*`.
pub(crate) fn integer(text: &str) -> Result<Vec<u8>, NotCanonical> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotCanonical);
    }
    Ok(signed(negative, digits.trim_start_matches('0'), ""))
}

/// Any JSON number, or the same with a leading `+`, to canonical decimal.
pub(crate) fn decimal(text: &str) -> Result<Vec<u8>, NotCanonical> {
    let (negative, unsigned) = split_sign(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(NotCanonical);
    }
    if mantissa.ends_with('.') {
        return Err(NotCanonical);
    }
    let mut digits = String::with_capacity(whole.len() + fraction.len());
    digits.push_str(whole);
    digits.push_str(fraction);
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(b"0".to_vec());
    }
    // How many of `digits` stand before the point once the exponent has moved it.
    let length = i64::try_from(digits.len()).map_err(|_| NotCanonical)?;
    let before = i64::try_from(whole.len()).map_err(|_| NotCanonical)? + exponent;
    if before.max(length) > MAX_DIGITS || before < -MAX_DIGITS {
        return Err(NotCanonical);
    }
    let (whole, fraction) = if before <= 0 {
        let zeros = usize::try_from(-before).map_err(|_| NotCanonical)?;
        (String::new(), format!("{}{digits}", "0".repeat(zeros)))
    } else {
        let at = usize::try_from(before).map_err(|_| NotCanonical)?;
        let zeros = at.saturating_sub(digits.len());
        digits.push_str(&"0".repeat(zeros));
        let fraction = digits.split_off(at);
        (digits, fraction)
    };
    Ok(signed(
        negative,
        whole.trim_start_matches('0'),
        fraction.trim_end_matches('0'),
    ))
}

/// binary64, big-endian, `-0` folded into `+0`.
pub(crate) fn float(number: f64) -> Result<[u8; 8], NotCanonical> {
    if !number.is_finite() {
        return Err(NotCanonical);
    }
    Ok(if number == 0.0 { 0.0_f64 } else { number }.to_be_bytes())
}

fn parse_exponent(text: &str) -> Result<i64, NotCanonical> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotCanonical);
    }
    let size: i64 = digits.parse().map_err(|_| NotCanonical)?;
    Ok(if negative { -size } else { size })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Joins sign, whole and fraction; an empty whole is `0` and zero has no sign.
fn signed(negative: bool, whole: &str, fraction: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(whole.len() + fraction.len() + 3);
    if negative && !(whole.is_empty() && fraction.is_empty()) {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() {
        b"0"
    } else {
        whole.as_bytes()
    });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{check, decimal, integer};
    use crate::Kind;

    fn dec(text: &str) -> String {
        String::from_utf8(decimal(text).unwrap()).unwrap()
    }

    #[test]
    fn decimals_have_one_form() {
        for (from, to) in [
            ("36", "36"),
            ("36.00", "36"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("0.050", "0.05"),
            ("1e3", "1000"),
            ("1.25E+1", "12.5"),
            ("125e-4", "0.0125"),
            ("-12.5e1", "-125"),
            ("007.10", "7.1"),
            ("0e99999", "0"),
            ("9007199254740993.000000001", "9007199254740993.000000001"),
        ] {
            assert_eq!(dec(from), to, "{from}");
            assert!(check(Kind::Decimal, to.as_bytes()).is_ok());
        }
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "1e",
            "e5",
            "1e9999999999",
            "1e5000",
            "NaN",
            "1 ",
            "--1",
        ] {
            assert!(decimal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn integers_have_one_form() {
        for (from, to) in [
            ("0", "0"),
            ("-0", "0"),
            ("045", "45"),
            ("-7", "-7"),
            ("+3", "3"),
        ] {
            assert_eq!(integer(from).unwrap(), to.as_bytes());
        }
        for bad in ["", "-", "1.0", "1e3", " 1", "٣"] {
            assert!(integer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for (kind, bad) in [
            (Kind::Integer, "-0"),
            (Kind::Integer, "01"),
            (Kind::Integer, "+1"),
            (Kind::Decimal, "1.0"),
            (Kind::Decimal, "-0"),
            (Kind::Decimal, "00.1"),
            (Kind::Decimal, ".1"),
            (Kind::Decimal, "1."),
            (Kind::Boolean, "2"),
            (Kind::Null, "x"),
            (Kind::Uuid, "too short"),
            (Kind::Float, "short"),
        ] {
            assert!(check(kind, bad.as_bytes()).is_err(), "{kind} {bad}");
        }
        assert!(check(Kind::Float, &(-0.0_f64).to_be_bytes()).is_err());
        assert!(check(Kind::Float, &f64::NAN.to_be_bytes()).is_err());
        assert!(check(Kind::Decimal, b"-0.5").is_ok());
    }
}
