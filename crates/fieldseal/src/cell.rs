//! A sealed column in a fetched row, or in one that is to be bound. Owns how it goes through
//! sqlx: told apart by the column's type, never by looking at the bytes.

use std::fmt;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type, TypeInfo as _, ValueRef as _};

use crate::Plain;
use crate::plain::Unfit;

/// What one sealed column holds in a row of the database.
pub enum Cell<V> {
    /// The column holds bytes: a sealed value, or NULL.
    Sealed(Option<Vec<u8>>),
    /// The column holds something else: a value in clear, or NULL. Right in the plaintext database,
    /// and refused in a sealed one.
    Plain(Option<V>),
}

impl<V> Cell<V> {
    /// Whether it is NULL.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Sealed(None) | Self::Plain(None))
    }

    /// The sealed bytes, if there are any.
    pub fn sealed(&self) -> Option<&[u8]> {
        match self {
            Self::Sealed(bytes) => bytes.as_deref(),
            Self::Plain(_) => None,
        }
    }
}

impl<V> fmt::Debug for Cell<V> {
    /// Never the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(Some(bytes)) => write!(f, "Sealed({} bytes)", bytes.len()),
            Self::Plain(Some(_)) => f.write_str("Plain(..)"),
            Self::Sealed(None) | Self::Plain(None) => f.write_str("Null"),
        }
    }
}

/// Whether a column of this type holds bytes, by the names that sqlx gives the types of bytes.
fn holds_bytes<DB: Database, V: Plain<DB>>(ty: &DB::TypeInfo) -> bool {
    let called_bytes = matches!(
        ty.name(),
        "BYTEA" | "BLOB" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "VARBINARY" | "BINARY"
    );
    called_bytes && !V::is_text(ty)
}

impl<DB, V> Type<DB> for Cell<V>
where
    DB: Database,
    V: Plain<DB>,
    Vec<u8>: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <Vec<u8> as Type<DB>>::type_info()
    }

    fn compatible(ty: &DB::TypeInfo) -> bool {
        ty.is_null() || holds_bytes::<DB, V>(ty) || V::compatible(ty)
    }
}

impl<'r, DB, V> Decode<'r, DB> for Cell<V>
where
    DB: Database,
    V: Plain<DB>,
    Vec<u8>: Decode<'r, DB>,
{
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = holds_bytes::<DB, V>(&value.type_info());
        match (bytes, value.is_null()) {
            (true, true) => Ok(Self::Sealed(None)),
            (false, true) => Ok(Self::Plain(None)),
            (true, false) => Ok(Self::Sealed(Some(<Vec<u8> as Decode<'r, DB>>::decode(
                value,
            )?))),
            (false, false) => {
                let ty = value.type_info().name().to_owned();
                let plain = V::decode(value).map_err(|error| {
                    // The driver's words may quote the value.
                    if error.is::<Unfit>() {
                        error
                    } else {
                        unreadable::<V>(&ty)
                    }
                })?;
                Ok(Self::Plain(Some(plain)))
            }
        }
    }
}

#[cold]
fn unreadable<V>(ty: &str) -> BoxDynError {
    let rust = std::any::type_name::<V>();
    format!("a {ty} in clear that cannot be read as {rust}; what it says is not shown").into()
}

impl<'q, DB, V> Encode<'q, DB> for Cell<V>
where
    DB: Database,
    V: Plain<DB>,
    Vec<u8>: Encode<'q, DB> + Type<DB>,
{
    fn encode_by_ref(&self, buf: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Sealed(Some(bytes)) => bytes.encode_by_ref(buf),
            Self::Plain(Some(value)) => value.encode(buf),
            Self::Sealed(None) | Self::Plain(None) => Ok(IsNull::Yes),
        }
    }

    fn produces(&self) -> Option<DB::TypeInfo> {
        match self {
            Self::Sealed(_) => Some(<Vec<u8> as Type<DB>>::type_info()),
            Self::Plain(_) => V::type_info(),
        }
    }
}
