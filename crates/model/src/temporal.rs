//! The canonical forms of dates and times. Owns which texts are real dates; knows no clock and
//! no zone rules.

/// `YYYY-MM-DD`, years 0001–9999, real days of the proleptic Gregorian calendar.
pub(crate) fn is_date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (
        number(&[*y1, *y2, *y3, *y4]),
        number(&[*m1, *m2]),
        number(&[*d1, *d2]),
    ) else {
        return false;
    };
    year >= 1 && day >= 1 && day <= days_in_month(year, month)
}

/// `YYYY-MM-DDTHH:MM:SS` with an optional fraction.
pub(crate) fn is_datetime(text: &[u8]) -> bool {
    let Some((date, time)) = text.split_at_checked(10) else {
        return false;
    };
    let Some((b'T', time)) = time.split_first() else {
        return false;
    };
    let Some((clock, fraction)) = time.split_at_checked(8) else {
        return false;
    };
    is_date(date) && is_clock(clock, 23) && is_fraction(fraction)
}

/// As [`is_datetime`], then `Z`.
pub(crate) fn is_timestamp(text: &[u8]) -> bool {
    text.strip_suffix(b"Z").is_some_and(is_datetime)
}

/// `-?HH:MM:SS` with two or three digits of hours up to 838, an optional fraction, never minus
/// zero.
pub(crate) fn is_time(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let negative = unsigned.len() != text.len();
    let Some(colon) = unsigned.iter().position(|b| *b == b':') else {
        return false;
    };
    let (hours, rest) = unsigned.split_at(colon);
    // Three digits only when two would not do.
    let hours_ok = match hours {
        [_, _] => number(hours).is_some(),
        [b'1'..=b'9', _, _] => number(hours).is_some_and(|h| h <= 838),
        _ => false,
    };
    let Some((minutes_seconds, fraction)) = rest.split_at_checked(6) else {
        return false;
    };
    let [b':', m1, m2, b':', s1, s2] = minutes_seconds else {
        return false;
    };
    let in_hour = |a: u8, b: u8| number(&[a, b]).is_some_and(|n| n <= 59);
    let zero = unsigned.iter().all(|b| !matches!(b, b'1'..=b'9'));
    hours_ok
        && in_hour(*m1, *m2)
        && in_hour(*s1, *s2)
        && is_fraction(fraction)
        && !(negative && zero)
}

/// `HH:MM:SS` with hours up to `max_hour`; second 60 is refused.
fn is_clock(text: &[u8], max_hour: u32) -> bool {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else {
        return false;
    };
    number(&[*h1, *h2]).is_some_and(|n| n <= max_hour)
        && number(&[*m1, *m2]).is_some_and(|n| n <= 59)
        && number(&[*s1, *s2]).is_some_and(|n| n <= 59)
}

/// Empty, or `.` and 1–9 digits of which the last is not 0.
fn is_fraction(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b'.', digits @ ..] => {
            (1..=9).contains(&digits.len())
                && digits.iter().all(u8::is_ascii_digit)
                && digits.last() != Some(&b'0')
        }
        _ => false,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

fn days_in_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_date, is_datetime, is_time, is_timestamp};

    #[test]
    fn real_dates_only() {
        for good in ["0001-01-01", "2000-02-29", "9999-12-31"] {
            assert!(is_date(good.as_bytes()), "{good}");
        }
        for bad in [
            "0000-01-01",
            "1900-02-29",
            "2023-04-31",
            "2023-13-01",
            "2023-1-01",
            "2023-01-00",
            "",
        ] {
            assert!(!is_date(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn datetimes_and_timestamps() {
        assert!(is_datetime(b"2026-07-12T09:48:04.596147"));
        assert!(is_timestamp(b"2026-07-12T09:48:04Z"));
        for bad in [
            "2026-07-12T09:48:60",
            "2026-07-12T24:00:00",
            "2026-07-12T09:48:04.",
            "2026-07-12T09:48:04.50",
            "2026-07-12 09:48:04",
            "2026-07-12T09:48:04Z",
            "2026-07-12T09:48:04.1234567891",
        ] {
            assert!(!is_datetime(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn times_up_to_838_hours() {
        for good in [
            "00:00:00",
            "-00:00:01",
            "99:59:59",
            "838:59:59",
            "-838:59:59.5",
        ] {
            assert!(is_time(good.as_bytes()), "{good}");
        }
        for bad in [
            "-00:00:00",
            "839:00:00",
            "0:00:00",
            "012:00:00",
            "10:60:00",
            "10:00",
            "-00:00:00.0",
        ] {
            assert!(!is_time(bad.as_bytes()), "{bad}");
        }
    }
}
