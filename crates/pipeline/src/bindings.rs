//! What a target column can hold, and turning a canonical value into a parameter that it will
//! not refuse. Owns ranges and lengths; the target says which column has which type.
//!
//! Binding cannot fail on data later because everything that could fail fails here, where the
//! record at fault is still known and goes to quarantine alone.

mod json;

use bytes::Bytes;
use fieldseal_model::{Canonical, Kind, ValueType};

/// A column as the target describes it.
#[derive(Clone, Debug)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub ty: TargetType,
    /// Whether it takes NULL.
    pub nullable: bool,
}

/// What a target column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetType {
    /// Any integer within bounds.
    Integer {
        /// The least.
        min: i128,
        /// The greatest.
        max: i128,
    },
    /// A boolean type of its own.
    Boolean,
    /// An exact number; no bounds means any.
    Decimal {
        /// Digits in all, and digits behind the point.
        precision: Option<(u32, u32)>,
        /// MySQL's DECIMAL UNSIGNED: nothing below zero.
        unsigned: bool,
    },
    /// A binary float.
    Float {
        /// Whether it is a binary32.
        single: bool,
    },
    /// Text.
    Text {
        /// At most this many characters.
        max_chars: Option<u64>,
        /// At most this many bytes of UTF-8.
        max_bytes: Option<u64>,
        /// CHAR(n): trailing spaces do not count.
        fixed: bool,
        /// Whether NUL characters can be held.
        nul: bool,
    },
    /// One of these labels, or for a set any of them joined by commas.
    Choice {
        /// In declared order.
        labels: Vec<String>,
        /// Whether several may be joined.
        set: bool,
    },
    /// Raw bytes.
    Bytes {
        /// At most this many.
        max: Option<u64>,
    },
    /// BIT(n).
    Bits {
        /// n.
        width: u16,
    },
    /// JSON.
    Json {
        /// MySQL's own type: a number with a point, or beyond 64 bits, becomes a double.
        doubles: bool,
    },
    /// A UUID type of its own.
    Uuid,
    /// A date.
    Date,
    /// Date and time without a zone.
    DateTime {
        /// Digits of the fraction of a second.
        digits: u32,
    },
    /// An instant.
    Timestamp {
        /// Digits of the fraction of a second.
        digits: u32,
        /// MySQL's TIMESTAMP: only 1970-01-01T00:00:01 to 2038-01-19T03:14:07 UTC.
        narrow: bool,
    },
    /// A time of day, or a duration where the target allows.
    Time {
        /// Digits of the fraction of a second.
        digits: u32,
        /// Whether negative times and times beyond 24 hours can be held.
        durations: bool,
    },
    /// A type this crate does not know: the text goes to the server's own input function, and a
    /// refusal there quarantines the record.
    Opaque,
}

impl TargetType {
    /// How a kept cell is read for this column.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        let of = ValueType::of;
        match self {
            Self::Integer { .. } => of(Kind::Integer),
            Self::Boolean => of(Kind::Boolean),
            Self::Decimal { .. } => of(Kind::Decimal),
            Self::Float { single } => ValueType {
                width: single.then_some(32),
                ..of(Kind::Float)
            },
            Self::Text { fixed, .. } => ValueType {
                fixed_char: *fixed,
                ..of(Kind::Text)
            },
            Self::Choice { .. } | Self::Opaque => of(Kind::Text),
            Self::Bytes { .. } => of(Kind::Bytes),
            Self::Bits { width } => ValueType {
                bits: Some(*width),
                ..of(Kind::Bytes)
            },
            Self::Json { .. } => of(Kind::Json),
            Self::Uuid => of(Kind::Uuid),
            Self::Date => of(Kind::Date),
            Self::DateTime { .. } => of(Kind::DateTime),
            Self::Timestamp { .. } => of(Kind::Timestamp),
            Self::Time { .. } => of(Kind::Time),
        }
    }
}

impl TargetType {
    /// Whether a column of this type gives a value of `ty` back just as it took it: what sealed
    /// values are bound to must be read as it was written.
    #[must_use]
    pub fn carries(&self, ty: &ValueType) -> bool {
        match (self, ty.kind) {
            (Self::Integer { .. }, Kind::Integer)
            | (Self::Decimal { .. }, Kind::Decimal)
            | (Self::Choice { .. }, Kind::Text)
            | (Self::Bytes { .. }, Kind::Bytes | Kind::Uuid)
            | (Self::Uuid, Kind::Uuid)
            | (Self::Date, Kind::Date)
            | (Self::DateTime { .. }, Kind::DateTime)
            | (Self::Timestamp { .. }, Kind::Timestamp) => true,
            (Self::Decimal { precision, .. }, Kind::Integer) => {
                precision.is_none_or(|(_, behind)| behind == 0)
            }
            // CHAR(n) loses trailing spaces.
            (Self::Text { fixed, .. }, Kind::Text) => !fixed || ty.fixed_char,
            (Self::Bits { width }, Kind::Bytes) => ty.bits == Some(*width),
            _ => false,
        }
    }
}

/// A parameter for one column. No `Debug`: it may be a kept cell.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Bound {
    /// NULL.
    Null,
    /// An integer.
    Int(i64),
    /// An integer beyond `i64`.
    Unsigned(u64),
    /// Text, also of numbers, dates and times, in the form every server reads exactly.
    Text(String),
    /// Bytes: of a sealed value, those that were sealed with it lie beside it.
    Bytes(Bytes),
}

/// A value that the column cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DoesNotFit;

/// The parameter that puts `value` into a column of type `ty`.
///
/// # Errors
/// [`DoesNotFit`] when the column cannot hold the value exactly.
pub(crate) fn bind(value: &Canonical<'_>, ty: &TargetType) -> Result<Bound, DoesNotFit> {
    if value.is_null() {
        return Ok(Bound::Null);
    }
    match (ty, value.kind()) {
        (TargetType::Integer { min, max }, Kind::Integer | Kind::Boolean) => {
            integer(text(value)?, *min, *max)
        }
        // `false` and `true` are what PostgreSQL reads.
        (TargetType::Boolean, Kind::Boolean) => Ok(Bound::Text(
            if value.expose() == b"1" {
                "true"
            } else {
                "false"
            }
            .to_owned(),
        )),
        (
            TargetType::Decimal {
                precision,
                unsigned,
            },
            Kind::Decimal | Kind::Integer,
        ) => decimal(text(value)?, *precision, *unsigned),
        (TargetType::Float { .. }, Kind::Float) => float(value),
        (
            TargetType::Text {
                max_chars,
                max_bytes,
                nul,
                ..
            },
            kind,
        ) if is_text(kind) => {
            let text = text(value)?;
            let chars = max_chars.is_none_or(|max| text.chars().count() as u64 <= max);
            let bytes = max_bytes.is_none_or(|max| text.len() as u64 <= max);
            fits(chars && bytes && (*nul || !text.contains('\0')), text)
        }
        (TargetType::Choice { labels, set }, Kind::Text) => {
            let text = text(value)?;
            let known = |label: &str| labels.iter().any(|l| l == label);
            let ok = if *set {
                text.is_empty() || text.split(',').all(known)
            } else {
                known(text)
            };
            fits(ok, text)
        }
        (TargetType::Bytes { max }, Kind::Bytes | Kind::Uuid) => {
            let ok = max.is_none_or(|max| value.expose().len() as u64 <= max);
            ok.then(|| Bound::Bytes(Bytes::copy_from_slice(value.expose())))
                .ok_or(DoesNotFit)
        }
        (TargetType::Bits { width }, Kind::Bytes) => bits(value.expose(), *width),
        (TargetType::Json { doubles }, Kind::Json) => {
            let text = text(value)?;
            let numbers = !doubles || json::numbers_stay(text);
            fits(numbers && !text.contains("\\u0000"), text)
        }
        (TargetType::Uuid, Kind::Uuid) => Ok(Bound::Text(hyphenated(value.expose()))),
        (TargetType::Date, Kind::Date) => Ok(Bound::Text(text(value)?.to_owned())),
        (TargetType::DateTime { digits }, Kind::DateTime) => datetime(text(value)?, *digits),
        (TargetType::Timestamp { digits, narrow }, Kind::Timestamp) => {
            timestamp(text(value)?, *digits, *narrow)
        }
        (TargetType::Time { digits, durations }, Kind::Time) => {
            time(text(value)?, *digits, *durations)
        }
        (TargetType::Opaque, kind) if is_text(kind) => Ok(Bound::Text(text(value)?.to_owned())),
        _ => Err(DoesNotFit),
    }
}

const fn is_text(kind: Kind) -> bool {
    !matches!(kind, Kind::Float | Kind::Bytes | Kind::Uuid | Kind::Null)
}

fn text<'a>(value: &'a Canonical<'_>) -> Result<&'a str, DoesNotFit> {
    value.expose_text().ok_or(DoesNotFit)
}

fn fits(ok: bool, text: &str) -> Result<Bound, DoesNotFit> {
    ok.then(|| Bound::Text(text.to_owned())).ok_or(DoesNotFit)
}

fn integer(text: &str, min: i128, max: i128) -> Result<Bound, DoesNotFit> {
    let number: i128 = text.parse().map_err(|_| DoesNotFit)?;
    if number < min || number > max {
        return Err(DoesNotFit);
    }
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Ok(Bound::Int(number)),
        (_, Ok(number)) => Ok(Bound::Unsigned(number)),
        _ => Err(DoesNotFit),
    }
}

fn decimal(text: &str, precision: Option<(u32, u32)>, unsigned: bool) -> Result<Bound, DoesNotFit> {
    // A canonical zero has no sign.
    let magnitude = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    // A whole part of 0 takes no digit: DECIMAL(2,2) holds 0.99.
    let whole_digits = if whole == "0" { 0 } else { whole.len() };
    let sign = !(unsigned && text.starts_with('-'));
    let digits = precision.is_none_or(|(all, behind)| {
        whole_digits <= all.saturating_sub(behind) as usize && fraction.len() <= behind as usize
    });
    fits(sign && digits, text)
}

fn float(value: &Canonical<'_>) -> Result<Bound, DoesNotFit> {
    let raw: [u8; 8] = value.expose().try_into().map_err(|_| DoesNotFit)?;
    // The shortest text that reads back as the same number.
    Ok(Bound::Text(format!("{:?}", f64::from_be_bytes(raw))))
}

/// MySQL takes the number of a BIT(n) as big-endian bytes.
fn bits(bytes: &[u8], width: u16) -> Result<Bound, DoesNotFit> {
    let significant = bytes
        .iter()
        .position(|b| *b != 0)
        .map_or(&[][..], |at| &bytes[at..]);
    let used = significant.first().map_or(0, |first| {
        significant.len() * 8 - first.leading_zeros() as usize
    });
    if used > usize::from(width) {
        return Err(DoesNotFit);
    }
    Ok(Bound::Bytes(Bytes::copy_from_slice(bytes)))
}

fn hyphenated(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from(if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            }));
        }
    }
    out
}

fn fraction_fits(text: &str, digits: u32) -> Result<(), DoesNotFit> {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    if fraction.trim_end_matches('Z').len() <= digits as usize {
        Ok(())
    } else {
        Err(DoesNotFit)
    }
}

fn datetime(text: &str, digits: u32) -> Result<Bound, DoesNotFit> {
    fraction_fits(text, digits)?;
    Ok(Bound::Text(text.replacen('T', " ", 1)))
}

fn timestamp(text: &str, digits: u32, narrow: bool) -> Result<Bound, DoesNotFit> {
    fraction_fits(text, digits)?;
    // Texts of equal form compare as instants do.
    if narrow && !("1970-01-01T00:00:01".."2038-01-19T03:14:08").contains(&&text[..19]) {
        return Err(DoesNotFit);
    }
    let local = text.replacen('T', " ", 1);
    // MySQL's session is in UTC and takes no zone; the others read one.
    Ok(Bound::Text(if narrow {
        local.trim_end_matches('Z').to_owned()
    } else {
        local
    }))
}

fn time(text: &str, digits: u32, durations: bool) -> Result<Bound, DoesNotFit> {
    fraction_fits(text, digits)?;
    let of_day = !text.starts_with('-') && text.as_bytes()[2] == b':' && &text[..2] < "24";
    fits(durations || of_day, text)
}

#[cfg(test)]
mod tests {
    use super::{Bound, TargetType, bind};
    use fieldseal_model::{Kind, Value};

    fn value(kind: Kind, text: &str) -> Value {
        Value::from_canonical(kind, text.as_bytes().to_vec()).unwrap()
    }

    fn shown(kind: Kind, text: &str, ty: &TargetType) -> Option<String> {
        bind(&value(kind, text), ty).ok().map(|bound| match bound {
            Bound::Int(number) => number.to_string(),
            Bound::Unsigned(number) => format!("u{number}"),
            Bound::Text(text) => text,
            Bound::Bytes(bytes) => format!("{bytes:?}"),
            Bound::Null => "null".to_owned(),
        })
    }

    #[test]
    fn integers_keep_to_their_range() {
        let bigint_unsigned = TargetType::Integer {
            min: 0,
            max: u64::MAX.into(),
        };
        let int = |text| shown(Kind::Integer, text, &bigint_unsigned);
        assert_eq!(
            int("18446744073709551615").as_deref(),
            Some("u18446744073709551615")
        );
        assert_eq!(int("18446744073709551616"), None);
        assert_eq!(int("-1"), None);
        assert_eq!(int("45").as_deref(), Some("45"));
    }

    #[test]
    fn decimals_keep_to_their_digits() {
        let money = TargetType::Decimal {
            precision: Some((6, 2)),
            unsigned: false,
        };
        let decimal = |text| shown(Kind::Decimal, text, &money);
        assert_eq!(decimal("1234.5").as_deref(), Some("1234.5"));
        assert_eq!(decimal("12345"), None);
        assert_eq!(decimal("1.234"), None);
        let fraction = |unsigned| TargetType::Decimal {
            precision: Some((2, 2)),
            unsigned,
        };
        let fits = |text, unsigned| shown(Kind::Decimal, text, &fraction(unsigned)).is_some();
        assert!(fits("-0.99", false) && fits("0.99", true) && fits("0", true));
        assert!(!fits("-0.99", true), "UNSIGNED takes no negative number");
    }

    #[test]
    fn times_keep_every_digit_or_do_not_fit() {
        let seconds = TargetType::DateTime { digits: 0 };
        let micros = TargetType::DateTime { digits: 6 };
        let stamp = "2026-07-12T09:48:04.596147";
        assert_eq!(shown(Kind::DateTime, stamp, &seconds), None);
        assert_eq!(
            shown(Kind::DateTime, stamp, &micros).as_deref(),
            Some("2026-07-12 09:48:04.596147")
        );
        let mysql = TargetType::Timestamp {
            digits: 0,
            narrow: true,
        };
        assert_eq!(
            shown(Kind::Timestamp, "2026-07-12T09:48:04Z", &mysql).as_deref(),
            Some("2026-07-12 09:48:04")
        );
        assert_eq!(shown(Kind::Timestamp, "2039-07-12T09:48:04Z", &mysql), None);
        let of_day = TargetType::Time {
            digits: 0,
            durations: false,
        };
        assert_eq!(shown(Kind::Time, "838:59:59", &of_day), None);
        assert_eq!(
            shown(Kind::Time, "23:59:59", &of_day).as_deref(),
            Some("23:59:59")
        );
    }

    #[test]
    fn texts_labels_and_bits() {
        let short = TargetType::Text {
            max_chars: Some(3),
            max_bytes: None,
            fixed: false,
            nul: false,
        };
        assert_eq!(shown(Kind::Text, "äöü", &short).as_deref(), Some("äöü"));
        assert_eq!(shown(Kind::Text, "äöüß", &short), None);
        assert_eq!(shown(Kind::Text, "a\0", &short), None);
        let set = TargetType::Choice {
            labels: vec!["a".into(), "b".into()],
            set: true,
        };
        assert_eq!(shown(Kind::Text, "a,b", &set).as_deref(), Some("a,b"));
        assert_eq!(shown(Kind::Text, "a,c", &set), None);
        let bits = TargetType::Bits { width: 10 };
        assert!(bind(&Value::bytes(vec![0x03, 0xff]), &bits).is_ok());
        assert!(bind(&Value::bytes(vec![0x04, 0x00]), &bits).is_err());
    }

    #[test]
    fn floats_read_back_as_themselves() {
        let ty = TargetType::Float { single: false };
        let number = 0.1_f64 + 0.2;
        let Ok(Bound::Text(text)) = bind(&Value::float(number).unwrap(), &ty) else {
            panic!("a float fits a float column")
        };
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
    }
}
