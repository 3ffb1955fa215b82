//! One value in canonical form. Owns the pairing of kind and bytes; the forms themselves are in
//! `canonical`.

use crate::canonical::{self, NotCanonical};
use crate::{Kind, Piece, Plaintext};

/// A kind with its canonical bytes (`docs/FORMAT.md`, section 3): what is sealed, indexed and
/// put into row keys. Plaintext: no `Debug`, no `Clone`; wiped on drop, or by who lent it.
pub struct Canonical<'a> {
    kind: Kind,
    bytes: Piece<'a>,
}

/// A canonical value that borrows from nobody.
pub type Value = Canonical<'static>;

impl Canonical<'static> {
    /// A value from bytes that must already be canonical; what an opener calls.
    ///
    /// # Errors
    /// [`NotCanonical`] when `bytes` are not the one form that `kind` allows.
    pub fn from_canonical(kind: Kind, bytes: Vec<u8>) -> Result<Self, NotCanonical> {
        let bytes = Plaintext::new(bytes);
        canonical::check(kind, bytes.expose())?;
        Ok(Self {
            kind,
            bytes: Piece::Own(bytes),
        })
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
    pub const fn boolean(truth: bool) -> Self {
        Self {
            kind: Kind::Boolean,
            bytes: Piece::Text(if truth { "1" } else { "0" }),
        }
    }

    /// For constructors in this crate whose bytes are canonical by construction.
    fn trusted(kind: Kind, bytes: Vec<u8>) -> Self {
        debug_assert!(canonical::check(kind, &bytes).is_ok());
        Self {
            kind,
            bytes: Piece::Own(Plaintext::new(bytes)),
        }
    }
}

impl<'a> Canonical<'a> {
    /// NULL, kind `z`, no bytes.
    #[must_use]
    pub const fn null() -> Self {
        Self {
            kind: Kind::Null,
            bytes: Piece::Bytes(&[]),
        }
    }

    /// Text in the canonical form of `kind`, without a copy of it.
    ///
    /// # Errors
    /// [`NotCanonical`] when `text` is not the one form that `kind` allows.
    pub fn lent(kind: Kind, text: &'a str) -> Result<Self, NotCanonical> {
        canonical::check(kind, text.as_bytes())?;
        Ok(Self {
            kind,
            bytes: Piece::Text(text),
        })
    }

    /// As [`from_canonical`](Value::from_canonical), without the bytes themselves.
    ///
    /// # Errors
    /// [`NotCanonical`] when `bytes` are not the one form that `kind` allows.
    pub fn lent_bytes(kind: Kind, bytes: &'a [u8]) -> Result<Self, NotCanonical> {
        canonical::check(kind, bytes)?;
        Ok(Self::trust(kind, bytes))
    }

    /// As [`text`](Value::text), without a copy of it.
    #[must_use]
    pub const fn lent_text(text: &'a str) -> Self {
        Self {
            kind: Kind::Text,
            bytes: Piece::Text(text),
        }
    }

    /// For bytes that were a value's.
    pub(crate) const fn trust(kind: Kind, bytes: &'a [u8]) -> Self {
        Self {
            kind,
            bytes: Piece::Bytes(bytes),
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
            _ => self.bytes.expose_text(),
        }
    }

    /// Whether this is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// The same value, which borrows from this one.
    #[must_use]
    pub fn lend(&self) -> Canonical<'_> {
        Canonical::trust(self.kind, self.expose())
    }

    /// A deliberate copy; both are wiped.
    #[must_use]
    pub fn duplicate(&self) -> Value {
        Value::trusted(self.kind, self.expose().to_vec())
    }
}
