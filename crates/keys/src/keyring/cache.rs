//! What is remembered for a while. Owns the maximum age; does not know how to load anything.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Values that are forgotten `max_age` after they were put in, whether or not they are used.
///
/// Forgetting is what makes a revoked access take effect, so an entry's age is never renewed.
/// Entries past their age are dropped (keys: wiped) by the next insertion at the latest.
pub(super) struct Cache<K, V> {
    max_age: Duration,
    capacity: usize,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    value: V,
    until: Instant,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn new(max_age: Duration, capacity: usize) -> Self {
        Self {
            max_age,
            capacity,
            entries: Mutex::new(HashMap::new()),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(key)
            .filter(|entry| Instant::now() < entry.until)
            .map(|entry| entry.value.clone())
    }

    /// Remembers `value`. A full cache remembers nothing new until something has aged: a flood
    /// of made-up ids must not grow the process.
    pub(super) fn put(&self, key: K, value: V) {
        let now = Instant::now();
        let until = now + self.max_age;
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now < entry.until);
        if entries.len() < self.capacity {
            entries.insert(key, Entry { value, until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn use_does_not_renew_the_age() {
        let cache = Cache::new(Duration::from_secs(10), 8);
        cache.put("key", 1);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(cache.get(&"key"), Some(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.get(&"key"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_keeps_what_it_has_and_recovers_with_age() {
        let cache = Cache::new(Duration::from_secs(10), 2);
        for id in 0..5 {
            cache.put(id, id);
        }
        let kept: Vec<_> = (0..5).filter_map(|id| cache.get(&id)).collect();
        assert_eq!(kept, [0, 1]);
        tokio::time::advance(Duration::from_secs(10)).await;
        cache.put(9, 9);
        assert_eq!(cache.get(&9), Some(9));
        let entries = cache.entries.lock().unwrap();
        assert_eq!(
            entries.len(),
            1,
            "aged entries are dropped, not only hidden"
        );
    }
}
