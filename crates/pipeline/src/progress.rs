//! How far a run has come, for whoever shows it. Owns counters that are cheap to raise from many
//! tasks; draws nothing and knows no clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fieldseal_model::SequenceNumber;

/// Counters of one run, shared by its shards.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
    bytes: AtomicU64,
    applied: AtomicU64,
    quarantined: AtomicU64,
    shards: Mutex<BTreeMap<String, ShardProgress>>,
}

/// Where one shard stands.
#[derive(Clone, Debug)]
pub struct ShardProgress {
    /// The last record that is applied.
    pub checkpoint: SequenceNumber,
    /// How far behind its end, in the source's unit.
    pub lag: Option<u64>,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
}

impl Progress {
    /// New counters, all zero.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Records committed by this run.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Bytes of those records.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Changes that took effect.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// Records that went to quarantine.
    #[must_use]
    pub fn quarantined(&self) -> u64 {
        self.quarantined.load(Ordering::Relaxed)
    }

    /// Every shard by name.
    #[must_use]
    pub fn shards(&self) -> BTreeMap<String, ShardProgress> {
        self.shards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn committed(&self, records: u64, bytes: u64, applied: u64, quarantined: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.applied.fetch_add(applied, Ordering::Relaxed);
        self.quarantined.fetch_add(quarantined, Ordering::Relaxed);
    }

    pub(crate) fn shard(&self, name: &str, progress: ShardProgress) {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.insert(name.to_owned(), progress);
    }
}
