//! How many calls a second may have: a sliding window on the caller's clock.

use std::collections::VecDeque;

/// Calls within the last second.
#[derive(Debug, Default)]
pub(crate) struct CallLimit(VecDeque<u64>);

impl CallLimit {
    /// Whether one more may pass; if so it is counted.
    pub(crate) fn admit(&mut self, now: u64, per_second: usize) -> bool {
        while self.0.front().is_some_and(|at| at + 1000 <= now) {
            self.0.pop_front();
        }
        let free = self.0.len() < per_second;
        if free {
            self.0.push_back(now);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::CallLimit;

    #[test]
    fn a_second_bears_so_many_calls() {
        let mut limit = CallLimit::default();
        assert!((0..5).all(|at| limit.admit(at, 5)));
        assert!(!limit.admit(999, 5));
        assert!(limit.admit(1000, 5));
        assert!(!limit.admit(1000, 5));
    }
}
