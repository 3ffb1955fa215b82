//! What orders all changes of one row, and the one comparison (`docs/ORDERING.md`).

use std::fmt;

use crate::{Position, SourceOrder};

/// One lineage of source positions, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u32);

/// One full load of one table, counted from 1 within the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u32);

/// `epoch:u32 | position:u64 | sub:u32`, big-endian, compared as bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowVersion([u8; 16]);

impl RowVersion {
    /// Below every version.
    pub const ZERO: Self = Self([0; 16]);

    /// The default of the version column: a row written by anyone but Fieldseal. Above every
    /// version, so the stream never overwrites it.
    pub const FOREIGN: Self = Self([0xff; 16]);

    /// The version of an insert, update or delete. `None` when the record number is the last
    /// u32, which would leave no room above it.
    #[must_use]
    pub fn of_change(epoch: Epoch, order: SourceOrder) -> Option<Self> {
        let sub = order.record.checked_add(1)?;
        let version = Self::compose(epoch, order.position, sub);
        (version < Self::FOREIGN).then_some(version)
    }

    /// The version of a row loaded by a generation that began at `position`: below every change
    /// at that position.
    #[must_use]
    pub fn of_load(epoch: Epoch, position: Position) -> Self {
        Self::compose(epoch, position, 0)
    }

    fn compose(epoch: Epoch, position: Position, sub: u32) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&epoch.0.to_be_bytes());
        bytes[4..12].copy_from_slice(&position.0.to_be_bytes());
        bytes[12..].copy_from_slice(&sub.to_be_bytes());
        Self(bytes)
    }

    /// From the sixteen stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether a change of this version is applied to a row whose stored version (row or
    /// tombstone) is `stored`, in a table that accepts nothing below `floor`. Equal is a
    /// duplicate: nothing is written.
    #[must_use]
    pub fn supersedes(self, stored: Option<Self>, floor: Self) -> bool {
        self >= floor && stored.is_none_or(|stored| self > stored)
    }
}

impl fmt::Debug for RowVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |range: std::ops::Range<usize>| {
            self.0[range]
                .iter()
                .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
        };
        write!(f, "{}|{:#x}|{}", part(0..4), part(4..12), part(12..16))
    }
}

#[cfg(test)]
mod tests {
    use super::{Epoch, RowVersion};
    use crate::{Engine, Position, SourceOrder};

    fn change(epoch: u32, position: u64, record: u32) -> RowVersion {
        let order = SourceOrder {
            engine: Engine::MySql,
            position: Position(position),
            record,
        };
        RowVersion::of_change(Epoch(epoch), order).unwrap()
    }

    #[test]
    fn order_is_epoch_then_position_then_record() {
        let load = RowVersion::of_load(Epoch(1), Position(10));
        assert!(load > change(1, 9, 500));
        assert!(load < change(1, 10, 0));
        assert!(change(1, 10, 1) < change(1, 10, 2));
        assert!(change(1, u64::MAX, 9) < RowVersion::of_load(Epoch(2), Position(0)));
        assert!(change(1, 10, 1) < RowVersion::FOREIGN);
    }

    #[test]
    fn supersedes_is_strict_and_respects_the_floor() {
        let (old, new) = (change(1, 10, 1), change(1, 11, 1));
        assert!(new.supersedes(Some(old), RowVersion::ZERO));
        assert!(!old.supersedes(Some(old), RowVersion::ZERO));
        assert!(!old.supersedes(Some(new), RowVersion::ZERO));
        assert!(old.supersedes(None, RowVersion::ZERO));
        assert!(!old.supersedes(None, new));
        assert!(new.supersedes(None, new));
        assert!(!new.supersedes(Some(RowVersion::FOREIGN), RowVersion::ZERO));
    }

    #[test]
    fn the_last_record_number_has_no_version() {
        let order = SourceOrder {
            engine: Engine::MySql,
            position: Position(1),
            record: u32::MAX,
        };
        assert!(RowVersion::of_change(Epoch(1), order).is_none());
    }
}
