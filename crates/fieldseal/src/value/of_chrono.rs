//! Dates and times of the library `chrono`.

use ::chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use fieldseal_model::{Kind, Value};

use super::calendar::{self, Clock, Day};
use super::{FieldValue, OddValue};

impl FieldValue for NaiveDate {
    const KIND: Kind = Kind::Date;

    fn to_value(&self) -> Result<Value, OddValue> {
        calendar::write(Self::KIND, Some(parts_of_day(self)?), None)
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        day(value, Self::KIND)
    }
}

/// A column without a zone: DATETIME, `timestamp`.
impl FieldValue for NaiveDateTime {
    const KIND: Kind = Kind::DateTime;

    fn to_value(&self) -> Result<Value, OddValue> {
        let (day, clock) = (parts_of_day(self)?, parts_of_clock(self, Self::KIND)?);
        calendar::write(Self::KIND, Some(day), Some(clock))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        Ok(day(value, Self::KIND)?.and_time(time(value, Self::KIND, "NaiveDateTime")?))
    }
}

/// An instant: TIMESTAMP, `timestamptz`.
impl FieldValue for DateTime<Utc> {
    const KIND: Kind = Kind::Timestamp;

    fn to_value(&self) -> Result<Value, OddValue> {
        let utc = self.naive_utc();
        let (day, clock) = (parts_of_day(&utc)?, parts_of_clock(&utc, Self::KIND)?);
        calendar::write(Self::KIND, Some(day), Some(clock))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        let day = day(value, Self::KIND)?;
        Ok(day
            .and_time(time(value, Self::KIND, "DateTime<Utc>")?)
            .and_utc())
    }
}

/// A time of day. MySQL's TIME may hold more than a day, or less than none: that does not fit.
impl FieldValue for NaiveTime {
    const KIND: Kind = Kind::Time;

    fn to_value(&self) -> Result<Value, OddValue> {
        calendar::write(Self::KIND, None, Some(parts_of_clock(self, Self::KIND)?))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        time(value, Self::KIND, "NaiveTime")
    }
}

fn parts_of_day(date: &impl Datelike) -> Result<Day, OddValue> {
    Ok(Day {
        year: date.year(),
        month: small(date.month(), Kind::Date)?,
        day: small(date.day(), Kind::Date)?,
    })
}

fn parts_of_clock(time: &impl Timelike, kind: Kind) -> Result<Clock, OddValue> {
    Ok(Clock {
        hour: small(time.hour(), kind)?,
        minute: small(time.minute(), kind)?,
        second: small(time.second(), kind)?,
        nanosecond: time.nanosecond(),
    })
}

/// chrono hands out parts below 60 as `u32`.
fn small(part: u32, kind: Kind) -> Result<u8, OddValue> {
    let reason = "it is no date or time";
    u8::try_from(part).map_err(|_| OddValue::NoForm { kind, reason })
}

fn day(value: &Value, kind: Kind) -> Result<NaiveDate, OddValue> {
    calendar::day(value, kind, "NaiveDate", |Day { year, month, day }| {
        NaiveDate::from_ymd_opt(year, month.into(), day.into())
    })
}

fn time(value: &Value, kind: Kind, rust: &'static str) -> Result<NaiveTime, OddValue> {
    calendar::time(value, kind, rust, |clock| {
        let (hour, minute, second) = (clock.hour.into(), clock.minute.into(), clock.second.into());
        NaiveTime::from_hms_nano_opt(hour, minute, second, clock.nanosecond)
    })
}

crate::pii::wipe_by_default!(NaiveDate, NaiveDateTime, DateTime<Utc>, NaiveTime);
