//! The values of a row, held in one piece of memory instead of many. Owns that it is wiped, also
//! when it grows.

use zeroize::Zeroizing;

use crate::{Canonical, Kind};

/// Canonical values, one behind the other. Plaintext: no `Debug`, no `Clone`; wiped on drop.
#[derive(Default)]
pub struct Values(Zeroizing<Vec<u8>>);

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
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    /// Adds a copy of a value.
    pub fn push(&mut self, value: &Canonical<'_>) -> Slot {
        let (start, bytes) = (self.0.len(), value.expose());
        let end = start + bytes.len();
        if end > self.0.capacity() {
            // A vector that grows by itself leaves what it held in freed memory.
            let mut larger = Vec::with_capacity(end.next_power_of_two());
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
        Slot {
            kind: value.kind(),
            start,
            end,
        }
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
}
