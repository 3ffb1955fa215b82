//! UUIDs in plaintext columns. Owns that either layout of a database without a type for them, 16 bytes
//! or text, is read by either of the library's types; which of them is written is the type's.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
#[cfg(any(feature = "sqlite", feature = "mysql"))]
use super::Unfit;
use super::{BoxDynError, Database, IsNull, Plain};

/// For SQLite, and for MySQL and MariaDB, whose `UUID` comes and goes as text. sqlx alone reads a
/// `Uuid` from bytes only, and a `Hyphenated` from text only.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
macro_rules! bytes_or_text {
    ($driver:ty: $($ty:ty),+) => {$(
        impl Plain<$driver> for $ty {
            fn compatible(ty: &<$driver as Database>::TypeInfo) -> bool {
                use sqlx::Type;
                <Vec<u8> as Type<$driver>>::compatible(ty)
                    || <str as Type<$driver>>::compatible(ty)
            }

            fn is_text(ty: &<$driver as Database>::TypeInfo) -> bool {
                <str as sqlx::Type<$driver>>::compatible(ty)
            }

            fn type_info() -> Option<<$driver as Database>::TypeInfo> {
                Some(<Self as sqlx::Type<$driver>>::type_info())
            }

            fn decode(value: <$driver as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
                use sqlx::{Decode, Type, ValueRef as _};
                if <str as Type<$driver>>::compatible(&value.type_info()) {
                    return of_text(<&str as Decode<'_, $driver>>::decode(value)?).map(Self::from);
                }
                let bytes = <&[u8] as Decode<'_, $driver>>::decode(value)?;
                let uuid = uuid::Uuid::from_slice(bytes).map_err(|_| NO_UUID)?;
                Ok(Self::from(uuid))
            }

            fn encode(
                &self,
                buffer: &mut <$driver as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                <Self as sqlx::Encode<'_, $driver>>::encode_by_ref(self, buffer)
            }
        }
    )+};
}

#[cfg(feature = "sqlite")]
bytes_or_text!(sqlx::Sqlite: uuid::Uuid, uuid::fmt::Hyphenated);
#[cfg(feature = "mysql")]
bytes_or_text!(sqlx::MySql: uuid::Uuid, uuid::fmt::Hyphenated);

#[cfg(feature = "postgres")]
native!(sqlx::Postgres: uuid::Uuid);

/// As a `Uuid`: PostgreSQL has a type for them, and no need of text.
#[cfg(feature = "postgres")]
impl Plain<sqlx::Postgres> for uuid::fmt::Hyphenated {
    fn compatible(ty: &<sqlx::Postgres as Database>::TypeInfo) -> bool {
        <uuid::Uuid as Plain<sqlx::Postgres>>::compatible(ty)
    }

    fn type_info() -> Option<<sqlx::Postgres as Database>::TypeInfo> {
        <uuid::Uuid as Plain<sqlx::Postgres>>::type_info()
    }

    fn decode(value: <sqlx::Postgres as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
        <uuid::Uuid as Plain<sqlx::Postgres>>::decode(value).map(Self::from)
    }

    fn encode(
        &self,
        buffer: &mut <sqlx::Postgres as Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        <uuid::Uuid as Plain<sqlx::Postgres>>::encode(self.as_uuid(), buffer)
    }
}

/// Says nothing of what is there: the library's own errors name characters.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
const NO_UUID: Unfit = Unfit(
    "the column holds no UUID: neither 16 bytes nor 32 hexadecimal digits, with \
     the usual hyphens or without",
);

/// The spellings that the pipeline takes; the library knows more.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
fn of_text(text: &str) -> Result<uuid::Uuid, BoxDynError> {
    let usual = matches!(text.len(), 32 | 36);
    let uuid = usual.then(|| uuid::Uuid::try_parse(text).ok()).flatten();
    uuid.ok_or_else(|| NO_UUID.into())
}

#[cfg(all(test, any(feature = "sqlite", feature = "mysql")))]
mod tests {
    use super::of_text;

    #[test]
    fn the_usual_spellings_and_no_others() {
        let uuid = uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let hyphenated = "01234567-89ab-cdef-0123-456789abcdef";
        let digits = "0123456789abcdef0123456789abcdef";
        for text in [hyphenated, digits] {
            assert_eq!(of_text(text).unwrap(), uuid);
            assert_eq!(of_text(&text.to_uppercase()).unwrap(), uuid);
        }
        let odd = [
            "",
            "0123456789abcdef",
            "0123456789abcdef0123456789abcdeg",
            "0123-4567-89ab-cdef-0123456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcdef}",
            "urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
            "ääääääääääääääää",
        ];
        for text in odd {
            let error = of_text(text).unwrap_err().to_string();
            assert!(error.contains("holds no UUID"), "{error}");
        }
    }
}
