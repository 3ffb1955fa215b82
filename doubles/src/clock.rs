//! The doubles' clock: the machine's, moved forward or held still by a test. Everything that AWS does by
//! time (iterators that expire, records that are trimmed, limits per second) reads this clock. Latency is
//! not its business: a call really takes that long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// A clock that all parts of a double share; clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Mutex<Hands>>);

#[derive(Debug, Default)]
struct Hands {
    /// Milliseconds ahead of the machine's clock.
    ahead: u64,
    /// Where it stands, if it is held.
    held: Option<u64>,
}

impl Clock {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        let hands = self.hands();
        hands.held.unwrap_or_else(|| machine() + hands.ahead)
    }

    /// Moves it forward; also when it is held.
    pub fn advance(&self, by: Duration) {
        let by = millis(by);
        let mut hands = self.hands();
        hands.ahead += by;
        hands.held = hands.held.map(|at| at + by);
    }

    /// Stops it where it stands: from here only [`Clock::advance`] moves it.
    pub fn hold(&self) {
        let now = self.now();
        self.hands().held = Some(now);
    }

    /// Lets it run again. What it has not shown while it was held, it skips.
    pub fn release(&self) {
        self.hands().held = None;
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place of this package that reads the machine's clock; tests hold it still here"
)]
fn machine() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    millis(since.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use std::time::Duration;

    #[test]
    fn a_held_clock_moves_only_when_it_is_told_to() {
        let clock = Clock::default();
        clock.hold();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        clock.clone().advance(Duration::from_secs(300));
        assert_eq!(clock.now(), start + 300_000);
        clock.release();
        assert!(clock.now() >= start + 300_000);
    }
}
