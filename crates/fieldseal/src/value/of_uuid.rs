//! UUIDs of the library `uuid`.

use ::uuid::Uuid;
use ::uuid::fmt::Hyphenated;
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

/// For plaintext columns of text: see [`FieldValue`]. What is sealed are the bytes all the same.
impl FieldValue for Hyphenated {
    const KIND: Kind = Kind::Uuid;

    fn to_value(&self) -> Result<Value, OddValue> {
        self.as_uuid().to_value()
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        Uuid::from_value(value).map(Self::from)
    }
}

crate::pii::wipe_by_default!(Uuid, Hyphenated);

#[cfg(test)]
mod tests {
    use fieldseal_model::{Kind, Plaintext};

    use super::{FieldValue as _, Hyphenated, OddValue, Uuid, Value};
    use crate::{Pii, Wipe as _};

    #[test]
    fn either_type_has_the_same_form() {
        let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let form = Pii::new(uuid.hyphenated()).to_value().unwrap();
        assert_eq!(form.kind(), Kind::Uuid);
        assert_eq!(form.expose(), uuid.as_bytes());
        assert_eq!(form.expose(), uuid.to_value().unwrap().expose());
        let opened = Plaintext::new(uuid.as_bytes().to_vec());
        let mut read = Hyphenated::take_opened(Kind::Uuid, opened).unwrap();
        assert_eq!(read, uuid.hyphenated());
        read.wipe();
        assert_eq!(read, Uuid::nil().hyphenated());
    }

    #[test]
    fn a_text_is_no_uuid() {
        let text = Value::text("01234567-89ab-cdef-0123-456789abcdef");
        let (wanted, found) = (Kind::Uuid, Kind::Text);
        assert_eq!(
            Hyphenated::from_value(&text),
            Err(OddValue::WrongKind { wanted, found })
        );
        assert_eq!(Hyphenated::from_value(&Value::null()), Err(OddValue::Null));
    }
}
