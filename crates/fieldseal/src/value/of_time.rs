//! Dates and times of the library `time`.

use ::time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use fieldseal_model::{Kind, Value};

use super::calendar::{self, Clock, Day};
use super::{FieldValue, OddValue};
use crate::pii::{Wipe, overwrite};

impl FieldValue for Date {
    const KIND: Kind = Kind::Date;

    fn to_value(&self) -> Result<Value, OddValue> {
        calendar::write(Self::KIND, Some(parts_of_day(*self)), None)
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        day(value, Self::KIND)
    }
}

/// A column without a zone: DATETIME, `timestamp`.
impl FieldValue for PrimitiveDateTime {
    const KIND: Kind = Kind::DateTime;

    fn to_value(&self) -> Result<Value, OddValue> {
        let (day, clock) = (parts_of_day(self.date()), parts_of_clock(self.time()));
        calendar::write(Self::KIND, Some(day), Some(clock))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        let day = day(value, Self::KIND)?;
        Ok(Self::new(
            day,
            time(value, Self::KIND, "PrimitiveDateTime")?,
        ))
    }
}

/// An instant: TIMESTAMP, `timestamptz`. Any offset is sealed as the same instant in UTC, and
/// comes back in UTC.
impl FieldValue for OffsetDateTime {
    const KIND: Kind = Kind::Timestamp;

    fn to_value(&self) -> Result<Value, OddValue> {
        let utc = self.checked_to_offset(UtcOffset::UTC);
        let utc = utc.ok_or(OddValue::NoForm {
            kind: Self::KIND,
            reason: "its year is not between 1 and 9999",
        })?;
        let (day, clock) = (parts_of_day(utc.date()), parts_of_clock(utc.time()));
        calendar::write(Self::KIND, Some(day), Some(clock))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        let day = day(value, Self::KIND)?;
        let time = time(value, Self::KIND, "OffsetDateTime")?;
        Ok(PrimitiveDateTime::new(day, time).assume_utc())
    }
}

/// A time of day. MySQL's TIME may hold more than a day, or less than none: that does not fit.
impl FieldValue for Time {
    const KIND: Kind = Kind::Time;

    fn to_value(&self) -> Result<Value, OddValue> {
        calendar::write(Self::KIND, None, Some(parts_of_clock(*self)))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        time(value, Self::KIND, "Time")
    }
}

fn parts_of_day(date: Date) -> Day {
    Day {
        year: date.year(),
        month: date.month().into(),
        day: date.day(),
    }
}

fn parts_of_clock(time: Time) -> Clock {
    let (hour, minute, second, nanosecond) = time.as_hms_nano();
    Clock {
        hour,
        minute,
        second,
        nanosecond,
    }
}

fn day(value: &Value, kind: Kind) -> Result<Date, OddValue> {
    calendar::day(value, kind, "Date", |Day { year, month, day }| {
        let month = Month::try_from(month).ok()?;
        Date::from_calendar_date(year, month, day).ok()
    })
}

fn time(value: &Value, kind: Kind, rust: &'static str) -> Result<Time, OddValue> {
    calendar::time(value, kind, rust, |clock| {
        Time::from_hms_nano(clock.hour, clock.minute, clock.second, clock.nanosecond).ok()
    })
}

impl Wipe for Date {
    fn wipe(&mut self) {
        overwrite(self, Self::MIN);
    }
}

impl Wipe for PrimitiveDateTime {
    fn wipe(&mut self) {
        overwrite(self, Self::MIN);
    }
}

impl Wipe for OffsetDateTime {
    fn wipe(&mut self) {
        overwrite(self, Self::UNIX_EPOCH);
    }
}

impl Wipe for Time {
    fn wipe(&mut self) {
        overwrite(self, Self::MIDNIGHT);
    }
}
