//! What a double was asked, and how it answered, by operation. Counts only, no bodies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts of calls; clones are the same counts.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    received: BTreeMap<String, u64>,
    /// By operation and error code; `Dropped` for a connection that was cut.
    failed: BTreeMap<(String, String), u64>,
}

impl Calls {
    /// How often this operation was called, successfully or not, each try by itself.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        let counts = self.counts();
        counts.received.get(operation).copied().unwrap_or_default()
    }

    /// All calls.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts().received.values().sum()
    }

    /// Calls by operation.
    #[must_use]
    pub fn by_operation(&self) -> BTreeMap<String, u64> {
        self.counts().received.clone()
    }

    /// Failed calls by operation and error code. A connection that was cut counts as `Dropped`.
    #[must_use]
    pub fn failed(&self) -> BTreeMap<(String, String), u64> {
        self.counts().failed.clone()
    }

    /// Begins at zero again.
    pub fn reset(&self) {
        *self.counts() = Counts::default();
    }

    pub(crate) fn received(&self, operation: &str) {
        let mut counts = self.counts();
        *counts.received.entry(operation.to_owned()).or_default() += 1;
    }

    pub(crate) fn failed_with(&self, operation: &str, code: &str) {
        let key = (operation.to_owned(), code.to_owned());
        *self.counts().failed.entry(key).or_default() += 1;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
