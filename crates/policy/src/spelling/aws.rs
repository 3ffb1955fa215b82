//! The sections about AWS services: `kinesis` of `[source]` and `aws_kms` of `[keys]`. Secrets
//! have no place in them.

#[cfg(feature = "schema")]
use std::borrow::Cow;

#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;
use toml::value::Datetime;

use crate::mistakes::{Gathered, Spot};
use crate::spelling::reader::wrong_type;
#[cfg(feature = "schema")]
use crate::spelling::section::either;
use crate::spelling::section::section;
use crate::spelling::words::Words;
use crate::spelling::{At, Spelling, Word};

section! {
    /// A Kinesis data stream that DMS writes to.
    KinesisSection {
        /// The stream's ARN or its name.
        required stream: String,
        /// The stream's region; default: its ARN's, else what the AWS SDKs find.
        optional region: String,
        /// Another endpoint than AWS's own: https://…, or http://… on this machine.
        optional endpoint: String,
        /// Where shards that were never read are begun; default "trim_horizon".
        optional start: StartSpelling,
        /// Calls a second for one shard: 1 to 1000, default 5, which is what AWS allows all readers of a shard together.
        optional reads_per_second: u64,
        /// Bytes a second from one shard: 65536 to 1073741824, default 2097152, which is what AWS allows all readers of a shard together.
        optional read_bytes_per_second: u64,
    }
}

section! {
    /// A key of AWS Key Management Service.
    AwsKmsSection {
        /// The key that wraps data keys: an ARN, a key id, or an alias such as "alias/shop".
        required key: String,
        /// ARNs of keys, mostly in other regions, under which every data key is wrapped once more.
        optional second_keys: Vec<At<SecondKeySpelling>>,
        /// The key's region; default: its ARN's, else what the AWS SDKs find.
        optional region: String,
        /// Another endpoint than AWS's own for this key: https://…, or http://… on this machine.
        optional endpoint: String,
    }
}

/// A second key: its ARN, or a table where it has an endpoint.
#[derive(Debug)]
pub(crate) enum SecondKeySpelling {
    Arn(String),
    Section(Box<SecondKeySection>),
}

section! {
    /// A second key that is reached by an endpoint of its own.
    SecondKeySection {
        /// The key's ARN.
        required key: String,
        /// Another endpoint than AWS's own for this key: https://…, or http://… on this machine.
        optional endpoint: String,
    }
}

impl Spelling for SecondKeySpelling {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        match value {
            DeValue::String(_) => String::read(value, spot, gathered).map(Self::Arn),
            DeValue::Table(_) => SecondKeySection::read(value, spot, gathered)
                .map(|section| Self::Section(Box::new(section))),
            _ => {
                wrong_type("an ARN or { key = …, endpoint = … }", value, spot, gathered);
                None
            }
        }
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for SecondKeySpelling {
    fn schema_name() -> Cow<'static, str> {
        "SecondKey".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let arn = generator.subschema_for::<String>();
        let section = generator.subschema_for::<SecondKeySection>();
        either([arn, section])
    }
}

/// Where a stream is begun.
#[derive(Debug)]
pub(crate) enum StartSpelling {
    Word(StartWord),
    Place(Box<At<StartSection>>),
}

/// A start that needs no detail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StartWord {
    TrimHorizon,
}

impl Words for StartWord {
    const WHAT: &'static str = "starts";
    const WORDS: &'static [(&'static str, Self)] = &[("trim_horizon", Self::TrimHorizon)];
}

section! {
    /// A place in a stream. Exactly one of timestamp and sequence_number.
    StartSection {
        /// At the first record that arrived then or later, such as "2026-11-21T00:00:00Z".
        optional timestamp: Moment,
        /// At the record with this number; only for a stream of one shard.
        optional sequence_number: String,
    }
}

impl Spelling for StartSpelling {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        match value {
            DeValue::String(_) => {
                Word::read(value, spot, gathered).map(|Word(word)| Self::Word(word))
            }
            DeValue::Table(_) => {
                let value = StartSection::read(value, spot, gathered)?;
                let spot = spot.clone();
                Some(Self::Place(Box::new(At { value, spot })))
            }
            _ => {
                let expected = "\"trim_horizon\", { timestamp = … } or { sequence_number = … }";
                wrong_type(expected, value, spot, gathered);
                None
            }
        }
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for StartSpelling {
    fn schema_name() -> Cow<'static, str> {
        "Start".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<Word<StartWord>>();
        let section = generator.subschema_for::<StartSection>();
        either([word, section])
    }
}

/// A moment: an RFC 3339 text, or a date of TOML, which is spelled the same without quotes.
#[derive(Debug)]
pub(crate) struct Moment(pub(crate) Datetime);

impl Spelling for Moment {
    fn read(value: &DeValue<'_>, spot: &Spot, gathered: &mut Gathered) -> Option<Self> {
        let moment = match value {
            DeValue::Datetime(moment) => Some(*moment),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        if moment.is_none() {
            gathered.add(
                spot,
                "must be a moment with its offset, such as \"2026-11-21T00:00:00Z\"",
            );
        }
        moment.map(Self)
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
