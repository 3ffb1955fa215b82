//! What a blind index is an index of: the kind and the versioned normalisers, in order. Owns
//! their names, which are part of the index's key.

use std::fmt;
use std::str::FromStr;

use fieldseal_model::{Canonical, Kind, Plaintext};
use zeroize::Zeroizing;

use crate::{IndexError, normalise};

/// One step from a text to the form that is compared. Its version never changes meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Normaliser {
    /// `trim/1`: removes Unicode White_Space at both ends.
    Trim,
    /// `nfkc_casefold/1`: NFKC_Casefold of the pinned Unicode version.
    NfkcCasefold,
    /// `digits/1`: keeps ASCII 0–9.
    Digits,
}

/// A word that names no normaliser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown normaliser; the normalisers are trim/1, nfkc_casefold/1 and digits/1")]
pub struct UnknownNormaliser;

impl Normaliser {
    /// Every normaliser.
    pub const ALL: [Self; 3] = [Self::Trim, Self::NfkcCasefold, Self::Digits];

    /// The name with its version.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trim => "trim/1",
            Self::NfkcCasefold => "nfkc_casefold/1",
            Self::Digits => "digits/1",
        }
    }

    fn apply(self, text: &str) -> Result<Zeroizing<String>, IndexError> {
        match self {
            Self::Trim => Ok(Zeroizing::new(normalise::trim(text).to_owned())),
            Self::NfkcCasefold => normalise::nfkc_casefold(text).map_err(IndexError::NoNormalForm),
            Self::Digits => Ok(normalise::digits(text)),
        }
    }
}

impl fmt::Display for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Normaliser {
    type Err = UnknownNormaliser;

    fn from_str(name: &str) -> Result<Self, UnknownNormaliser> {
        Self::ALL
            .into_iter()
            .find(|normaliser| normaliser.as_str() == name)
            .ok_or(UnknownNormaliser)
    }
}

/// Why a kind and normalisers do not define an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDefinition {
    /// JSON has no canonical form, and NULL no value.
    #[error("a column of this kind can have no blind index")]
    Kind,
    /// Normalisers work on text.
    #[error("only a text column can have normalisers; remove them")]
    NotText,
}

/// The kind of the indexed column and its normalisers. Displays as `t|trim/1|nfkc_casefold/1`,
/// the very bytes that the index's key is derived from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    kind: Kind,
    normalisers: Vec<Normaliser>,
}

impl Definition {
    /// An index of a column of `kind`, through `normalisers` in this order.
    ///
    /// # Errors
    /// See [`InvalidDefinition`].
    pub fn new(
        kind: Kind,
        normalisers: impl Into<Vec<Normaliser>>,
    ) -> Result<Self, InvalidDefinition> {
        let normalisers = normalisers.into();
        if matches!(kind, Kind::Json | Kind::Null) {
            return Err(InvalidDefinition::Kind);
        }
        if kind != Kind::Text && !normalisers.is_empty() {
            return Err(InvalidDefinition::NotText);
        }
        Ok(Self { kind, normalisers })
    }

    /// The kind of the indexed column.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The normalisers, in order.
    #[must_use]
    pub fn normalisers(&self) -> &[Normaliser] {
        &self.normalisers
    }

    /// The form that is hashed and compared; nothing for NULL and for what normalises to
    /// nothing.
    ///
    /// # Errors
    /// [`IndexError::Kind`] for a value of another kind; [`IndexError::NoNormalForm`] for a text
    /// that a normaliser refuses.
    pub fn normalise(&self, value: &Canonical<'_>) -> Result<Option<Plaintext>, IndexError> {
        if value.is_null() {
            return Ok(None);
        }
        if value.kind() != self.kind {
            return Err(IndexError::Kind);
        }
        let bytes = match (value.expose_text(), self.normalisers.split_first()) {
            (Some(text), Some((first, rest))) => {
                let text = rest
                    .iter()
                    .try_fold(first.apply(text)?, |text, next| next.apply(&text))?;
                Plaintext::new(text.as_bytes().to_vec())
            }
            _ => Plaintext::new(value.expose().to_vec()),
        };
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// Whether two values have the same, non-empty normal form: what an opened row must pass
    /// before a look-up returns it.
    ///
    /// # Errors
    /// As [`normalise`](Self::normalise).
    pub fn matches(&self, one: &Canonical<'_>, other: &Canonical<'_>) -> Result<bool, IndexError> {
        Ok(match (self.normalise(one)?, self.normalise(other)?) {
            (Some(one), Some(other)) => one.expose() == other.expose(),
            _ => false,
        })
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.kind.code()))?;
        self.normalisers
            .iter()
            .try_for_each(|normaliser| write!(f, "|{normaliser}"))
    }
}

#[cfg(test)]
mod tests {
    use fieldseal_model::{Kind, Value};

    use super::{Definition, InvalidDefinition, Normaliser};
    use crate::IndexError;

    #[test]
    fn display_is_the_definition() {
        let text = Definition::new(Kind::Text, [Normaliser::Trim, Normaliser::NfkcCasefold]);
        assert_eq!(text.unwrap().to_string(), "t|trim/1|nfkc_casefold/1");
        assert_eq!(Definition::new(Kind::Integer, []).unwrap().to_string(), "i");
        for normaliser in Normaliser::ALL {
            assert_eq!(normaliser.as_str().parse(), Ok(normaliser));
        }
        assert!("trim".parse::<Normaliser>().is_err());
    }

    #[test]
    fn what_cannot_be_indexed() {
        let json = Definition::new(Kind::Json, []);
        assert_eq!(json.err(), Some(InvalidDefinition::Kind));
        let number = Definition::new(Kind::Integer, [Normaliser::Digits]);
        assert_eq!(number.err(), Some(InvalidDefinition::NotText));
    }

    #[test]
    fn nothing_matches_nothing() {
        let definition = Definition::new(Kind::Text, [Normaliser::Digits]).unwrap();
        let matches = |a: &Value, b: &Value| definition.matches(a, b);
        let empty = Value::text("no digit");
        assert_eq!(matches(&empty, &empty), Ok(false));
        assert_eq!(matches(&Value::null(), &Value::null()), Ok(false));
        assert_eq!(matches(&Value::text("1-2"), &Value::text("12")), Ok(true));
        let number = Value::integer("12").unwrap();
        assert_eq!(matches(&number, &empty), Err(IndexError::Kind));
    }
}
