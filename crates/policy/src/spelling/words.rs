//! Values that are one word out of a fixed few. Owns the words of every such choice.

#[cfg(feature = "schema")]
use std::borrow::Cow;

use fieldseal_envelope::Normaliser;
use fieldseal_model::{Engine, Kind, ZeroDate};
#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use crate::mistakes::{Gathered, Spot, echoed};
use crate::policy::UnlistedTables;
use crate::spelling::reader::{Spelling, wrong_type};
use crate::spelling::suggest;
use crate::table::{Absent, FirstLoad, KeyChange, Unlisted};

/// A choice that a policy file spells as one word.
pub(crate) trait Words: Copy + 'static {
    /// What the choice is called, in the plural, in messages.
    const WHAT: &'static str;
    /// Every word with what it stands for.
    const WORDS: &'static [(&'static str, Self)];
}

/// One word of a choice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<T>(pub(crate) T);

impl<T: Words> Spelling for Word<T> {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        let Some(text) = value.as_str() else {
            let expected = format!("one of the {} {}", T::WHAT, suggest::listed(&words));
            wrong_type(&expected, value, spot, gathered);
            return None;
        };
        let known = T::WORDS.iter().find(|(word, _)| *word == text);
        if known.is_none() {
            let one = T::WHAT.strip_suffix('s').unwrap_or(T::WHAT);
            let listed = suggest::listed(&words);
            let message = format!(
                "unknown {one}{}; the {} are {listed}",
                echoed(text),
                T::WHAT
            );
            gathered.add(spot, message);
        }
        known.map(|(_, meaning)| Self(*meaning))
    }
}

#[cfg(feature = "schema")]
impl<T: Words> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::WHAT.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

impl Words for Kind {
    const WHAT: &'static str = "kinds";
    const WORDS: &'static [(&'static str, Self)] = &Self::NAMED;
}

impl Words for Normaliser {
    const WHAT: &'static str = "normalisers";
    const WORDS: &'static [(&'static str, Self)] = &[
        (Self::Trim.as_str(), Self::Trim),
        (Self::NfkcCasefold.as_str(), Self::NfkcCasefold),
        (Self::Digits.as_str(), Self::Digits),
    ];
}

impl Words for Engine {
    const WHAT: &'static str = "engines";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("mysql", Self::MySql),
        ("mariadb", Self::MySql),
        ("postgres", Self::Postgres),
    ];
}

impl Words for ZeroDate {
    const WHAT: &'static str = "choices";
    const WORDS: &'static [(&'static str, Self)] = &[("error", Self::Error), ("null", Self::Null)];
}

impl Words for UnlistedTables {
    const WHAT: &'static str = "choices";
    const WORDS: &'static [(&'static str, Self)] = &[("stop", Self::Stop), ("skip", Self::Skip)];
}

impl Words for Absent {
    const WHAT: &'static str = "choices";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("quarantine", Self::Quarantine),
        ("null", Self::Null),
        ("empty", Self::Empty),
    ];
}

impl Words for KeyChange {
    const WHAT: &'static str = "choices";
    const WORDS: &'static [(&'static str, Self)] =
        &[("before_image", Self::BeforeImage), ("never", Self::Never)];
}

impl Words for FirstLoad {
    const WHAT: &'static str = "choices";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("registered", Self::Registered),
        ("unregistered", Self::Unregistered),
    ];
}

impl Words for Unlisted {
    const WHAT: &'static str = "choices";
    const WORDS: &'static [(&'static str, Self)] =
        &[("quarantine", Self::Quarantine), ("drop", Self::Drop)];
}
