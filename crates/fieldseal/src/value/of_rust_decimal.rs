//! Decimals of the library `rust_decimal`.

use ::rust_decimal::Decimal;
use fieldseal_model::{Kind, Value};

use super::{FieldValue, OddValue, text_of, written};

/// At most 28 digits behind the point, and 96 bits in all; a wider decimal does not fit. The
/// format keeps no trailing zeros: 1.50 comes back as 1.5, which is equal to it, or with as many
/// zeros as the column's scale says.
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

    /// Whatever has no room for all of them gets none.
    fn fill_scale(&mut self, scale: u32) {
        // `rescale` goes beyond the most that the library stands for.
        if scale <= self.scale() || scale > Self::MAX_SCALE {
            return;
        }
        let mut filled = *self;
        filled.rescale(scale);
        if filled.scale() == scale {
            *self = filled;
        }
    }
}

crate::pii::wipe_by_default!(Decimal);

#[cfg(test)]
mod tests {
    use super::{Decimal, FieldValue as _};
    use crate::Pii;

    #[test]
    fn a_scale_adds_zeros_and_nothing_else() {
        let most = "79228162514264337593543950335";
        let cases = [
            ("12.5", 2, "12.50"),
            ("-0.1", 2, "-0.10"),
            ("100", 2, "100.00"),
            ("0", 2, "0.00"),
            ("0", 28, "0.0000000000000000000000000000"),
            ("100", 0, "100"),
            // Never rounded, never cut.
            ("1.5", 0, "1.5"),
            ("1.125", 2, "1.125"),
            // No room for them.
            (most, 1, most),
            ("7.9", 28, "7.9000000000000000000000000000"),
            ("8.5", 28, "8.5"),
            ("0.5", 29, "0.5"),
            ("0", 29, "0"),
        ];
        for (text, scale, filled) in cases {
            let mut value = Pii::new(Decimal::from_str_exact(text).unwrap());
            value.fill_scale(scale);
            assert_eq!(value.expose().to_string(), filled);
            let form = value.to_value().unwrap();
            let read = Pii::<Decimal>::from_value(&form).unwrap();
            assert_eq!(read.expose().to_string(), text);
        }
    }
}
