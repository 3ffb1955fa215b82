//! JSON objects as their keys and the raw text of their values, borrowing from the record. Owns
//! finding a key that stands twice.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::DecodeError;

/// A key, borrowed unless it holds an escape.
pub(super) type Name<'a> = Cow<'a, str>;

/// Keys and raw values, in the record's order. Holds no value twice, and numbers keep every
/// character.
pub(super) struct Fields<'a>(Vec<(Name<'a>, &'a str)>);

/// Above this many keys, duplicates are looked for by sorting: a hostile record of 100,000 keys
/// must not cost 10^10 comparisons.
const FEW: usize = 32;

impl<'a> Fields<'a> {
    /// Reads an object out of JSON that has been found to be well formed.
    pub(super) fn read(raw: &'a str, not_object: DecodeError) -> Result<Self, DecodeError> {
        if !raw.starts_with('{') {
            return Err(not_object);
        }
        // Well formed already: what is left to go wrong is a key that has no UTF-8 form.
        let fields: Self = serde_json::from_str(raw).map_err(|_| DecodeError::LoneSurrogate)?;
        fields.distinct()
    }

    /// The same fields, once no key stands twice.
    fn distinct(self) -> Result<Self, DecodeError> {
        distinct(&self.0)?;
        Ok(self)
    }

    pub(super) fn as_slice(&self) -> &[(Name<'a>, &'a str)] {
        &self.0
    }

    pub(super) fn into_vec(self) -> Vec<(Name<'a>, &'a str)> {
        self.0
    }
}

/// Refuses a key that stands twice.
pub(super) fn distinct<T>(fields: &[(Name<'_>, T)]) -> Result<(), DecodeError> {
    let twice = if fields.len() <= FEW {
        (1..fields.len()).any(|at| fields[..at].iter().any(|(name, _)| *name == fields[at].0))
    } else {
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    };
    if twice {
        return Err(DecodeError::DuplicateKey);
    }
    Ok(())
}

/// A value at the top of a record.
pub(super) enum Part<'a> {
    /// An object that was taken apart in the pass over the record.
    Object(Fields<'a>),
    /// The raw text of a value of any type.
    Raw(&'a str),
}

impl<'a> Part<'a> {
    /// The object's fields, no key twice.
    pub(super) fn fields(self, not_object: DecodeError) -> Result<Fields<'a>, DecodeError> {
        match self {
            Self::Object(fields) => fields.distinct(),
            Self::Raw(raw) => Fields::read(raw, not_object),
        }
    }
}

/// The top level of a record. Reading it takes `data` and `metadata` apart in the same pass, and
/// fails when they are no objects; [`From`] takes the slower way that never does.
pub(super) struct Top<'a>(pub(super) Vec<(Name<'a>, Part<'a>)>);

impl<'a> From<Fields<'a>> for Top<'a> {
    fn from(fields: Fields<'a>) -> Self {
        let raw = fields
            .0
            .into_iter()
            .map(|(name, raw)| (name, Part::Raw(raw)));
        Self(raw.collect())
    }
}

impl<'a> Deserialize<'a> for Top<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopVisitor)
    }
}

struct TopVisitor;

impl<'a> Visitor<'a> for TopVisitor {
    type Value = Top<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Top<'a>, A::Error> {
        let mut parts = Vec::with_capacity(4);
        while let Some(Key(name)) = map.next_key()? {
            let part = match name.as_ref() {
                "data" | "metadata" => Part::Object(map.next_value()?),
                _ => Part::Raw(map.next_value::<&'a RawValue>()?.get()),
            };
            parts.push((name, part));
        }
        Ok(Top(parts))
    }
}

impl<'a> Deserialize<'a> for Fields<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'a> Visitor<'a> for FieldsVisitor {
    type Value = Fields<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Fields<'a>, A::Error> {
        let mut fields = Vec::with_capacity(16);
        while let Some(Key(name)) = map.next_key()? {
            fields.push((name, map.next_value::<&'a RawValue>()?.get()));
        }
        Ok(Fields(fields))
    }
}

/// serde's own `Cow<str>` always copies.
struct Key<'a>(Name<'a>);

impl<'a> Deserialize<'a> for Key<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'a> Visitor<'a> for KeyVisitor {
    type Value = Key<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'a str) -> Result<Key<'a>, E> {
        Ok(Key(Cow::Borrowed(name)))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key<'a>, E> {
        Ok(Key(Cow::Owned(name.to_owned())))
    }
}
