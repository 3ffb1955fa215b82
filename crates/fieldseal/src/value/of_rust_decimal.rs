//! Decimals of the library `rust_decimal`.

use ::rust_decimal::Decimal;
use fieldseal_model::{Kind, Value};

use super::{FieldValue, OddValue, text_of, written};

/// At most 28 digits behind the point, and 96 bits in all; a wider decimal does not fit. The
/// format keeps no trailing zeros: 1.50 comes back as 1.5, which is equal to it.
impl FieldValue for Decimal {
    const KIND: Kind = Kind::Decimal;

    fn to_value(&self) -> Result<Value, OddValue> {
        written(Self::KIND, self.normalize().to_string().into_bytes())
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        let text = text_of(value, Self::KIND)?;
        Self::from_str_exact(text).map_err(|_| OddValue::DoesNotFit {
            kind: Self::KIND,
            rust: "Decimal",
        })
    }
}

crate::pii::wipe_by_default!(Decimal);
