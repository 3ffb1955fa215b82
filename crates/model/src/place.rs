//! Where a record stands in its stream. Owns the order of sequence numbers within one shard;
//! knows no Kinesis and no file.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A place in one shard: decimal digits of any length, compared as numbers. Kinesis: the
/// sequence number (up to 128 digits); files: the byte offset behind the record.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SequenceNumber(String);

/// A text that is not 1–128 decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sequence number is 1 to 128 decimal digits")]
pub struct InvalidSequence;

impl SequenceNumber {
    /// Before everything in a shard.
    #[must_use]
    pub fn start() -> Self {
        Self("0".to_owned())
    }

    /// The decimal digits, without leading zeros.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for SequenceNumber {
    fn from(offset: u64) -> Self {
        Self(offset.to_string())
    }
}

impl FromStr for SequenceNumber {
    type Err = InvalidSequence;

    fn from_str(text: &str) -> Result<Self, InvalidSequence> {
        let digits =
            !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(InvalidSequence);
        }
        let trimmed = text.trim_start_matches('0');
        Ok(Self(
            if trimmed.is_empty() { "0" } else { trimmed }.to_owned(),
        ))
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        // No leading zeros: the longer number is the larger one.
        self.0
            .len()
            .cmp(&other.0.len())
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where one DMS object stands: shard, sequence number, and its number in the record (from 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The shard's name.
    pub shard: String,
    /// The record's sequence number.
    pub sequence: SequenceNumber,
    /// Which object of the record: 0 unless several were joined.
    pub index: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} at {}", self.shard, self.sequence)?;
        if self.index > 0 {
            write!(f, " object {}", self.index)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SequenceNumber;

    fn seq(text: &str) -> SequenceNumber {
        text.parse().unwrap()
    }

    #[test]
    fn compared_as_numbers() {
        assert!(seq("9") < seq("10"));
        assert!(seq("0") < seq("1"));
        assert_eq!(seq("007"), seq("7"));
        assert!(seq("49664459213214506049272029928136046394554240732946759682") > seq("99"));
        for bad in ["", "-1", "1a", " 1"] {
            assert!(bad.parse::<SequenceNumber>().is_err());
        }
    }
}
