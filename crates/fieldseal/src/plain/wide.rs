//! Numbers that no driver has a type for: integers of 128 bits, and decimals in SQLite. Owns that
//! every digit is kept or the number refused, down to a decimal zero's in PostgreSQL; they stand in the
//! widest columns there are, PostgreSQL's `NUMERIC` and MySQL's `DECIMAL`, or as text.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use super::{BoxDynError, Database, IsNull, OUT_OF_RANGE, Plain};

/// SQLite answers any number as text. One that it keeps as binary64 comes with an exponent or a
/// point, which is no integer.
#[cfg(feature = "sqlite")]
macro_rules! sqlite {
    ($($ty:ty),+) => {$(
        impl Plain<sqlx::Sqlite> for $ty {
            fn compatible(ty: &<sqlx::Sqlite as Database>::TypeInfo) -> bool {
                use sqlx::Type;
                <str as Type<sqlx::Sqlite>>::compatible(ty)
                    || <i64 as Type<sqlx::Sqlite>>::compatible(ty)
                    || <f64 as Type<sqlx::Sqlite>>::compatible(ty)
            }

            fn type_info() -> Option<<sqlx::Sqlite as Database>::TypeInfo> {
                Some(<str as sqlx::Type<sqlx::Sqlite>>::type_info())
            }

            fn decode(value: <sqlx::Sqlite as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
                let text = <&str as sqlx::Decode<'_, sqlx::Sqlite>>::decode(value)?;
                text.parse().map_err(|_| OUT_OF_RANGE.into())
            }

            fn encode(
                &self,
                buffer: &mut <sqlx::Sqlite as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                <String as sqlx::Encode<'_, sqlx::Sqlite>>::encode(self.to_string(), buffer)
            }
        }
    )+};
}

#[cfg(feature = "sqlite")]
sqlite!(i128, u128);

/// How many significant digits of a decimal outlive a numeric column: "Datatypes In SQLite",
/// section 3, "Type Affinity".
#[cfg(all(feature = "sqlite", feature = "rust_decimal"))]
const EXACT_DIGITS: u32 = 15;

#[cfg(all(feature = "sqlite", feature = "rust_decimal"))]
const TOO_MANY_DIGITS: super::Unfit = super::Unfit(
    "the decimal has more than 15 significant digits, of which SQLite \
     drops some without a word in a numeric column; it has no plaintext form there",
);

#[cfg(all(feature = "sqlite", feature = "rust_decimal"))]
const NO_DECIMAL: super::Unfit = super::Unfit(
    "the REAL in the column stands for no decimal of at most 15 digits; keep \
     the field's decimals in a TEXT column",
);

/// A `Decimal` is bound as text. SQLite makes a REAL or an INTEGER of it in a column of a numeric
/// affinity, drops what binary64 cannot hold, and says nothing; nor can the binding see the column.
/// So a decimal of more than 15 significant digits is refused, even where the column is a TEXT
/// column: what is bound is read back as it was from a column of any type. Read is more: text of any
/// digits that a `Decimal` holds, an INTEGER, and a REAL that stands for a decimal of at most 15
/// digits; a REAL of more is an error. What another writer lost is not seen where what is left looks
/// like so few digits: SQLite keeps `1.00000000000000000001` as the INTEGER 1.
///
/// More digits in a TEXT column take a type of the application's own, with this trait as it needs it.
#[cfg(all(feature = "sqlite", feature = "rust_decimal"))]
impl Plain<sqlx::Sqlite> for rust_decimal::Decimal {
    fn compatible(ty: &<sqlx::Sqlite as Database>::TypeInfo) -> bool {
        <i128 as Plain<sqlx::Sqlite>>::compatible(ty)
    }

    fn type_info() -> Option<<sqlx::Sqlite as Database>::TypeInfo> {
        <i128 as Plain<sqlx::Sqlite>>::type_info()
    }

    fn decode(value: <sqlx::Sqlite as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
        use sqlx::{Decode, Type, ValueRef as _};
        if <f64 as Type<sqlx::Sqlite>>::compatible(&value.type_info()) {
            let real = <f64 as Decode<'_, sqlx::Sqlite>>::decode(value)?;
            // The shortest digits that mean this REAL. No other decimal of at most 15 does.
            let decimal = Self::from_str_exact(&real.to_string()).map_err(|_| NO_DECIMAL)?;
            return if significant_digits(decimal) > EXACT_DIGITS {
                Err(NO_DECIMAL.into())
            } else {
                Ok(decimal)
            };
        }
        let text = <&str as Decode<'_, sqlx::Sqlite>>::decode(value)?;
        Self::from_str_exact(text).map_err(|_| OUT_OF_RANGE.into())
    }

    fn encode(
        &self,
        buffer: &mut <sqlx::Sqlite as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        if significant_digits(*self) > EXACT_DIGITS {
            return Err(TOO_MANY_DIGITS.into());
        }
        <String as sqlx::Encode<'_, sqlx::Sqlite>>::encode(self.to_string(), buffer)
    }
}

/// The digits from the first that is not 0 to the last that is not.
#[cfg(all(feature = "sqlite", feature = "rust_decimal"))]
fn significant_digits(decimal: rust_decimal::Decimal) -> u32 {
    let mut digits = decimal.mantissa().unsigned_abs();
    while digits != 0 && digits.is_multiple_of(10) {
        digits /= 10;
    }
    digits.checked_ilog10().map_or(0, |power| power + 1)
}

#[cfg(feature = "mysql")]
macro_rules! mysql {
    ($($ty:ty),+) => {$(
        impl Plain<sqlx::MySql> for $ty {
            fn compatible(ty: &<sqlx::MySql as Database>::TypeInfo) -> bool {
                use sqlx::{Type, TypeInfo as _};
                ty.name() == "DECIMAL"
                    || <str as Type<sqlx::MySql>>::compatible(ty)
                    || <i64 as Type<sqlx::MySql>>::compatible(ty)
                    || <u64 as Type<sqlx::MySql>>::compatible(ty)
            }

            fn is_text(ty: &<sqlx::MySql as Database>::TypeInfo) -> bool {
                <str as sqlx::Type<sqlx::MySql>>::compatible(ty)
            }

            fn type_info() -> Option<<sqlx::MySql as Database>::TypeInfo> {
                Some(<str as sqlx::Type<sqlx::MySql>>::type_info())
            }

            fn decode(value: <sqlx::MySql as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
                use sqlx::{Decode, Type, ValueRef as _};
                let ty = value.type_info();
                if <u64 as Type<sqlx::MySql>>::compatible(&ty) {
                    let number = <u64 as Decode<'_, sqlx::MySql>>::decode(value)?;
                    return Self::try_from(number).map_err(|_| OUT_OF_RANGE.into());
                }
                if <i64 as Type<sqlx::MySql>>::compatible(&ty) {
                    let number = <i64 as Decode<'_, sqlx::MySql>>::decode(value)?;
                    return Self::try_from(number).map_err(|_| OUT_OF_RANGE.into());
                }
                // A DECIMAL is sent as text.
                let text = <&str as Decode<'_, sqlx::MySql>>::decode(value)?;
                text.parse().map_err(|_| OUT_OF_RANGE.into())
            }

            fn encode(
                &self,
                buffer: &mut <sqlx::MySql as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                <String as sqlx::Encode<'_, sqlx::MySql>>::encode(self.to_string(), buffer)
            }
        }
    )+};
}

#[cfg(feature = "mysql")]
mysql!(i128, u128);

#[cfg(feature = "postgres")]
macro_rules! postgres {
    ($($ty:ty),+) => {$(
        impl Plain<sqlx::Postgres> for $ty {
            fn compatible(ty: &<sqlx::Postgres as Database>::TypeInfo) -> bool {
                use sqlx::Type;
                *ty == numeric::TYPE
                    || <str as Type<sqlx::Postgres>>::compatible(ty)
                    || <i64 as Type<sqlx::Postgres>>::compatible(ty)
            }

            fn type_info() -> Option<<sqlx::Postgres as Database>::TypeInfo> {
                Some(numeric::TYPE)
            }

            fn decode(
                value: <sqlx::Postgres as Database>::ValueRef<'_>,
            ) -> Result<Self, BoxDynError> {
                use sqlx::{Decode, Type, ValueRef as _};
                use sqlx::postgres::PgValueFormat;
                let ty = value.type_info();
                if <i64 as Type<sqlx::Postgres>>::compatible(&ty) {
                    let number = <i64 as Decode<'_, sqlx::Postgres>>::decode(value)?;
                    return Self::try_from(number).map_err(|_| OUT_OF_RANGE.into());
                }
                if *ty == numeric::TYPE && value.format() == PgValueFormat::Binary {
                    let digits = numeric::digits(value.as_bytes()?).ok_or(OUT_OF_RANGE)?;
                    return digits.parse().map_err(|_| OUT_OF_RANGE.into());
                }
                value.as_str()?.parse().map_err(|_| OUT_OF_RANGE.into())
            }

            fn encode(
                &self,
                buffer: &mut <sqlx::Postgres as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                buffer.extend(numeric::of_digits(&self.to_string()));
                Ok(IsNull::No)
            }
        }
    )+};
}

#[cfg(feature = "postgres")]
postgres!(i128, u128);

/// As sqlx does it, but that a zero has the digits behind the point that it was sent with, as every
/// other number has: sqlx gives 0 for the 0.00 of a column of two.
#[cfg(all(feature = "postgres", feature = "rust_decimal"))]
impl Plain<sqlx::Postgres> for rust_decimal::Decimal {
    fn compatible(ty: &<sqlx::Postgres as Database>::TypeInfo) -> bool {
        <Self as sqlx::Type<sqlx::Postgres>>::compatible(ty)
    }

    fn type_info() -> Option<<sqlx::Postgres as Database>::TypeInfo> {
        Some(<Self as sqlx::Type<sqlx::Postgres>>::type_info())
    }

    fn decode(value: <sqlx::Postgres as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
        use crate::FieldValue as _;
        use sqlx::postgres::PgValueFormat;
        let scale = match value.format() {
            PgValueFormat::Binary => numeric::scale(value.as_bytes()?),
            // Text says it all.
            PgValueFormat::Text => None,
        };
        let mut decimal = <Self as sqlx::Decode<'_, sqlx::Postgres>>::decode(value)?;
        if decimal.is_zero()
            && let Some(scale) = scale
        {
            decimal.fill_scale(scale);
        }
        Ok(decimal)
    }

    fn encode(
        &self,
        buffer: &mut <sqlx::Postgres as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        <Self as sqlx::Encode<'_, sqlx::Postgres>>::encode_by_ref(self, buffer)
    }
}

/// PostgreSQL's `NUMERIC` as it is sent (`numeric_send` in src/backend/utils/adt/numeric.c): counts
/// of digits to the base of 10,000, the power of the first one, sign, digits behind the point; then
/// the digits.
#[cfg(feature = "postgres")]
mod numeric {
    use sqlx::postgres::PgTypeInfo;
    use sqlx::postgres::types::Oid;

    pub(super) const TYPE: PgTypeInfo = PgTypeInfo::with_oid(Oid(1700));

    const NEGATIVE: u16 = 0x4000;

    /// An integer's digits, with its sign.
    pub(super) fn digits(sent: &[u8]) -> Option<String> {
        let words: Vec<u16> = sent
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        let [_, weight, sign, _, digits @ ..] = words.as_slice() else {
            return None;
        };
        let whole = usize::try_from(i32::from(weight.cast_signed()) + 1).unwrap_or(0);
        let sign = match *sign {
            0 => "",
            NEGATIVE => "-",
            // NaN, or an infinity.
            _ => return None,
        };
        let fraction = digits.get(whole..).unwrap_or_default();
        if fraction.iter().any(|digit| *digit != 0) {
            return None;
        }
        let digit = |at: usize| digits.get(at).copied().unwrap_or(0);
        let text: String = (0..whole).map(|at| format!("{:04}", digit(at))).collect();
        let text = text.trim_start_matches('0');
        Some(if text.is_empty() {
            "0".to_owned()
        } else {
            format!("{sign}{text}")
        })
    }

    /// How many digits stand behind the point.
    #[cfg(feature = "rust_decimal")]
    pub(super) fn scale(sent: &[u8]) -> Option<u32> {
        let scale = sent.get(6..8)?.try_into().ok()?;
        Some(u16::from_be_bytes(scale).into())
    }

    pub(super) fn of_digits(text: &str) -> Vec<u8> {
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (NEGATIVE, rest),
            None => (0, text),
        };
        let digits: Vec<u16> = text
            .as_bytes()
            .rchunks(4)
            .rev()
            .map(|four| {
                four.iter()
                    .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
            })
            .collect();
        // 39 digits at most, which are 10 to the base of 10,000.
        let count = u16::try_from(digits.len()).unwrap_or(0);
        let head = [count, count.saturating_sub(1), sign, 0];
        let words = head.into_iter().chain(digits);
        words.flat_map(u16::to_be_bytes).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::{digits, of_digits};

        #[test]
        fn there_and_back() {
            let numbers = [0, 1, -1, 9999, 10_000, -123_456_789, i128::MAX, i128::MIN];
            for number in numbers {
                let text = number.to_string();
                assert_eq!(digits(&of_digits(&text)), Some(text));
            }
            let most = u128::MAX.to_string();
            assert_eq!(digits(&of_digits(&most)), Some(most));
        }

        /// As a server sends 10000, 1.5 and NaN, and what is cut short.
        #[test]
        fn what_a_server_sends() {
            assert_eq!(
                digits(&[0, 1, 0, 1, 0, 0, 0, 0, 0, 1]).as_deref(),
                Some("10000")
            );
            assert_eq!(digits(&[0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x88]), None);
            assert_eq!(digits(&[0, 0, 0, 0, 0xc0, 0, 0, 0]), None);
            assert_eq!(digits(&[0, 1]), None);
        }

        /// The greatest weight that is sent, as of 1e131071: no integer of 128 bits.
        #[test]
        fn the_greatest_weight() {
            let sent = [0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0x03, 0xe8];
            let digits = digits(&sent).expect("an integer");
            assert_eq!(digits.len(), 131_072);
            assert!(digits.parse::<u128>().is_err());
        }
    }
}
