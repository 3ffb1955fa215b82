//! The values of a row, held in one piece of memory instead of many. Owns that it is wiped, also
//! when it grows.

use crate::plaintext::wipe;
use crate::{Canonical, Kind};

/// Canonical values, one behind the other. Plaintext: no `Debug`, no `Clone`; wiped on drop.
#[derive(Default)]
pub struct Values(Vec<u8>);

impl Drop for Values {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Which of the [`Values`] that gave it.
#[derive(Clone, Copy)]
pub struct Slot {
    kind: Kind,
    start: usize,
    end: usize,
}

impl Values {
    /// No value yet, and room for this many bytes of them.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds a copy of a value.
    pub fn push(&mut self, value: &Canonical<'_>) -> Slot {
        let (start, bytes) = (self.0.len(), value.expose());
        let end = start + bytes.len();
        if end > self.0.capacity() {
            drop(self.grow(end));
        }
        self.0.extend_from_slice(bytes);
        Slot {
            kind: value.kind(),
            start,
            end,
        }
    }

    /// Makes room for this many bytes, and answers the memory that held the values before, wiped: a
    /// vector that grows by itself leaves what it held in freed memory.
    fn grow(&mut self, bytes: usize) -> Vec<u8> {
        let mut larger = Vec::with_capacity(bytes.next_power_of_two());
        larger.extend_from_slice(&self.0);
        let mut smaller = std::mem::replace(&mut self.0, larger);
        wipe(&mut smaller);
        smaller
    }

    /// The value that is in `slot`.
    ///
    /// # Panics
    /// When other values gave the slot, and these have fewer bytes.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Canonical<'_> {
        Canonical::trust(slot.kind, &self.0[slot.start..slot.end])
    }
}

impl Slot {
    /// How many bytes the value has: a length is not a value.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether the value has no byte.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end == self.start
    }
}

#[cfg(test)]
mod tests {
    use super::Values;
    use crate::{Canonical, Kind, Value};

    #[test]
    fn values_stay_what_they_were_while_their_memory_grows() {
        let mut values = Values::with_capacity(3);
        let texts = ["ada", "", "a longer text than there was room for", "x"];
        let slots = texts.map(|text| values.push(&Canonical::lent_text(text)));
        let number = values.push(&Value::float(1.5).unwrap());
        for (slot, text) in slots.into_iter().zip(texts) {
            assert!(values.get(slot).expose() == text.as_bytes());
            assert_eq!((slot.len(), slot.is_empty()), (text.len(), text.is_empty()));
        }
        assert!(values.get(number).kind() == Kind::Float);
        assert!(values.get(number).expose() == 1.5_f64.to_be_bytes());
    }

    #[test]
    fn the_memory_that_was_too_small_is_wiped() {
        let mut values = Values::with_capacity(16);
        let slot = values.push(&Canonical::lent_text("ada lovelace"));
        let (address, capacity) = (values.0.as_ptr(), values.0.capacity());
        let left = values.grow(100);
        assert_eq!((left.as_ptr(), left.len()), (address, capacity));
        assert!(left.iter().all(|byte| *byte == 0));
        assert!(values.0.as_ptr() != address && values.0.capacity() >= 100);
        assert!(values.get(slot).expose() == b"ada lovelace");

        // A push that finds too little room goes that way: by itself the vector would make room for
        // what is needed, or twice of what there was.
        let mut values = Values::with_capacity(16);
        let text = "thirty-five bytes in all, as it is.";
        values.push(&Canonical::lent_text(text));
        assert_eq!(text.len(), 35);
        assert!(values.0.capacity() >= 64, "{}", values.0.capacity());
    }
}
