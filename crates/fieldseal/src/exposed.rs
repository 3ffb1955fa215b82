//! Serialising personal data, by name: `#[serde(with = "fieldseal::exposed")]` on a field whose
//! type is [`Pii`], or an `Option` or `Vec` of it. Owns that nothing else of this
//! crate writes one.
//!
//! Reading one in needs no such word: a request's body becomes a `Pii` as soon as it is parsed,
//! and what does not parse is an error without the value.
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use fieldseal::Pii;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Answer {
//!     #[serde(with = "fieldseal::exposed")]
//!     email: Pii<String>,
//! }
//! # }
//! ```

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeSeq as _, Serializer};

use crate::pii::{Pii, Wipe};

/// What [`serialize`] takes.
pub trait Exposed {
    /// Writes the value in clear.
    ///
    /// # Errors
    /// The serializer's.
    fn serialize_exposed<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// Writes personal data in clear.
///
/// # Errors
/// The serializer's.
pub fn serialize<T: Exposed, S: Serializer>(pii: &T, serializer: S) -> Result<S::Ok, S::Error> {
    pii.serialize_exposed(serializer)
}

/// As the type's own `Deserialize`.
///
/// # Errors
/// The deserializer's, without the value.
pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}

impl<T: Serialize + Wipe> Exposed for Pii<T> {
    fn serialize_exposed<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.expose().serialize(serializer)
    }
}

impl<T: Exposed> Exposed for Option<T> {
    fn serialize_exposed<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => serializer.serialize_some(&AsExposed(value)),
            None => serializer.serialize_none(),
        }
    }
}

impl<T: Exposed> Exposed for Vec<T> {
    fn serialize_exposed<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for value in self {
            list.serialize_element(&AsExposed(value))?;
        }
        list.end()
    }
}

struct AsExposed<'a, T>(&'a T);

impl<T: Exposed> Serialize for AsExposed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_exposed(serializer)
    }
}

/// Errors of other deserialisers quote what they did not understand; this one says nothing of it.
impl<'de, T: Deserialize<'de> + Wipe> Deserialize<'de> for Pii<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = T::deserialize(deserializer);
        value
            .map(Self::new)
            .map_err(|_| D::Error::custom("personal data of another form than the field's type"))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::Pii;

    #[derive(Serialize, Deserialize)]
    struct Person {
        #[serde(with = "crate::exposed")]
        email: Pii<String>,
        #[serde(with = "crate::exposed")]
        phones: Vec<Pii<String>>,
        #[serde(with = "crate::exposed")]
        age: Option<Pii<u8>>,
    }

    #[test]
    fn by_name_it_is_written_and_read() {
        let text = r#"{"email":"zoe@example.org","phones":["1","2"],"age":42}"#;
        let person: Person = serde_json::from_str(text).unwrap();
        assert_eq!(person.email.expose(), "zoe@example.org");
        assert_eq!(serde_json::to_string(&person).unwrap(), text);
        let text = r#"{"email":"","phones":[],"age":null}"#;
        let person: Person = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&person).unwrap(), text);
    }

    #[test]
    fn an_error_does_not_quote_the_value() {
        let text = r#"{"email":"x","phones":[],"age":"4711-secret"}"#;
        let error = serde_json::from_str::<Person>(text).err().unwrap();
        assert!(!error.to_string().contains("4711"), "{error}");
        let plain = serde_json::from_str::<u8>("\"4711\"").err().unwrap();
        assert!(plain.to_string().contains("4711"));
    }
}
