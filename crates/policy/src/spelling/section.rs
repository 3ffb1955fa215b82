//! A section with fixed keys. Owns the macro that declares one, and the messages about keys that
//! are missing or unknown.

#[cfg(feature = "schema")]
use schemars::Schema;
#[cfg(feature = "schema")]
use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use crate::mistakes::{Gathered, Spot, shown};
use crate::spelling::reader::{Field, Spelling, read_entry, wrong_type};
use crate::spelling::suggest;

/// A key that a section knows.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) required: bool,
}

/// Declares a section: its struct, how it is read, and its JSON Schema. Each key is `required` or
/// `optional`; its first comment line is shown when it is missing.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $name:ident {
            $( $(#[doc = $key_doc:literal])* $need:ident $key:ident: $type:ty, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $( $(#[doc = $key_doc])* pub(crate) $key: $crate::spelling::Field<$type>, )*
        }

        impl $name {
            const KEYS: &'static [$crate::spelling::section::Key] = &[
                $( $crate::spelling::section::Key {
                    name: stringify!($key),
                    doc: concat!($($key_doc),*),
                    required: $crate::spelling::section::section!(@$need),
                }, )*
            ];
        }

        impl $crate::spelling::Spelling for $name {
            fn read(
                value: &toml::de::DeValue<'_>,
                spot: &$crate::mistakes::Spot,
                gathered: &mut $crate::mistakes::Gathered,
            ) -> Option<Self> {
                use $crate::spelling::section::{field, open};
                let table = open(value, spot, Self::KEYS, gathered)?;
                Some(Self {
                    $( $key: field(table, stringify!($key), Self::KEYS, spot, gathered), )*
                })
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let properties = vec![ $( generator.subschema_for::<$type>(), )* ];
                $crate::spelling::section::schema(concat!($($doc),*), Self::KEYS, properties)
            }
        }
    };
    (@required) => { true };
    (@optional) => { false };
}
pub(crate) use section;

/// The table of a section, its unknown and missing keys gathered.
pub(crate) fn open<'t, 'i>(
    value: &'t DeValue<'i>,
    spot: &Spot,
    keys: &[Key],
    gathered: &mut Gathered,
) -> Option<&'t DeTable<'i>> {
    let Some(table) = value.as_table() else {
        wrong_type("a table", value, spot, gathered);
        return None;
    };
    let known: Vec<&str> = keys.iter().map(|key| key.name).collect();
    for key in table.keys() {
        let name: &str = key.get_ref();
        if !known.contains(&name) {
            let instead = if is_credential(name) {
                NO_CREDENTIALS.to_owned()
            } else {
                suggest::instead(name, &known, "keys")
            };
            let message = format!("unknown key {}; {instead}", shown(name));
            gathered.add(&spot.entry(name, key.span().start), message);
        }
    }
    for key in keys.iter().filter(|key| key.required) {
        if !table.contains_key(key.name) {
            let about = in_a_sentence(key.doc);
            gathered.add(
                spot,
                format!("the key \"{}\" is missing: {about}", key.name),
            );
        }
    }
    Some(table)
}

const NO_CREDENTIALS: &str = "credentials never stand in this file: remove it, revoke it if the \
    file was shared, and let AWS find them as usual (environment, profile, web identity, task role \
    or instance role)";

/// Whether a key is named as an AWS credential is, however it is spelled.
fn is_credential(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    [
        "accesskey",
        "secretkey",
        "secretaccess",
        "sessiontoken",
        "credential",
        "awsprofile",
    ]
    .iter()
    .any(|part| plain.contains(part))
}

/// A comment as the end of a message: no capital, no full stop.
fn in_a_sentence(doc: &str) -> String {
    let doc = doc.trim().trim_end_matches('.');
    let mut chars = doc.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// One field of an opened section; a missing required key has been gathered by [`open`].
pub(crate) fn field<T: Spelling>(
    table: &DeTable<'_>,
    name: &str,
    keys: &[Key],
    spot: &Spot,
    gathered: &mut Gathered,
) -> Field<T> {
    let Some((key, value)) = table.get_key_value(name) else {
        let required = keys.iter().any(|key| key.name == name && key.required);
        return if required { Field::Bad } else { Field::Absent };
    };
    let spot = spot.entry(name, key.span().start);
    read_entry(&spot, value, gathered).map_or(Field::Bad, Field::Is)
}

/// The JSON Schema of a section whose keys have these schemas, in order.
#[cfg(feature = "schema")]
pub(crate) fn schema(doc: &str, keys: &[Key], properties: Vec<Schema>) -> Schema {
    let describe = |(key, schema): (&Key, Schema)| {
        let mut schema = schema;
        schema.insert("description".to_owned(), json!(key.doc.trim()));
        (key.name.to_owned(), Value::from(schema))
    };
    let properties: Map<String, Value> = keys.iter().zip(properties).map(describe).collect();
    let required: Vec<&str> = keys.iter().filter(|k| k.required).map(|k| k.name).collect();
    let mut schema = schemars::json_schema!({
        "type": "object",
        "description": doc.trim(),
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The schema of a value that is spelled in one of two ways.
#[cfg(feature = "schema")]
pub(crate) fn either(ways: [Schema; 2]) -> Schema {
    let ways = ways.map(Value::from);
    schemars::json_schema!({ "anyOf": ways })
}
