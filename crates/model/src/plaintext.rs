//! Bytes that may be somebody's personal data. Owns wiping them; does not know what they mean.

use std::mem::ManuallyDrop;

use zeroize::optimization_barrier;

/// Bytes that must not be printed, copied by accident or serialised.
///
/// No `Debug`, `Display`, `Clone`, `PartialEq` or `Serialize`; wiped on drop. The bytes can be
/// read only through [`expose`](Self::expose), so that every reader can be found by one search.
pub struct Plaintext(Vec<u8>);

impl Plaintext {
    /// Takes over `bytes`; the vector's memory is the memory that will be wiped.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be changed. A vector that grows leaves what it held in freed memory.
    #[must_use]
    pub const fn expose_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// How many bytes there are: a length is not a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A deliberate copy. Named so that it is seen in review; both copies are wiped.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.clone())
    }

    /// The vector, taken out without a copy: whoever takes it wipes it.
    #[must_use]
    pub fn into_exposed(self) -> Vec<u8> {
        std::mem::take(&mut ManuallyDrop::new(self).0)
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites all of a vector's memory, used or not, with zeros, which it holds then. In one piece,
/// where `zeroize` writes byte by byte.
pub fn wipe(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.resize(bytes.capacity(), 0);
    // As if it were read, so that the compiler cannot leave the writing out.
    optimization_barrier(bytes.as_slice());
}

impl From<&str> for Plaintext {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

/// Plaintext of its own, or a piece of somebody else's, who wipes it: most of a record's cells
/// stand in it as they are. No more can be printed or copied than of [`Plaintext`].
pub enum Piece<'a> {
    /// Text in memory that its owner wipes.
    Text(&'a str),
    /// Bytes in memory that its owner wipes.
    Bytes(&'a [u8]),
    /// Wiped with the piece.
    Own(Plaintext),
}

impl Piece<'_> {
    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            Self::Own(bytes) => bytes.expose(),
        }
    }

    /// The bytes as text; `None` when they are no UTF-8.
    #[must_use]
    pub fn expose_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Own(bytes) => std::str::from_utf8(bytes.expose()).ok(),
        }
    }
}

impl<'a> From<&'a str> for Piece<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<Plaintext> for Piece<'_> {
    fn from(bytes: Plaintext) -> Self {
        Self::Own(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::wipe;

    /// What is not used any more held something once.
    #[test]
    fn all_of_the_memory_is_overwritten_where_it_is() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"somebody's name and address");
        bytes.truncate(8);
        let before = (bytes.as_ptr(), bytes.capacity());
        wipe(&mut bytes);
        assert_eq!((bytes.as_ptr(), bytes.len()), before);
        assert!(bytes.iter().all(|byte| *byte == 0));
        wipe(&mut Vec::new());
    }
}
