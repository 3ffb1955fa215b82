//! Fields that a principal may not open. Owns the word for it; who may open what is the key
//! service's to say.

use std::fmt;

use fieldseal_envelope::KeyId;

/// A field whose domain this process may not be granted: a row is opened all the same.
///
/// ```
/// # use fieldseal::{Access, Pii};
/// struct Order {
///     id: i64,
///     shipping_note: Pii<String>,
///     card: Access<Pii<String>>,
/// }
/// ```
pub enum Access<T> {
    /// The value.
    Granted(T),
    /// The key service denied the key of the value's domain.
    Denied(Denied),
}

/// That the key service denied a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key service denies this process key {key} of domain `{domain}`; it needs a grant of that \
     domain to open the field"
)]
pub struct Denied {
    /// The domain of the field.
    pub domain: String,
    /// The key that the value was sealed with.
    pub key: KeyId,
}

impl<T> Access<T> {
    /// The value, where it was granted.
    pub fn granted(self) -> Option<T> {
        match self {
            Self::Granted(value) => Some(value),
            Self::Denied(_) => None,
        }
    }

    /// The value, where it was granted, lent.
    pub const fn as_granted(&self) -> Option<&T> {
        match self {
            Self::Granted(value) => Some(value),
            Self::Denied(_) => None,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Access<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted(value) => f.debug_tuple("Granted").field(value).finish(),
            Self::Denied(denied) => f.debug_tuple("Denied").field(denied).finish(),
        }
    }
}
