//! How a value stands in a column of the plaintext database. Owns which types have such a form
//! with which driver; reading and writing them is sqlx's.

use sqlx::Database;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;

use crate::{Pii, Wipe};

/// A type that may stand in a plaintext column, through sqlx.
///
/// Every method has a default that refuses, so a type of one's own, or one that a driver does not
/// know, can be sealed all the same: `impl<DB: sqlx::Database> Plain<DB> for Mine {}`.
pub trait Plain<DB: Database>: Sized {
    /// Whether a column of this type can be read.
    #[must_use]
    fn compatible(_ty: &DB::TypeInfo) -> bool {
        false
    }

    /// Whether a column of this type holds text, though sqlx may call the type one of bytes: MySQL
    /// marks columns of a `_bin` collation as it marks bytes.
    #[must_use]
    fn is_text(_ty: &DB::TypeInfo) -> bool {
        false
    }

    /// The type of a parameter.
    #[must_use]
    fn type_info() -> Option<DB::TypeInfo> {
        None
    }

    /// Reads a value that is not NULL.
    ///
    /// # Errors
    /// What sqlx says.
    fn decode(_value: DB::ValueRef<'_>) -> Result<Self, BoxDynError> {
        Err(NO_PLAIN_FORM.into())
    }

    /// Binds the value.
    ///
    /// # Errors
    /// What sqlx says.
    fn encode(&self, _buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Err(NO_PLAIN_FORM.into())
    }
}

/// Why a value in clear and a field do not fit, in words of ours: a driver's may quote the value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unfit(&'static str);

const NO_PLAIN_FORM: Unfit = Unfit("the field's type has no plaintext form with this driver");

impl<DB: Database, T: Plain<DB> + Wipe> Plain<DB> for Pii<T> {
    fn compatible(ty: &DB::TypeInfo) -> bool {
        T::compatible(ty)
    }

    fn is_text(ty: &DB::TypeInfo) -> bool {
        T::is_text(ty)
    }

    fn type_info() -> Option<DB::TypeInfo> {
        T::type_info()
    }

    fn decode(value: DB::ValueRef<'_>) -> Result<Self, BoxDynError> {
        T::decode(value).map(Self::new)
    }

    fn encode(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.expose().encode(buffer)
    }
}

/// Types that sqlx knows with a driver.
#[allow(unused_macros, reason = "not every driver is built")]
macro_rules! native {
    ($driver:ty: $($ty:ty),+) => {$(
        impl Plain<$driver> for $ty {
            fn compatible(ty: &<$driver as Database>::TypeInfo) -> bool {
                <Self as sqlx::Type<$driver>>::compatible(ty)
            }

            fn is_text(ty: &<$driver as Database>::TypeInfo) -> bool {
                <str as sqlx::Type<$driver>>::compatible(ty)
            }

            fn type_info() -> Option<<$driver as Database>::TypeInfo> {
                Some(<Self as sqlx::Type<$driver>>::type_info())
            }

            fn decode(value: <$driver as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
                <Self as sqlx::Decode<'_, $driver>>::decode(value)
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

/// Types that stand in a column of a wider one.
#[allow(unused_macros, reason = "not every driver is built")]
macro_rules! widened {
    ($driver:ty: $($ty:ty => $wide:ty),+) => {$(
        impl Plain<$driver> for $ty {
            fn compatible(ty: &<$driver as Database>::TypeInfo) -> bool {
                <$wide as sqlx::Type<$driver>>::compatible(ty)
            }

            fn type_info() -> Option<<$driver as Database>::TypeInfo> {
                Some(<$wide as sqlx::Type<$driver>>::type_info())
            }

            fn decode(value: <$driver as Database>::ValueRef<'_>) -> Result<Self, BoxDynError> {
                let wide = <$wide as sqlx::Decode<'_, $driver>>::decode(value)?;
                Self::try_from(wide).map_err(|_| OUT_OF_RANGE.into())
            }

            fn encode(
                &self,
                buffer: &mut <$driver as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                let wide = <$wide>::try_from(*self).map_err(|_| OUT_OF_RANGE)?;
                <$wide as sqlx::Encode<'_, $driver>>::encode(wide, buffer)
            }
        }
    )+};
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
const OUT_OF_RANGE: Unfit = Unfit("the number is out of the field's or the column's range");

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{BoxDynError, Database, IsNull, OUT_OF_RANGE, Plain};

    native!(sqlx::Sqlite: String, Vec<u8>, bool, i8, i16, i32, i64, u8, u16, u32, f32, f64);
    widened!(sqlx::Sqlite: u64 => i64);
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{BoxDynError, Database, IsNull, OUT_OF_RANGE, Plain};

    native!(sqlx::Postgres: String, Vec<u8>, bool, i16, i32, i64, f32, f64);
    // PostgreSQL has no unsigned integers, and what sqlx reads as `i8` is a character.
    widened!(sqlx::Postgres: i8 => i16, u8 => i16, u16 => i32, u32 => i64, u64 => i64);
}

#[cfg(feature = "mysql")]
mod mysql {
    use super::{BoxDynError, Database, IsNull, Plain};

    native!(sqlx::MySql: String, Vec<u8>, bool, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);
}

// Behind the macros, which it uses.
mod libraries;
#[cfg(feature = "uuid")]
mod uuids;
mod wide;
