//! What a target applies at once. Owns the shape, and that only sealing fills it: the fields of
//! [`SealedRow`] and [`SealedBatch`] can be read by anyone and set by nobody outside.

use fieldseal_model::{Generation, Operation, Position, RowKey, RowVersion, SequenceNumber};

use crate::Bound;

/// The effects of a run of records, planned, coalesced and sealed. No `Debug`.
pub struct SealedBatch {
    pub(crate) origin: Origin,
    pub(crate) tables: Vec<TableUse>,
    pub(crate) rows: Vec<SealedRow>,
    pub(crate) quarantine: Vec<QuarantineEntry>,
    pub(crate) taints: Vec<Taint>,
    pub(crate) load_starts: Vec<LoadStart>,
    pub(crate) counts: Vec<Counts>,
}

impl SealedBatch {
    /// Where the records came from, and what to move when the batch is committed.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Every table the batch touches, in table order; locked before anything is read.
    #[must_use]
    pub fn tables(&self) -> &[TableUse] {
        &self.tables
    }

    /// Whether the table locks must be exclusive: something deletes, taints, or begins.
    #[must_use]
    pub fn needs_exclusive(&self) -> bool {
        !self.taints.is_empty()
            || !self.load_starts.is_empty()
            || self
                .rows
                .iter()
                .any(|row| matches!(row.change, RowChange::Delete))
    }

    /// Rows to write or delete: sorted by table and key, no key twice.
    #[must_use]
    pub fn rows(&self) -> &[SealedRow] {
        &self.rows
    }

    /// Records to keep sealed.
    #[must_use]
    pub fn quarantine(&self) -> &[QuarantineEntry] {
        &self.quarantine
    }

    /// Tables whose order can no longer be trusted.
    #[must_use]
    pub fn taints(&self) -> &[Taint] {
        &self.taints
    }

    /// Loads that were seen to start.
    #[must_use]
    pub fn load_starts(&self) -> &[LoadStart] {
        &self.load_starts
    }

    /// What to count beside the rows' own outcomes.
    #[must_use]
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }
}

/// Where a batch came from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A run of records of a shard.
    Shard {
        /// Which shard.
        shard: String,
        /// Under which fence it is held.
        fence: i64,
        /// The checkpoint before.
        from: SequenceNumber,
        /// The checkpoint behind.
        to: SequenceNumber,
        /// The highest source position seen so far in the present epoch.
        high: Option<Position>,
    },
    /// One record that was held in quarantine.
    Held {
        /// Its number in the quarantine.
        id: i64,
        /// The shard it came from, whose counters count it.
        shard: String,
    },
}

impl Origin {
    /// The shard whose counters count the batch.
    #[must_use]
    pub fn shard(&self) -> &str {
        match self {
            Self::Shard { shard, .. } | Self::Held { shard, .. } => shard,
        }
    }
}

/// A table the batch touches.
#[derive(Clone, Copy, Debug)]
pub struct TableUse {
    /// Its number in the policy's order.
    pub table: usize,
    /// The revision of its labels that the batch was planned under.
    pub revision: i64,
}

/// One row to write or delete. No `Debug`: kept columns are in it.
pub struct SealedRow {
    pub(crate) table: usize,
    pub(crate) key: RowKey,
    pub(crate) key_columns: Vec<Bound>,
    pub(crate) version: RowVersion,
    pub(crate) counted_as: Option<Operation>,
    pub(crate) change: RowChange,
}

/// What happens to the row.
pub enum RowChange {
    /// Written whole: one value for each column of the layout that is no key column.
    Upsert(Vec<Bound>),
    /// Deleted, and its version kept as a tombstone.
    Delete,
}

impl SealedRow {
    /// The table's number in the policy's order.
    #[must_use]
    pub const fn table(&self) -> usize {
        self.table
    }

    /// The row key.
    #[must_use]
    pub const fn key(&self) -> &RowKey {
        &self.key
    }

    /// The key columns' values in policy order.
    #[must_use]
    pub fn key_columns(&self) -> &[Bound] {
        &self.key_columns
    }

    /// What orders it.
    #[must_use]
    pub const fn version(&self) -> RowVersion {
        self.version
    }

    /// The operation it is counted as; `None` for the half of a changed key that clears the old
    /// row away.
    #[must_use]
    pub const fn counted_as(&self) -> Option<Operation> {
        self.counted_as
    }

    /// What happens to the row.
    #[must_use]
    pub const fn change(&self) -> &RowChange {
        &self.change
    }
}

/// A record that could not be applied, sealed whole.
#[derive(Clone)]
pub struct QuarantineEntry {
    /// The record's place.
    pub sequence: SequenceNumber,
    /// Which object of the record.
    pub index: u32,
    /// The table's number, when the policy knows it.
    pub table: Option<usize>,
    /// The operation, when it was read.
    pub operation: Option<Operation>,
    /// Why, in words that never change.
    pub reason: &'static str,
    /// The column at fault, when the policy knows it.
    pub column: Option<String>,
    /// The generation a load belonged to: it cannot be completed while this is held.
    pub generation: Option<Generation>,
    /// Length of the record in bytes.
    pub size: u64,
    /// The record, sealed as a free value.
    pub payload: Vec<u8>,
}

/// A table whose order can no longer be trusted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// The table's number.
    pub table: usize,
    /// Why, in words that never change.
    pub reason: &'static str,
}

/// A `drop-table` record inside an open generation: a load has started. A second one with
/// another stamp means that the load was started again, and taints the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadStart {
    /// The table's number.
    pub table: usize,
    /// The generation at its place.
    pub generation: Generation,
    /// The record's stamp.
    pub stamp: String,
}

/// Counts of records by operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Loads.
    pub loads: u64,
    /// Inserts.
    pub inserts: u64,
    /// Updates.
    pub updates: u64,
    /// Deletes.
    pub deletes: u64,
}

impl Operations {
    /// Counts one more.
    pub fn add(&mut self, operation: Operation) {
        *match operation {
            Operation::Load => &mut self.loads,
            Operation::Insert => &mut self.inserts,
            Operation::Update => &mut self.updates,
            Operation::Delete => &mut self.deletes,
        } += 1;
    }
}

/// What a batch saw of one table that is not a row's outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The table's number; `None` counts records of no table of the policy.
    pub table: Option<usize>,
    /// Records that a newer one of the same batch made needless.
    pub superseded: u64,
    /// Records that went to quarantine.
    pub quarantined: u64,
    /// Control records.
    pub controls: u64,
    /// DMS's own tables, and tables the policy skips.
    pub ignored: u64,
    /// Columns left out because the policy does not list them.
    pub unlisted_columns: u64,
}
