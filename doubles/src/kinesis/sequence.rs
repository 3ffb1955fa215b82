//! Sequence numbers: they grow within a shard (Developer Guide, "Sequence Number"), and from a parent to its
//! children. Which shard and which life of a stream one belongs to can be told from it, as AWS can by a
//! public report ("Invalid StartingSequenceNumber. It encodes shardId-…", boto/boto3 issue 1478). AWS does
//! not say how: 56 digits are what its examples show (AWS CLI Command Reference, `kinesis list-shards`), and
//! their parts are the double's own.

use std::fmt;

/// Digits of a number: prefix 2, base 16, count 22, shard 16.
const DIGITS: usize = 56;
/// AWS's numbers begin so.
const PREFIX: &str = "49";

/// The number of one record. The order of the fields is the order of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sequence {
    /// Grows with each resharding, so that children follow their parents.
    pub(super) base: u64,
    /// Grows with each record of the shard, with gaps (`API_PutRecords`: numbers are not indexes).
    pub(super) count: u64,
    pub(super) shard: u64,
}

impl Sequence {
    /// `None` if no double can have given out such a number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let rest = text.strip_prefix(PREFIX)?;
        Some(Self {
            base: rest[..16].parse().ok()?,
            count: rest[16..38].parse().ok()?,
            shard: rest[38..].parse().ok()?,
        })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, count, shard } = self;
        write!(f, "{PREFIX}{base:016}{count:022}{shard:016}")
    }
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    #[test]
    fn a_number_has_56_digits_and_comes_back() {
        let number = Sequence {
            base: 1_795_000_000_000,
            count: 77,
            shard: 12,
        };
        let text = number.to_string();
        assert_eq!(text.len(), 56);
        assert_eq!(Sequence::parse(&text), Some(number));
        assert_eq!(Sequence::parse("0"), None);
        assert_eq!(Sequence::parse(&text.replace("49", "50")), None);
    }
}
