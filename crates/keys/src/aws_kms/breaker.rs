//! When KMS is asked again after it did not answer. Owns the pause; does not know what a call is.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first call that had no answer, doubled by each further one.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);
/// After a pause one call goes ahead; the others wait this long for how it ends.
const TRIAL: Duration = Duration::from_secs(2);

/// Lets calls through, until one had no answer after all its attempts. Then calls are refused
/// without being made, for a pause with jitter, after which one may try.
///
/// Without it an outage would be met by every task that needs a key, each with its own attempts;
/// and a second wrap, in another region, would only be tried after the first one's time is up.
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::default()))
    }

    /// Whether a call may be made; if not, for how long.
    pub(super) fn admit(&self) -> Result<(), Duration> {
        let mut state = self.state();
        let Some(until) = state.until else {
            return Ok(());
        };
        let now = Instant::now();
        if now < until {
            return Err(until - now);
        }
        state.until = Some(now + TRIAL);
        Ok(())
    }

    /// KMS answered, whatever it said.
    pub(super) fn answered(&self) {
        *self.state() = State::default();
    }

    /// A call had no answer, or only to come again.
    pub(super) fn failed(&self) {
        let mut state = self.state();
        let doubled = FIRST.saturating_mul(1 << state.failures.min(10));
        state.failures = state.failures.saturating_add(1);
        state.until = Some(Instant::now() + jittered(doubled.min(LONGEST)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between half of `pause` and all of it, so that the workers of a fleet come back one by one.
fn jittered(pause: Duration) -> Duration {
    // The standard library seeds each hasher from the operating system: random enough to spread.
    let drawn = RandomState::new().build_hasher().finish() % 1024;
    let share = u32::try_from(drawn).unwrap_or(0);
    pause / 2 + pause / 2048 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_call_tries_after_the_pause_and_an_answer_lets_all_through() {
        let breaker = Breaker::new();
        assert!(breaker.admit().is_ok());
        breaker.failed();
        let pause = breaker.admit().unwrap_err();
        assert!((FIRST / 2..=FIRST).contains(&pause), "{pause:?}");
        tokio::time::advance(pause).await;
        assert!(breaker.admit().is_ok(), "the trial");
        assert!(breaker.admit().is_err(), "the others wait for it");
        breaker.answered();
        assert!(breaker.admit().is_ok() && breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_limit_and_a_lost_trial_does_not_stop_it_for_good() {
        let breaker = Breaker::new();
        for _ in 0..40 {
            breaker.failed();
        }
        let pause = breaker.admit().unwrap_err();
        assert!((LONGEST / 2..=LONGEST).contains(&pause), "{pause:?}");
        tokio::time::advance(pause).await;
        assert!(breaker.admit().is_ok(), "its task is dropped half-way");
        tokio::time::advance(TRIAL).await;
        assert!(breaker.admit().is_ok());
    }
}
