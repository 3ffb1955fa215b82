//! Key columns and bindings. A TOML table has no order, but a row key does: several columns are
//! therefore a list of one-entry tables.

#[cfg(feature = "schema")]
use std::borrow::Cow;

use fieldseal_model::Kind;
#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use crate::mistakes::{Gathered, Spot, quoted_key};
use crate::spelling::reader::{in_file_order, wrong_type};
#[cfg(feature = "schema")]
use crate::spelling::section::either;
use crate::spelling::section::section;
use crate::spelling::words::Words;
use crate::spelling::{At, Entries, Spelling, Word};

/// A key column's name and type.
pub(crate) type KeyEntry = (At<String>, At<KeyTypeSpelling>);

/// Key columns in order.
#[derive(Debug)]
pub(crate) struct KeySpelling(pub(crate) Vec<KeyEntry>);

impl Spelling for KeySpelling {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        match value {
            DeValue::Table(_) => Some(Self(vec![one_column(value, spot, gathered)?])),
            DeValue::Array(elements) => {
                let mut whole = Some(Vec::with_capacity(elements.len()));
                for (number, element) in elements.iter().enumerate() {
                    let spot = spot.element(number, element.span().start);
                    let column = one_column(element.get_ref(), &spot, gathered);
                    whole = match (whole, column) {
                        (Some(mut columns), Some(column)) => {
                            columns.push(column);
                            Some(columns)
                        }
                        _ => None,
                    };
                }
                whole.map(Self)
            }
            _ => {
                wrong_type(
                    "a table such as { id = \"integer\" } or a list of such tables",
                    value,
                    spot,
                    gathered,
                );
                None
            }
        }
    }
}

/// A table with the name of exactly one column.
fn one_column(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<KeyEntry> {
    let Some(table) = value.as_table() else {
        wrong_type(
            "a table such as { id = \"integer\" }",
            value,
            spot,
            gathered,
        );
        return None;
    };
    if table.len() > 1 {
        let names = in_file_order(table, spot);
        let list: Vec<String> = names
            .iter()
            .map(|(name, _)| format!("{{ {} = … }}", quoted_key(&name.value)))
            .collect();
        gathered.add(
            spot,
            format!(
                "a table has no order, but a row key does: write [{}]",
                list.join(", ")
            ),
        );
        return None;
    }
    let Entries(entries) = Entries::read(value, spot, gathered)?;
    if table.is_empty() {
        gathered.add(
            spot,
            "name a column with its kind, such as { id = \"integer\" }",
        );
    }
    let (name, ty) = entries.into_iter().next()?;
    Some((name, ty?))
}

#[cfg(feature = "schema")]
impl JsonSchema for KeySpelling {
    fn schema_name() -> Cow<'static, str> {
        "KeyColumns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let ty = generator.subschema_for::<KeyTypeSpelling>();
        let one = json_schema!({
            "type": "object",
            "additionalProperties": ty,
            "minProperties": 1,
            "maxProperties": 1,
        });
        let list = json_schema!({ "type": "array", "items": one.clone(), "minItems": 1 });
        either([one, list])
    }
}

/// A key column's kind, alone or with details.
#[derive(Debug)]
pub(crate) enum KeyTypeSpelling {
    Kind(Kind),
    Detailed(Box<KeyTypeSection>),
}

impl Spelling for KeyTypeSpelling {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        if value.is_table() {
            let section = KeyTypeSection::read(value, spot, gathered)?;
            Some(Self::Detailed(Box::new(section)))
        } else {
            Word::read(value, spot, gathered).map(|Word(kind)| Self::Kind(kind))
        }
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for KeyTypeSpelling {
    fn schema_name() -> Cow<'static, str> {
        "KeyType".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<Word<Kind>>();
        let section = generator.subschema_for::<KeyTypeSection>();
        either([word, section])
    }
}

section! {
    /// A key column's kind with details.
    KeyTypeSection {
        /// What the value is.
        required kind: Word<Kind>,
        /// bytes: n of BINARY(n), 1 to 255. uuid: 16 for BINARY(16).
        optional width: u64,
        /// bytes: n of BIT(n), 2 to 64.
        optional bits: u64,
        /// decimal: digits after the point, 0 to 1000.
        optional scale: u64,
        /// text: true for CHAR(n), which loses trailing spaces.
        optional fixed_char: bool,
        /// The column's name in the new database; default: the same.
        optional target: String,
    }
}

/// What sealed values are bound to.
#[derive(Debug)]
pub(crate) enum BindSpelling {
    Word(BindWord),
    Columns(KeySpelling),
}

/// A binding that needs no columns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BindWord {
    Row,
    Column,
}

impl Words for BindWord {
    const WHAT: &'static str = "bindings";
    const WORDS: &'static [(&'static str, Self)] = &[("row", Self::Row), ("column", Self::Column)];
}

impl Spelling for BindSpelling {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        if value.is_str() {
            Word::read(value, spot, gathered).map(|Word(word)| Self::Word(word))
        } else {
            KeySpelling::read(value, spot, gathered).map(Self::Columns)
        }
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for BindSpelling {
    fn schema_name() -> Cow<'static, str> {
        "Bind".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<Word<BindWord>>();
        let columns = generator.subschema_for::<KeySpelling>();
        either([word, columns])
    }
}
