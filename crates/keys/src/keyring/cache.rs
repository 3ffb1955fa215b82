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
    /// None: no clock runs so far.
    until: Option<Instant>,
}

impl<V> Entry<V> {
    fn is_fresh(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
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
            .filter(|entry| entry.is_fresh(Instant::now()))
            .map(|entry| entry.value.clone())
    }

    /// Remembers `value`, as [`put_all`](Self::put_all) does.
    pub(super) fn put(&self, key: K, value: V) {
        self.put_all([(key, value)]);
    }

    /// Remembers all of `values`. A full cache remembers nothing new until something has aged: a
    /// flood of made-up ids must not grow the process.
    pub(super) fn put_all(&self, values: impl IntoIterator<Item = (K, V)>) {
        let now = Instant::now();
        let until = now.checked_add(self.max_age);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.is_fresh(now));
        for (key, value) in values {
            if entries.len() >= self.capacity {
                break;
            }
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
    async fn an_age_past_the_end_of_the_clock_is_never_reached() {
        let cache = Cache::new(Duration::MAX, 8);
        cache.put("key", 1);
        tokio::time::advance(Duration::from_secs(1 << 30)).await;
        cache.put("other", 2);
        assert_eq!((cache.get(&"key"), cache.get(&"other")), (Some(1), Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_keeps_what_it_has_and_recovers_with_age() {
        let cache = Cache::new(Duration::from_secs(10), 2);
        cache.put(0, 0);
        cache.put_all((1..4).map(|id| (id, id)));
        cache.put(4, 4);
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
