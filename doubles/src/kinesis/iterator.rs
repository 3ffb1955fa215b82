//! Shard iterators: what they hold and when they end (`API_GetShardIterator`: "A shard iterator expires 5
//! minutes after it is returned to the requester").

use super::encode::{open_token, seal_token};
use super::failure::{expired_iterator, invalid};
use super::shard::ShardId;
use crate::wire::Failure;

/// 5 minutes.
const LIFE: u64 = 300_000;
const KIND: &str = "iterator";

/// A place in a shard.
#[derive(Debug, PartialEq)]
pub(super) struct Iterator {
    pub(super) stream: String,
    /// Which stream of that name.
    pub(super) created: u64,
    pub(super) shard: ShardId,
    /// The lowest count that is still to be read.
    pub(super) from: u64,
    pub(super) issued: u64,
}

impl Iterator {
    pub(super) fn seal(&self) -> String {
        let shard = self.shard.to_string();
        let numbers = [self.created, self.from, self.issued].map(|number| number.to_string());
        let [created, from, issued] = &numbers;
        seal_token(&[KIND, &self.stream, created, &shard, from, issued])
    }

    pub(super) fn open(token: &str) -> Result<Self, Failure> {
        Self::parse(token).ok_or_else(|| invalid("Invalid ShardIterator."))
    }

    /// An error if it is too old.
    pub(super) fn check_age(&self, now: u64) -> Result<(), Failure> {
        if now.saturating_sub(self.issued) > LIFE {
            return Err(expired(self.issued, now));
        }
        Ok(())
    }

    fn parse(token: &str) -> Option<Self> {
        let parts = open_token(token)?;
        let [kind, stream, created, shard, from, issued] = &parts[..] else {
            return None;
        };
        (kind == KIND).then_some(Self {
            stream: stream.clone(),
            created: created.parse().ok()?,
            shard: ShardId::parse(shard)?,
            from: from.parse().ok()?,
            issued: issued.parse().ok()?,
        })
    }
}

pub(super) fn expired(issued: u64, now: u64) -> Failure {
    expired_iterator(&format!(
        "Iterator expired. The iterator was created at time {issued} while right now it is {now} which is \
         further in the future than the tolerated delay of {LIFE} milliseconds."
    ))
}

#[cfg(test)]
mod tests {
    use super::{Iterator, LIFE};
    use crate::kinesis::shard::ShardId;

    #[test]
    fn an_iterator_comes_back_and_ends_after_five_minutes() {
        let iterator = Iterator {
            stream: "shop".into(),
            created: 1,
            shard: ShardId(3),
            from: 7,
            issued: 10,
        };
        assert_eq!(Iterator::open(&iterator.seal()).unwrap(), iterator);
        assert!(iterator.check_age(10 + LIFE).is_ok());
        assert!(iterator.check_age(11 + LIFE).is_err());
        assert!(Iterator::open("AAAA").is_err());
    }
}
