//! Reading TOML values with their places: scalars, lists and maps. Owns the messages about wrong
//! types.

#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mistakes::{Gathered, Spot};

/// What has a JSON Schema: everything, where no schema is asked for.
#[cfg(feature = "schema")]
pub(crate) use schemars::JsonSchema as Described;
#[cfg(not(feature = "schema"))]
pub(crate) trait Described {}
#[cfg(not(feature = "schema"))]
impl<T> Described for T {}

/// Something that can be read from TOML and has a JSON Schema.
pub(crate) trait Spelling: Described + Sized {
    /// Reads it; `None` after a mistake was gathered.
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self>;
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
}

/// What a section holds under one key.
#[derive(Debug)]
pub(crate) enum Field<T> {
    /// The key is not there.
    Absent,
    /// A mistake that has been gathered already.
    Bad,
    /// A value that reads well.
    Is(At<T>),
}

impl<T> Field<T> {
    pub(crate) fn get(&self) -> Option<&At<T>> {
        match self {
            Self::Is(at) => Some(at),
            Self::Absent | Self::Bad => None,
        }
    }

    /// Where the value stands, unless it is absent or a mistake already.
    pub(crate) fn spot(&self) -> Option<&Spot> {
        self.get().map(|at| &at.spot)
    }

    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value, or `default` when the key is not there; `None` after a mistake.
    pub(crate) fn or(&self, default: T) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Absent => Some(default),
            Self::Bad => None,
            Self::Is(at) => Some(at.value.clone()),
        }
    }
}

/// A table whose keys are the operator's own names, in the file's order. An entry with a mistake
/// is there without its value, so that nobody calls it missing.
#[derive(Debug)]
pub(crate) struct Entries<T>(pub(crate) Vec<(At<String>, Option<At<T>>)>);

/// Gathers that `value` should have been `expected`.
pub(crate) fn wrong_type(expected: &str, value: &DeValue<'_>, spot: &Spot, into: &mut Gathered) {
    let found = match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    into.add(spot, format!("must be {expected}, but is {found}"));
}

/// A table's entries in the file's order, each with its spot. The parser sorts them by name.
pub(crate) fn in_file_order<'t, 'i>(
    table: &'t DeTable<'i>,
    spot: &Spot,
) -> Vec<(At<String>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let spot = spot.entry(&name, key.span().start);
            (At { value: name, spot }, value)
        })
        .collect();
    entries.sort_by_key(|(name, _)| name.spot.offset);
    entries
}

/// Reads the value of the entry `key`. A mistake in a scalar or a list stands at the value, one
/// in a table at its key.
pub(crate) fn read_entry<T: Spelling>(
    key: &Spot,
    value: &Spanned<DeValue<'_>>,
    gathered: &mut Gathered,
) -> Option<At<T>> {
    let mut spot = key.clone();
    if !value.get_ref().is_table() {
        spot.offset = value.span().start;
    }
    let value = T::read(value.get_ref(), &spot, gathered)?;
    Some(At { value, spot })
}

impl Spelling for String {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            wrong_type("a text", value, spot, gathered);
        }
        text
    }
}

impl Spelling for bool {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let truth = value.as_bool();
        if truth.is_none() {
            wrong_type("true or false", value, spot, gathered);
        }
        truth
    }
}

impl Spelling for u64 {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let Some(integer) = value.as_integer() else {
            wrong_type("an integer", value, spot, gathered);
            return None;
        };
        let number = Self::from_str_radix(integer.as_str(), integer.radix()).ok();
        if number.is_none() {
            gathered.add(spot, "must be an integer from 0 to 2^64 - 1");
        }
        number
    }
}

impl<T: Spelling> Spelling for Vec<At<T>> {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let Some(elements) = value.as_array() else {
            wrong_type("a list", value, spot, gathered);
            return None;
        };
        let read = |(number, element): (usize, &Spanned<DeValue<'_>>)| {
            let spot = spot.element(number, element.span().start);
            let value = T::read(element.get_ref(), &spot, gathered)?;
            Some(At { value, spot })
        };
        Some(elements.iter().enumerate().filter_map(read).collect())
    }
}

#[cfg(feature = "schema")]
impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Spelling> Spelling for Entries<T> {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let Some(table) = value.as_table() else {
            wrong_type("a table", value, spot, gathered);
            return None;
        };
        let entries = in_file_order(table, spot);
        let read = |(name, value): (At<String>, &Spanned<DeValue<'_>>)| {
            let value = read_entry(&name.spot, value, gathered);
            (name, value)
        };
        Some(Self(entries.into_iter().map(read).collect()))
    }
}

#[cfg(feature = "schema")]
impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}Entries", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let entry = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": entry })
    }
}
