//! Finds very many patterns in one pass. Owns the table of windows.
//!
//! Every spelling of every planted value is known by eight of its bytes: of some places in the
//! pattern, those that the fewest other patterns share. The eight bytes at each place of a file
//! are looked up in a Bloom filter of one word per look-up, then in the sorted list of windows,
//! and only then compared with the pattern, which is spelled anew: the patterns themselves, ten
//! times the size of the values, are not kept.

use std::ops::Range;

use super::encoding::Encoding;
use crate::steps::Steps;
use crate::{Needles, Told};

const WINDOW: usize = 8;

/// So many places of a pattern are tried for its window, spread over its length.
const PLACES: usize = 16;

/// Counters for how common a window is: 2^22 of them.
const COUNTER_BITS: u32 = 22;

/// The planted values in every spelling, ready to be searched for.
pub struct Index {
    needles: Vec<Box<str>>,
    /// Sorted by window.
    entries: Vec<Entry>,
    /// Where the entries begin whose windows begin with the index's bits.
    starts: Vec<u32>,
    starts_bits: u32,
    /// Three bits in one word for every window: most bytes of a file end here.
    filter: Vec<u64>,
    filter_bits: u32,
    longest: usize,
}

struct Entry {
    /// Eight bytes of the pattern, mixed.
    window: u64,
    needle: u32,
    /// Where the window stands in the pattern.
    offset: u32,
    encoding: Encoding,
}

impl Index {
    /// Prepares the search for `needles`: about 30 bytes per pattern, and about ten patterns per
    /// value.
    ///
    /// # Panics
    /// With more than 2^28 needles.
    #[must_use]
    pub fn new(needles: &Needles) -> Self {
        Self::new_telling(needles, &mut |_, _| {})
    }

    /// The same, and tells of the values that were looked at as it goes, each of them twice.
    ///
    /// # Panics
    /// With more than 2^28 needles.
    #[must_use]
    pub fn new_telling(needles: &Needles, told: Told<'_>) -> Self {
        assert!(needles.len() <= 1 << 28, "too many needles");
        let needles: Vec<Box<str>> = needles.sorted().into_iter().map(Box::from).collect();
        let (mut entries, longest) = entries(&needles, told);
        entries.sort_unstable_by_key(|entry| entry.window);

        let filter_bits = (entries.len() / 4).next_power_of_two().ilog2().max(4);
        let mut filter = vec![0; 1 << filter_bits];
        let starts_bits = entries.len().next_power_of_two().ilog2().max(4);
        let mut starts = vec![0_u32; (1 << starts_bits) + 1];
        for entry in &entries {
            filter[top(entry.window, filter_bits)] |= three_bits(entry.window);
            starts[top(entry.window, starts_bits) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self {
            needles,
            entries,
            starts,
            starts_bits,
            filter,
            filter_bits,
            longest,
        }
    }

    /// How many planted values are searched for.
    #[must_use]
    pub fn needles(&self) -> usize {
        self.needles.len()
    }

    /// How many patterns they have.
    #[must_use]
    pub fn patterns(&self) -> usize {
        self.entries.len()
    }

    /// The longest pattern's bytes.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// Tells `found` of every pattern in `bytes`: which needle, how spelled, and where.
    pub(super) fn scan(&self, bytes: &[u8], mut found: impl FnMut(usize, Encoding, Range<usize>)) {
        for (at, window) in bytes.windows(WINDOW).enumerate() {
            let window = mix(window);
            let bits = three_bits(window);
            if self.filter[top(window, self.filter_bits)] & bits != bits {
                continue;
            }
            for entry in self.entries_of(window) {
                let Some(start) = at.checked_sub(entry.offset as usize) else {
                    continue;
                };
                let needle = entry.needle as usize;
                let spelled = entry.encoding.spell(&self.needles[needle]);
                if let Some(pattern) = spelled.filter(|pattern| bytes[start..].starts_with(pattern))
                {
                    found(needle, entry.encoding, start..start + pattern.len());
                }
            }
        }
    }

    fn entries_of(&self, window: u64) -> impl Iterator<Item = &Entry> {
        let slot = top(window, self.starts_bits);
        let range = self.starts[slot] as usize..self.starts[slot + 1] as usize;
        self.entries[range]
            .iter()
            .filter(move |entry| entry.window == window)
    }
}

/// One entry for each pattern, and the longest pattern's bytes.
fn entries(needles: &[Box<str>], told: Told<'_>) -> (Vec<Entry>, usize) {
    let mut steps = Steps::new(2 * needles.len() as u64, told);
    let mut common = vec![0_u8; 1 << COUNTER_BITS];
    for value in needles {
        for (_, pattern) in patterns(value) {
            for (_, window) in places(&pattern) {
                let counter = &mut common[top(window, COUNTER_BITS)];
                *counter = counter.saturating_add(1);
            }
        }
        steps.advance(1);
    }
    let mut entries = Vec::with_capacity(needles.len() * 10);
    let mut longest = 0;
    for (needle, value) in (0..).zip(needles) {
        for (encoding, pattern) in patterns(value) {
            let rarest = places(&pattern).min_by_key(|(_, w)| common[top(*w, COUNTER_BITS)]);
            let (offset, window) = rarest.expect("a pattern is longer than a window");
            longest = longest.max(pattern.len());
            entries.push(Entry {
                window,
                needle,
                offset,
                encoding,
            });
        }
        steps.advance(1);
    }
    (entries, longest)
}

fn patterns(value: &str) -> impl Iterator<Item = (Encoding, Vec<u8>)> {
    let spelled = |encoding: Encoding| Some((encoding, encoding.spell(value)?));
    Encoding::ALL.into_iter().filter_map(spelled)
}

/// Some windows of a pattern with their offsets.
fn places(pattern: &[u8]) -> impl Iterator<Item = (u32, u64)> {
    let step = (pattern.len() / PLACES).max(1);
    let windows = (0_u32..).zip(pattern.windows(WINDOW)).step_by(step);
    windows.map(|(offset, window)| (offset, mix(window)))
}

/// Eight bytes as a number whose bits all depend on them; no two windows give the same.
fn mix(window: &[u8]) -> u64 {
    let number = u64::from_le_bytes(window.try_into().unwrap_or_default());
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// The upper `bits` bits.
#[expect(clippy::cast_possible_truncation, reason = "32 bits at most are left")]
const fn top(window: u64, bits: u32) -> usize {
    (window >> (64 - bits)) as usize
}

/// Three bits of a word, told by bits that [`top`] does not use.
const fn three_bits(window: u64) -> u64 {
    1 << (window & 63) | 1 << (window >> 6 & 63) | 1 << (window >> 12 & 63)
}
