//! UUIDs of the library `uuid`.

use ::uuid::Uuid;
use fieldseal_model::{Kind, Value};

use super::{FieldValue, OddValue, expect_kind, written};

impl FieldValue for Uuid {
    const KIND: Kind = Kind::Uuid;

    fn to_value(&self) -> Result<Value, OddValue> {
        written(Self::KIND, self.as_bytes().to_vec())
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        expect_kind(value.kind(), Self::KIND)?;
        Self::from_slice(value.expose()).map_err(|_| OddValue::NoForm {
            kind: Self::KIND,
            reason: "it is not 16 bytes long",
        })
    }
}

crate::pii::wipe_by_default!(Uuid);
