//! One piece of work for all who ask for it at the same time. Owns joining; does not know what
//! the work is and remembers no result.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, WeakShared};

use crate::error::KeyringError;

/// The work under way, by what it is for.
///
/// The map holds the work weakly: it belongs to those who wait for it. If all of them go away,
/// it is dropped half-way and the next to ask begins anew; if the first goes away, another one
/// drives it on. A failure is shared like a success, so that a thousand waiters make one failing
/// call and not a thousand.
pub(super) struct Flights<K, V> {
    running: Mutex<HashMap<K, WeakShared<BoxFuture<'static, Outcome<V>>>>>,
}

type Outcome<V> = Result<V, KeyringError>;

impl<K: Eq + Hash + Clone, V: Clone + Send + Sync + 'static> Flights<K, V> {
    pub(super) fn new() -> Self {
        Self {
            running: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for the work on `key`, beginning it with `start` unless it is under way.
    pub(super) async fn join<F>(&self, key: &K, start: impl FnOnce() -> F) -> Outcome<V>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let flight = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            // Work that has ended is never joined: what its result stood for may be used up.
            let joined = running
                .get(key)
                .and_then(WeakShared::upgrade)
                .filter(|flight| flight.peek().is_none());
            joined.unwrap_or_else(|| {
                running.retain(|_, flight| flight.upgrade().is_some());
                let flight = start().boxed().shared();
                let weak = flight
                    .downgrade()
                    .expect("work that has just begun has not ended");
                running.insert(key.clone(), weak);
                flight
            })
        };
        flight.await
    }
}
