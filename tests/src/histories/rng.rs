//! Repeatable randomness: one number makes a whole history. Owns what a history draws; the
//! generator is `random`'s.

use crate::random::Random;

/// Draws from one seed.
pub(super) struct Rng(Random);

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Random::from_seed(seed))
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0.number()
    }

    /// Below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below a usize")
    }

    /// From `least` to `most`, both included.
    pub(super) fn between(&mut self, least: u32, most: u32) -> u32 {
        let span = u64::from(most - least) + 1;
        least + u32::try_from(self.next() % span).expect("it is below a u32")
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `items`, if there are any.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        (!items.is_empty()).then(|| items[self.below(items.len())])
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
