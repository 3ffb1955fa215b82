//! Randomness with a seed that can be printed and set again. Owns no distribution.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Write as _;

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From the seed in `FIELDSEAL_TEST_SEED`, or from a new one; printed under this name.
    ///
    /// # Panics
    /// If the variable is no number.
    #[must_use]
    pub fn seeded(name: &str) -> Self {
        let seed = std::env::var("FIELDSEAL_TEST_SEED").map_or_else(
            |_| RandomState::new().build_hasher().finish(),
            |text| text.parse().expect("FIELDSEAL_TEST_SEED is a number"),
        );
        // Not by `println!`, which a test that passes swallows. Nobody is there to miss it.
        let _ = writeln!(std::io::stderr(), "{name}: FIELDSEAL_TEST_SEED={seed}");
        Self(seed)
    }

    /// From this seed.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; the tiny bias of the remainder does not matter here.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }
}
