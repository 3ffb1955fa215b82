//! The planted values. Owns which values are distinctive enough to be searched for.

use std::collections::HashSet;

/// A shorter value could stand in clear text or in random bytes by chance.
const MIN_BYTES: usize = 10;
const MIN_CHARS: usize = 6;

/// Every planted value, once.
///
/// A value is planted when it has 6 characters and 10 bytes or more. The shortest pattern of a
/// 10-byte value is 12 characters of base64 (72 bits; hexadecimal has 80, raw bytes too), so one
/// GiB of random base64 text holds one of 2^18 such values by chance with a probability below
/// 2^-22 (2^30 places, 2^18 values, 3 alignments), and random bytes with one below 2^-31. Card
/// numbers' last four digits and short names are sealed but not planted. No kept column can hold
/// a planted value: nobody in the shop was born in a year in which anything happened in it.
#[derive(Default)]
pub struct Needles(HashSet<Box<str>>);

impl Needles {
    /// Adds a value, unless it is too short to be told from chance.
    pub fn plant(&mut self, value: &str) {
        let distinctive = value.len() >= MIN_BYTES && value.chars().nth(MIN_CHARS - 1).is_some();
        if distinctive && !self.0.contains(value) {
            self.0.insert(value.into());
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values in one fixed order.
    pub(crate) fn sorted(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.0.iter().map(|value| &**value).collect();
        all.sort_unstable();
        all
    }
}
