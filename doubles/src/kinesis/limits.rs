//! What one shard bears per second (Developer Guide, "Quotas and limits"; `API_GetRecords`,
//! `API_PutRecords`). Times come from the caller's clock.

/// 2 MiB/s to read, 1 MiB/s to write.
const READ_BYTES: u64 = 2 << 20;
const WRITE_BYTES: u64 = 1 << 20;
const WRITE_RECORDS: u64 = 1000;
/// `API_GetRecords`, `API_GetShardIterator`: five transactions per second per shard.
pub(super) const CALLS_PER_SHARD: usize = 5;

/// Bytes read, drained at 2 MiB/s. More than a second's worth in hand means that the shard says no until
/// all of it is drained: so an answer of 10 MiB is followed by five seconds of refusals, as the page says.
#[derive(Debug, Default)]
pub(super) struct ReadLimit {
    level: Level,
    refusing: bool,
}

impl ReadLimit {
    pub(super) fn admit(&mut self, now: u64) -> bool {
        self.level.drain(now, READ_BYTES);
        self.refusing &= self.level.height > 0;
        !self.refusing
    }

    pub(super) fn read(&mut self, bytes: u64) {
        self.level.height += bytes * 1000;
        self.refusing = self.level.height > READ_BYTES * 1000;
    }
}

/// Records and bytes written, each with a second's worth of room.
#[derive(Debug, Default)]
pub(super) struct WriteLimit {
    records: Level,
    bytes: Level,
}

impl WriteLimit {
    /// Whether a record of this size may pass; if so it is counted.
    pub(super) fn admit(&mut self, now: u64, bytes: u64) -> bool {
        self.records.drain(now, WRITE_RECORDS);
        self.bytes.drain(now, WRITE_BYTES);
        let free = self.records.height + 1000 <= WRITE_RECORDS * 1000
            && self.bytes.height + bytes * 1000 <= WRITE_BYTES * 1000;
        if free {
            self.records.height += 1000;
            self.bytes.height += bytes * 1000;
        }
        free
    }
}

/// A leaking bucket in thousandths, so that a millisecond's leak is a whole number.
#[derive(Debug, Default)]
struct Level {
    height: u64,
    at: u64,
}

impl Level {
    fn drain(&mut self, now: u64, per_second: u64) {
        let leaked = now.saturating_sub(self.at).saturating_mul(per_second);
        self.height = self.height.saturating_sub(leaked);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::{ReadLimit, WriteLimit};

    #[test]
    fn ten_mebibytes_are_followed_by_five_seconds_of_refusals() {
        let mut limit = ReadLimit::default();
        assert!(limit.admit(0));
        limit.read(10 << 20);
        assert!(!limit.admit(4999));
        assert!(limit.admit(5000));
        limit.read(2 << 20);
        assert!(limit.admit(5000), "a second's worth is no debt");
    }

    #[test]
    fn a_thousand_records_or_a_mebibyte_a_second() {
        let mut limit = WriteLimit::default();
        assert!((0..1000).all(|_| limit.admit(0, 10)));
        assert!(!limit.admit(0, 10));
        assert!(limit.admit(1, 10), "one has leaked after a millisecond");
        let mut limit = WriteLimit::default();
        assert!(limit.admit(0, 1 << 20));
        assert!(!limit.admit(0, 1));
        assert!(limit.admit(1000, 1 << 20));
    }
}
