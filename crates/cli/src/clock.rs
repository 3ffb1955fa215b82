//! The wall clock, where it comes in. Owns reading it, and writing an instant as DMS writes its stamps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, as DMS stamps its records: `YYYY-MM-DDTHH:MM:SS.ffffffZ`. Stamps of this form compare as
/// texts.
pub(crate) fn now() -> String {
    stamp(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

/// Now, in milliseconds since 1970-01-01T00:00:00Z.
pub(crate) fn now_millis() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since_1970.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

fn stamp(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let micros = since_1970.subsec_micros();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// The Gregorian date that is `days` after 1970-01-01: years counted from March, in cycles of
/// 400 years (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn date(days: u64) -> (u64, u64, u64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01; a cycle has 146,097.
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March on: 31, 30, 31, 30, 31 days, over and over.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = cycle * 400 + year + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{now, stamp};

    #[test]
    fn stamps_are_dates_of_the_calendar() {
        // Seconds from `date --utc --date=… +%s`.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (1_709_251_200, "2024-03-01T00:00:00"),
            (1_735_689_599, "2024-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(
                stamp(Duration::new(seconds, 1_234_567)),
                format!("{expected}.001234Z")
            );
        }
    }

    #[test]
    fn now_has_the_form() {
        let now = now();
        assert_eq!(now.len(), "2024-01-01T00:00:00.000000Z".len());
        assert!(now.as_str() > "2024");
    }
}
