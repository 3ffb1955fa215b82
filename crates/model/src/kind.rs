//! The kinds of values (`docs/FORMAT.md`, section 3) and what a policy says beside the kind.

use std::fmt;
use std::str::FromStr;

/// What a value is, as the policy declares it, whatever type it arrived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `z`: NULL, sealed only where the column says `seal_null`.
    Null,
    /// `t`: UTF-8 text exactly as stored.
    Text,
    /// `i`: an integer of any size.
    Integer,
    /// `d`: a decimal number of any size.
    Decimal,
    /// `f`: an IEEE-754 binary64.
    Float,
    /// `o`: a boolean.
    Boolean,
    /// `b`: raw bytes.
    Bytes,
    /// `u`: a UUID, 16 bytes.
    Uuid,
    /// `j`: JSON text as received.
    Json,
    /// `D`: a date.
    Date,
    /// `N`: a date and time with no zone.
    DateTime,
    /// `U`: an instant, in UTC.
    Timestamp,
    /// `T`: a time of day or a duration up to 838 hours.
    Time,
}

impl Kind {
    /// Every kind a policy may name (all but NULL), with its name.
    pub const NAMED: [(&'static str, Self); 12] = [
        ("text", Self::Text),
        ("integer", Self::Integer),
        ("decimal", Self::Decimal),
        ("float", Self::Float),
        ("boolean", Self::Boolean),
        ("bytes", Self::Bytes),
        ("uuid", Self::Uuid),
        ("json", Self::Json),
        ("date", Self::Date),
        ("datetime", Self::DateTime),
        ("timestamp", Self::Timestamp),
        ("time", Self::Time),
    ];

    /// The kind byte of the sealed plaintext and of the row key.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Null => b'z',
            Self::Text => b't',
            Self::Integer => b'i',
            Self::Decimal => b'd',
            Self::Float => b'f',
            Self::Boolean => b'o',
            Self::Bytes => b'b',
            Self::Uuid => b'u',
            Self::Json => b'j',
            Self::Date => b'D',
            Self::DateTime => b'N',
            Self::Timestamp => b'U',
            Self::Time => b'T',
        }
    }

    /// The kind with this byte.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        if code == b'z' {
            return Some(Self::Null);
        }
        Self::NAMED
            .iter()
            .map(|(_, kind)| *kind)
            .find(|kind| kind.code() == code)
    }

    /// The policy's word for the kind.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("null", |(name, _)| name)
    }

    /// Whether a key column may have this kind (`docs/FORMAT.md`, section 2).
    #[must_use]
    pub const fn may_be_key(self) -> bool {
        matches!(
            self,
            Self::Integer
                | Self::Text
                | Self::Bytes
                | Self::Uuid
                | Self::Decimal
                | Self::Date
                | Self::DateTime
                | Self::Timestamp
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown kind; the kinds are text, integer, decimal, float, boolean, bytes, uuid, json, date, datetime, timestamp and time"
)]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::NAMED
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, k)| *k)
            .ok_or(UnknownKind)
    }
}

/// What becomes of a zero or partial date (`0000-00-00`, `2020-00-01`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroDate {
    /// The value is refused: the record goes to quarantine.
    #[default]
    Error,
    /// The value becomes NULL.
    Null,
}

/// A kind with the details that conversion to canonical bytes needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueType {
    /// The kind.
    pub kind: Kind,
    /// `bytes`: BINARY(n), padded on the right with 00 to this many bytes. `float`: 32 for a
    /// FLOAT column (rounded to binary32 first), else absent. `uuid`: 16 for BINARY(16), padded alike.
    pub width: Option<u32>,
    /// `bytes`: BIT(n), n > 1, held as ⌈n/8⌉ bytes big-endian.
    pub bits: Option<u16>,
    /// `decimal`: digits after the point that opening puts back and beyond which it refuses.
    pub scale: Option<u32>,
    /// `text`: CHAR(n), which loses trailing spaces.
    pub fixed_char: bool,
    /// `date`, `datetime`, `timestamp`: what a zero date becomes.
    pub zero_date: ZeroDate,
}

impl ValueType {
    /// A kind with no further detail.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        Self {
            kind,
            width: None,
            bits: None,
            scale: None,
            fixed_char: false,
            zero_date: ZeroDate::Error,
        }
    }
}
