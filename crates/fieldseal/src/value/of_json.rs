//! JSON of the library `serde_json`. The format keeps JSON's text as it is: no spaces are taken
//! away, no keys are sorted, and no blind index is made of it.

use fieldseal_model::{Kind, Value};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use zeroize::Zeroize as _;

use super::{FieldValue, OddValue, text_of, written};
use crate::pii::Wipe;

/// Written without spaces, its keys in the map's order. A number that a binary64 does not hold
/// loses digits when `serde_json` reads it: where such numbers occur, use `Box<RawValue>`.
impl FieldValue for Json {
    const KIND: Kind = Kind::Json;

    fn to_value(&self) -> Result<Value, OddValue> {
        let text = serde_json::to_vec(self).map_err(|_| OddValue::NoForm {
            kind: Self::KIND,
            reason: "it cannot be written",
        })?;
        written(Self::KIND, text)
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        serde_json::from_str(text_of(value, Self::KIND)?)
            .map_err(|_| unreadable("serde_json::Value"))
    }
}

/// The text as it is.
impl FieldValue for Box<RawValue> {
    const KIND: Kind = Kind::Json;

    fn to_value(&self) -> Result<Value, OddValue> {
        written(Self::KIND, self.get().as_bytes().to_vec())
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        serde_json::from_str(text_of(value, Self::KIND)?).map_err(|_| unreadable("Box<RawValue>"))
    }
}

/// The pipeline seals only what parses, but by its own parser: a nesting deeper than this one
/// takes is possible.
const fn unreadable(rust: &'static str) -> OddValue {
    let kind = Kind::Json;
    OddValue::DoesNotFit { kind, rust }
}

impl Wipe for Json {
    fn wipe(&mut self) {
        match self {
            Self::String(text) => text.zeroize(),
            Self::Array(items) => items.iter_mut().for_each(Wipe::wipe),
            Self::Object(map) => {
                for (mut key, mut value) in std::mem::take::<Map<_, _>>(map) {
                    key.zeroize();
                    value.wipe();
                }
            }
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
        crate::pii::overwrite(self, Self::Null);
    }
}

impl Wipe for Box<RawValue> {
    fn wipe(&mut self) {
        let text: Box<str> = std::mem::take::<Self>(self).into();
        String::from(text).zeroize();
    }
}
