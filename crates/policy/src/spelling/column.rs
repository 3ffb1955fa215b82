//! One entry of a table's `columns`.

#[cfg(feature = "schema")]
use std::borrow::Cow;

use fieldseal_envelope::Normaliser;
use fieldseal_model::{Kind, ZeroDate};
#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator};
use toml::de::DeValue;

use crate::mistakes::{Gathered, Spot, echoed};
#[cfg(feature = "schema")]
use crate::spelling::section::either;
use crate::spelling::section::section;
use crate::spelling::words::Words;
use crate::spelling::{At, Spelling, Word};
use crate::table::Absent;

/// A treatment that needs no details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainWord {
    Keep,
    Drop,
}

impl Words for PlainWord {
    const WHAT: &'static str = "treatments";
    const WORDS: &'static [(&'static str, Self)] = &[("keep", Self::Keep), ("drop", Self::Drop)];
}

/// A column: one word, or a table.
#[derive(Debug)]
pub(crate) enum ColumnSpelling {
    Plain(PlainWord),
    Detailed(Box<ColumnSection>),
}

impl Spelling for ColumnSpelling {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let word = match value {
            DeValue::Table(_) => {
                let section = ColumnSection::read(value, spot, gathered)?;
                return Some(Self::Detailed(Box::new(section)));
            }
            DeValue::String(text) => text,
            _ => "",
        };
        let known = PlainWord::WORDS.iter().find(|(known, _)| *known == word);
        if known.is_none() {
            gathered.add(
                spot,
                format!(
                    "unknown treatment{}; say \"keep\", \"drop\", or a table such as \
                     {{ seal = \"contact\", kind = \"text\" }}",
                    echoed(word)
                ),
            );
        }
        known.map(|(_, plain)| Self::Plain(*plain))
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for ColumnSpelling {
    fn schema_name() -> Cow<'static, str> {
        "Column".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<Word<PlainWord>>();
        let section = generator.subschema_for::<ColumnSection>();
        either([word, section])
    }
}

section! {
    /// A column with details. Exactly one of seal and keep.
    ColumnSection {
        /// The domain to seal it in: the class of data, with keys of its own.
        optional seal: String,
        /// true: written in clear.
        optional keep: bool,
        /// What the value is, whatever type it arrives with; needed with seal.
        optional kind: Word<Kind>,
        /// bytes, and with keep: n of BINARY(n), 1 to 255. float: 32 for a FLOAT column. uuid: 16 for BINARY(16).
        optional width: u64,
        /// bytes: n of BIT(n), 2 to 64.
        optional bits: u64,
        /// decimal: digits after the point, 0 to 1000.
        optional scale: u64,
        /// text: true for CHAR(n), which loses trailing spaces.
        optional fixed_char: bool,
        /// date, datetime, timestamp: what a zero or partial date becomes; default "error".
        optional zero_date: Word<ZeroDate>,
        /// Hides lengths up to multiples of this many bytes: 2 to 4096.
        optional pad: u64,
        /// true: NULL is sealed too; needs pad, excludes index and mask.
        optional seal_null: bool,
        /// Blind indexes, for equality look-up.
        optional index: Vec<At<IndexSection>>,
        /// Parts of the value in clear.
        optional mask: Vec<At<MaskSection>>,
        /// Permanent logical id; default: the column's name. Changing it makes sealed values unreadable.
        optional id: String,
        /// The column's name in the new database; default: the same.
        optional target: String,
        /// What the column becomes when a record lacks it; default: the table's word.
        optional absent: Word<Absent>,
    }
}

section! {
    /// A blind index: a keyed hash beside the sealed value.
    IndexSection {
        /// Permanent name; a changed index is a new name and a new column.
        required name: String,
        /// The column in the new database that holds it.
        required column: String,
        /// What is done to a text before it is hashed, in order: "trim/1", "nfkc_casefold/1", "digits/1".
        optional normalise: Vec<At<Word<Normaliser>>>,
        /// Bytes kept of the hash: 8 to 32, default 16.
        optional bytes: u64,
        /// true: the new database is to hold every value once only, after cutover; needs 16 bytes or more.
        optional unique: bool,
        /// true: accepts that an index over few possible values betrays them.
        optional accept_leak: bool,
    }
}

section! {
    /// A part of the value in clear. Exactly one of keep_last and email_domain.
    MaskSection {
        /// The column in the new database that holds it.
        required column: String,
        /// The last characters: 1 to 16.
        optional keep_last: u64,
        /// true: what follows the "@".
        optional email_domain: bool,
    }
}
