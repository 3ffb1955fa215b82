//! Bytes that may be somebody's personal data. Owns wiping them; does not know what they mean.

use zeroize::Zeroizing;

/// Bytes that must not be printed, copied by accident or serialised.
///
/// No `Debug`, `Display`, `Clone`, `PartialEq` or `Serialize`; wiped on drop. The bytes can be
/// read only through [`expose`](Self::expose), so that every reader can be found by one search.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes over `bytes`; the vector's memory is the memory that will be wiped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
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
        Self::new(self.0.to_vec())
    }
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
