//! The parts of canonical dates and times, for the calendars of `chrono` and `time`. Owns their
//! writing and reading; which dates are real is the model's to say.

use std::fmt::Write as _;

use fieldseal_model::{Kind, Value};

use super::{OddValue, text_of, written};

/// The longest form, `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`: written into memory that never grows, so
/// that no copy stays behind.
const LONGEST: usize = 30;

#[derive(Clone, Copy)]
pub(super) struct Day {
    pub(super) year: i32,
    pub(super) month: u8,
    pub(super) day: u8,
}

#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    /// Below 1,000,000,000: a leap second has no form.
    pub(super) nanosecond: u32,
}

/// Writes a value that has a date, a clock, or both, as its kind says.
pub(super) fn write(kind: Kind, day: Option<Day>, clock: Option<Clock>) -> Result<Value, OddValue> {
    let refuse = |reason| Err(OddValue::NoForm { kind, reason });
    let mut out = String::with_capacity(LONGEST);
    // Writing to a String does not fail.
    if let Some(Day { year, month, day }) = day {
        if !(1..=9999).contains(&year) {
            return refuse("its year is not between 1 and 9999");
        }
        let _ = write!(out, "{year:04}-{month:02}-{day:02}");
    }
    if let Some(clock) = clock {
        if clock.nanosecond >= 1_000_000_000 || clock.second > 59 {
            return refuse("it lies within a leap second");
        }
        if !out.is_empty() {
            out.push('T');
        }
        let Clock {
            hour,
            minute,
            second,
            nanosecond,
        } = clock;
        let _ = write!(out, "{hour:02}:{minute:02}:{second:02}");
        if nanosecond != 0 {
            let _ = write!(out, ".{nanosecond:09}");
            out.truncate(out.trim_end_matches('0').len());
        }
    }
    if kind == Kind::Timestamp {
        out.push('Z');
    }
    written(kind, out.into_bytes())
}

/// The date of a date, datetime or timestamp, as `make` makes it of its parts. `rust` is the type
/// that it has to fit.
pub(super) fn day<T>(
    value: &Value,
    kind: Kind,
    rust: &'static str,
    make: impl FnOnce(Day) -> Option<T>,
) -> Result<T, OddValue> {
    let text = text_of(value, kind)?;
    let day = Day {
        year: number(text, 0, 4, kind)?,
        month: number(text, 5, 7, kind)?,
        day: number(text, 8, 10, kind)?,
    };
    make(day).ok_or(OddValue::DoesNotFit { kind, rust })
}

/// The time of day of a datetime, a timestamp, or a time, likewise.
pub(super) fn time<T>(
    value: &Value,
    kind: Kind,
    rust: &'static str,
    make: impl FnOnce(Clock) -> Option<T>,
) -> Result<T, OddValue> {
    let time = clock(value, kind)?.and_then(make);
    time.ok_or(OddValue::DoesNotFit { kind, rust })
}

/// `None` for a time that is a duration: negative, or 24 hours and longer.
fn clock(value: &Value, kind: Kind) -> Result<Option<Clock>, OddValue> {
    let text = text_of(value, kind)?;
    let text = text.strip_suffix('Z').unwrap_or(text);
    let text = match text.split_once('T') {
        Some((_, clock)) => clock,
        None => text,
    };
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    if clock.len() != 8 {
        return Ok(None);
    }
    let hour = number(clock, 0, 2, kind)?;
    if hour > 23 {
        return Ok(None);
    }
    let zeros = u32::try_from(9_usize.saturating_sub(fraction.len())).unwrap_or(0);
    let nanosecond = if fraction.is_empty() {
        0
    } else {
        number::<u32>(fraction, 0, fraction.len(), kind)?.saturating_mul(10_u32.pow(zeros))
    };
    Ok(Some(Clock {
        hour,
        minute: number(clock, 3, 5, kind)?,
        second: number(clock, 6, 8, kind)?,
        nanosecond,
    }))
}

/// Digits at fixed places; the value is canonical, so they are there.
fn number<N: std::str::FromStr>(
    text: &str,
    from: usize,
    to: usize,
    kind: Kind,
) -> Result<N, OddValue> {
    let digits = text.get(from..to).and_then(|digits| digits.parse().ok());
    digits.ok_or(OddValue::NoForm {
        kind,
        reason: "it is not canonical",
    })
}
