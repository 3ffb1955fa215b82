//! One value in canonical form. Owns the pairing of kind and bytes; the forms themselves are in
//! `canonical`.

use crate::canonical::{self, NotCanonical};
use crate::{Kind, Plaintext};

/// A kind with its canonical bytes (`docs/FORMAT.md`, section 3): what is sealed, indexed and
/// put into row keys. Plaintext: no `Debug`, no `Clone`; wiped on drop.
pub struct Value {
    kind: Kind,
    bytes: Plaintext,
}

impl Value {
    /// NULL, kind `z`, no bytes.
    #[must_use]
    pub fn null() -> Self {
        Self {
            kind: Kind::Null,
            bytes: Plaintext::new(Vec::new()),
        }
    }

    /// A value from bytes that must already be canonical; what an opener calls.
    ///
    /// # Errors
    /// [`NotCanonical`] when `bytes` are not the one form that `kind` allows.
    pub fn from_canonical(kind: Kind, bytes: Vec<u8>) -> Result<Self, NotCanonical> {
        let bytes = Plaintext::new(bytes);
        canonical::check(kind, bytes.expose())?;
        Ok(Self { kind, bytes })
    }

    /// An integer from decimal digits with an optional sign and leading zeros.
    ///
    /// # Errors
    /// [`NotCanonical`] when `digits` is not such a number.
    pub fn integer(digits: &str) -> Result<Self, NotCanonical> {
        Ok(Self::trusted(Kind::Integer, canonical::integer(digits)?))
    }

    /// A decimal from plain or scientific notation; trailing zeros and `-0` are normalised.
    ///
    /// # Errors
    /// [`NotCanonical`] when `text` is no number or would take more than 1,000 digits.
    pub fn decimal(text: &str) -> Result<Self, NotCanonical> {
        Ok(Self::trusted(Kind::Decimal, canonical::decimal(text)?))
    }

    /// A binary64; `-0` becomes `+0`.
    ///
    /// # Errors
    /// [`NotCanonical`] for NaN and infinities.
    pub fn float(number: f64) -> Result<Self, NotCanonical> {
        Ok(Self::trusted(
            Kind::Float,
            canonical::float(number)?.to_vec(),
        ))
    }

    /// UTF-8 text exactly as stored.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::trusted(Kind::Text, text.as_bytes().to_vec())
    }

    /// Raw bytes.
    #[must_use]
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::trusted(Kind::Bytes, bytes)
    }

    /// A boolean.
    #[must_use]
    pub fn boolean(truth: bool) -> Self {
        Self::trusted(Kind::Boolean, vec![if truth { b'1' } else { b'0' }])
    }

    /// For constructors in this crate whose bytes are canonical by construction.
    fn trusted(kind: Kind, bytes: Vec<u8>) -> Self {
        debug_assert!(canonical::check(kind, &bytes).is_ok());
        Self {
            kind,
            bytes: Plaintext::new(bytes),
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The canonical bytes, without the kind byte.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.bytes.expose()
    }

    /// The canonical bytes as text, for every kind whose form is text.
    #[must_use]
    pub fn expose_text(&self) -> Option<&str> {
        match self.kind {
            Kind::Float | Kind::Bytes | Kind::Uuid => None,
            _ => std::str::from_utf8(self.expose()).ok(),
        }
    }

    /// Whether this is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// A deliberate copy; both are wiped.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            kind: self.kind,
            bytes: self.bytes.duplicate(),
        }
    }
}
