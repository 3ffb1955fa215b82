//! Dates, datetimes, timestamps, times, and dates that are none.

use fieldseal_model::{Kind, ValueType, ZeroDate};

use super::{check, of, t, text};

#[test]
fn dates() {
    check(
        &of(Kind::Date),
        &[
            (t("2015-10-17"), "2015-10-17"),
            (t("2015-10-17T00:00:00Z"), "2015-10-17"),
            (t("2015-10-17 00:00:00.000000"), "2015-10-17"),
            (t("0001-01-01"), "0001-01-01"),
            (t("2015-10-17T00:00:01Z"), "not-a-date"),
            (t("2015-10-17T00:00:00.5Z"), "not-a-date"),
            (t("2015-02-29"), "not-a-date"),
            (t("2015-10-17T00:00:00+02:00"), "foreign-zone"),
            (t("02/29/1988"), "not-a-date"),
            (t("2015-1-2"), "not-a-date"),
            (t("0044-03-15 BC"), "not-a-date"),
            (t("20151017"), "not-a-date"),
            (t("infinity"), "not-a-date"),
            (t(""), "not-a-date"),
        ],
    );
}

#[test]
fn datetimes_lose_the_zone_that_dms_invents() {
    check(
        &of(Kind::DateTime),
        &[
            (t("2026-07-12T09:48:04Z"), "2026-07-12T09:48:04"),
            (t("2026-07-12 09:48:04"), "2026-07-12T09:48:04"),
            (
                t("2026-07-12T09:48:04.596147Z"),
                "2026-07-12T09:48:04.596147",
            ),
            (t("2026-07-12T09:48:04.100000Z"), "2026-07-12T09:48:04.1"),
            (
                t("2026-07-12T09:48:04.915241000Z"),
                "2026-07-12T09:48:04.915241",
            ),
            (t("2026-07-12T09:48:04.000000Z"), "2026-07-12T09:48:04"),
            (t("1970-01-01T00:00:00Z"), "1970-01-01T00:00:00"),
            (t("2026-07-12T09:48:04+00:00"), "2026-07-12T09:48:04"),
            (t("2026-07-12T09:48:04+02:00"), "foreign-zone"),
            (t("2026-07-12T09:48:04-00:30"), "foreign-zone"),
            (t("2026-07-12"), "not-a-datetime"),
            (t("2026-07-12T09:48Z"), "not-a-datetime"),
            (t("2026-07-12T09:48:04.Z"), "not-a-datetime"),
            (t("2026-07-12T09:48:04.1234567891Z"), "not-a-datetime"),
            (t("2026-07-12T09:48:60Z"), "not-a-datetime"),
            (t("2026-07-12T24:00:00Z"), "not-a-datetime"),
            (t("2026-02-30T09:48:04Z"), "not-a-datetime"),
            (t("2026-07-12t09:48:04z"), "not-a-datetime"),
            (t("2026-07-12T09:48:04 Europe/Berlin"), "not-a-datetime"),
            (t("2026-07-1é"), "not-a-datetime"),
        ],
    );
}

#[test]
fn timestamps_are_utc() {
    check(
        &of(Kind::Timestamp),
        &[
            (t("2026-07-12T09:48:04Z"), "2026-07-12T09:48:04Z"),
            (t("2026-07-12 09:48:04.500"), "2026-07-12T09:48:04.5Z"),
            (t("2026-07-12 09:48:04+00"), "2026-07-12T09:48:04Z"),
            (t("2026-07-12 09:48:04+0000"), "2026-07-12T09:48:04Z"),
            (t("2026-07-12 09:48:04+02"), "foreign-zone"),
            (t("2026-07-12T09:48:60Z"), "not-a-datetime"),
        ],
    );
}

#[test]
fn zero_dates_follow_the_policy() {
    for kind in [Kind::Date, Kind::DateTime, Kind::Timestamp] {
        for zero in [
            "0000-00-00",
            "0000-00-00T00:00:00Z",
            "0000-00-00 00:00:00.000000",
            "2020-00-01T00:00:00Z",
            "2020-01-00",
            "0000-05-06",
        ] {
            let mut ty = of(kind);
            assert_eq!(text(&t(zero), &ty), "zero-date", "{kind} {zero}");
            ty.zero_date = ZeroDate::Null;
            assert_eq!(text(&t(zero), &ty), "NULL", "{kind} {zero}");
        }
        let ty = ValueType {
            zero_date: ZeroDate::Null,
            ..of(kind)
        };
        for broken in [
            "0000-00-00x",
            "0000-00-00T",
            "0000-00-00Tab:cd:ef",
            "000-00-00",
        ] {
            let reason = text(&t(broken), &ty);
            assert!(
                reason.starts_with("not-a-date"),
                "{kind} {broken}: {reason}"
            );
        }
    }
}

#[test]
fn times() {
    check(
        &of(Kind::Time),
        &[
            (t("01:30:00"), "01:30:00"),
            (t("-00:01:00"), "-00:01:00"),
            (t("00:00:01.02999"), "00:00:01.02999"),
            (t("00:00:01.500000"), "00:00:01.5"),
            (t("838:59:59"), "838:59:59"),
            (t("-838:59:59"), "-838:59:59"),
            (t("012:00:00"), "12:00:00"),
            (t("-00:00:00"), "00:00:00"),
            (t("-00:00:00.000"), "00:00:00"),
            (t("839:00:00"), "not-a-time"),
            (t("1:00:00"), "not-a-time"),
            (t("01:00"), "not-a-time"),
            (t("01:00:60"), "not-a-time"),
            (t("01:00:00."), "not-a-time"),
            (t("01:00:00Z"), "not-a-time"),
            (t("1 day 04:00:00"), "not-a-time"),
            (t("-1 days -01:42:30"), "not-a-time"),
            (t(""), "not-a-time"),
        ],
    );
}
