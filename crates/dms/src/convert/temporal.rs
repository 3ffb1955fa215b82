//! Dates, datetimes, timestamps and times. Owns DMS's spellings and the recognition of zero
//! dates; which dates are real is the model's to say.

use fieldseal_model::{Canonical, Kind, Value, ValueType, ZeroDate};

use crate::ConvertError;

/// A date, datetime or timestamp, as the kind of `ty` says.
pub(super) fn dated<'a>(
    text: &'a str,
    ty: &ValueType,
) -> Result<Option<Canonical<'a>>, ConvertError> {
    let value = match ty.kind {
        Kind::Date => date(text),
        kind => date_and_time(text, kind),
    };
    match value {
        // A zero date is looked for in the date alone, so that `0000-00-00` counts in a DATETIME.
        Err(_) if is_zero_date(text) => match ty.zero_date {
            ZeroDate::Error => Err(ConvertError::ZeroDate),
            ZeroDate::Null => Ok(None),
        },
        value => value.map(Some),
    }
}

/// The date, where nothing but a midnight stands behind it.
fn date(text: &str) -> Result<Canonical<'_>, ConvertError> {
    let error = ConvertError::NotADate;
    let (date, rest) = text.split_at_checked(10).ok_or(error)?;
    if !rest.is_empty() {
        let (clock, fraction) = clock(rest, error)?;
        let midnight = clock == "00:00:00" && fraction.is_empty();
        if !midnight {
            return Err(error);
        }
    }
    Canonical::lent(Kind::Date, date).map_err(|_| error)
}

fn date_and_time(text: &str, kind: Kind) -> Result<Canonical<'_>, ConvertError> {
    let error = ConvertError::NotADateTime;
    let (date, rest) = text.split_at_checked(10).ok_or(error)?;
    let (clock, fraction) = clock(rest, error)?;
    let is_utc = kind == Kind::Timestamp;
    let point = usize::from(!fraction.is_empty());
    let length = date.len() + 1 + clock.len() + point + fraction.len() + usize::from(is_utc);
    // What DMS writes most often begins with the canonical form.
    let start = text.get(..length);
    if let Some(Ok(value)) = start.map(|start| Canonical::lent(kind, start)) {
        return Ok(value);
    }
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(date.as_bytes());
    out.push(b'T');
    out.extend_from_slice(clock.as_bytes());
    push_fraction(&mut out, fraction);
    if is_utc {
        out.push(b'Z');
    }
    Value::from_canonical(kind, out).map_err(|_| error)
}

/// Splits `THH:MM:SS.fffZ` into clock and fraction without trailing zeros. The zone must be UTC or absent: on a DATETIME it is DMS's fiction, on a TIMESTAMP DMS has converted.
fn clock(text: &str, error: ConvertError) -> Result<(&str, &str), ConvertError> {
    let text = text.strip_prefix(['T', ' ']).ok_or(error)?;
    let (clock, rest) = text.split_at_checked(8).ok_or(error)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(error);
            }
            rest.split_at(end)
        }
    };
    match zone {
        "" | "Z" | "+00" | "+00:00" | "+0000" => Ok((clock, fraction.trim_end_matches('0'))),
        _ if zone.starts_with(['+', '-']) => Err(ConvertError::ForeignZone),
        _ => Err(error),
    }
}

/// `YYYY-MM-DD…` in digits, of which year, month or day is zero.
fn is_zero_date(text: &str) -> bool {
    let Some((date, rest)) = text.as_bytes().split_at_checked(10) else {
        return false;
    };
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else {
        return false;
    };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    // Behind the date, nothing or a clock: `0000-00-00` and a note is a broken cell.
    let bounded = rest.is_empty()
        || text.get(10..).is_some_and(|rest| {
            clock(rest, ConvertError::NotADate).is_ok_and(|(clock, _)| is_clock(clock))
        });
    let zero = |part: &[u8]| part.iter().all(|digit| *digit == b'0');
    bounded
        && digits.iter().all(u8::is_ascii_digit)
        && (zero(&digits[..4]) || zero(&digits[4..6]) || zero(&digits[6..]))
}

fn is_clock(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        2 | 5 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    text.bytes().enumerate().all(shape)
}

/// `-?HH:MM:SS` with a fraction; hours of three digits may have leading zeros.
pub(super) fn time(text: &str) -> Result<Value, ConvertError> {
    let error = ConvertError::NotATime;
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (clock, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return Err(error),
        Some((clock, fraction)) => (clock, fraction.trim_end_matches('0')),
        None => (unsigned, ""),
    };
    let clock = match clock.as_bytes() {
        [b'0', _, _, b':', ..] => &clock[1..],
        _ => clock,
    };
    let zero = !clock
        .bytes()
        .chain(fraction.bytes())
        .any(|b| matches!(b, b'1'..=b'9'));
    let mut out = Vec::with_capacity(unsigned.len() + 1);
    if unsigned.len() != text.len() && !zero {
        out.push(b'-');
    }
    out.extend_from_slice(clock.as_bytes());
    push_fraction(&mut out, fraction);
    Value::from_canonical(Kind::Time, out).map_err(|_| error)
}

fn push_fraction(out: &mut Vec<u8>, fraction: &str) {
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
}
