//! How often this process has sealed with a key. Owns the process' own hard limit, which holds
//! whatever the database says; the fleet's budget is in the crate `keys`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::KeyId;

/// At most this many seals per data key: with random 96-bit nonces a collision is then rarer
/// than 2^-37 (NIST SP 800-38D, section 8.3, allows 2^32 seals).
pub const MAX_SEALS: u32 = 1 << 30;

/// A limit on one key's seals in this process, never above [`MAX_SEALS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The hard limit.
    pub const HARD: Self = Self(MAX_SEALS);

    /// At most `seals`, and never more than [`MAX_SEALS`].
    #[must_use]
    pub const fn at_most(seals: u32) -> Self {
        Self(if seals < MAX_SEALS { seals } else { MAX_SEALS })
    }
}

/// The key may not seal that often any more in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process has sealed as often with key {key_id} as it may; make the next data key")]
pub struct BudgetExhausted {
    /// The key.
    pub key_id: KeyId,
}

/// The count of one key, shared by every copy of that key in this process.
#[derive(Clone)]
pub(crate) struct Uses(Arc<AtomicU32>);

/// Kept for the life of the process: a key that left a cache and came back must not count from
/// nothing. 20-odd bytes for each key ever used.
static COUNTS: LazyLock<Mutex<HashMap<KeyId, Uses>>> = LazyLock::new(Mutex::default);

impl Uses {
    pub(crate) fn of(id: KeyId) -> Self {
        // The map holds counters only, so a panic elsewhere cannot have left it half changed.
        let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .entry(id)
            .or_insert_with(|| Self(Arc::new(AtomicU32::new(0))))
            .clone()
    }

    /// Counts `n` more, or none at all when that would pass the limit.
    pub(crate) fn reserve(&self, n: u32, limit: Limit) -> bool {
        self.0
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(n).filter(|sum| *sum <= limit.0)
            })
            .is_ok()
    }
}
