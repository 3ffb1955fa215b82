//! Parameters. Owns how each driver gets them; a parameter is always typed, NULL too, since
//! PostgreSQL refuses a text NULL for a bytea column.

use sqlx::Arguments as _;
use sqlx::mysql::MySqlArguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::DbError;

/// One parameter. No `Debug`: it may be a cell.
#[derive(Clone, Copy)]
pub enum Bind<'a> {
    /// A 64-bit integer or NULL.
    Int(Option<i64>),
    /// An unsigned integer beyond `i64`; MySQL only, others take it as text.
    Unsigned(u64),
    /// Text or NULL.
    Text(Option<&'a str>),
    /// Bytes or NULL.
    Bytes(Option<&'a [u8]>),
    /// A column of integers, for UNNEST; PostgreSQL only.
    Ints(&'a [Option<i64>]),
    /// A column of texts, for UNNEST; PostgreSQL only.
    Texts(&'a [Option<&'a str>]),
    /// A column of bytes, for UNNEST; PostgreSQL only.
    ByteStrings(&'a [Option<&'a [u8]>]),
}

impl From<i64> for Bind<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Bind<'_> {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl<'a> From<&'a str> for Bind<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Bind<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Bind<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Bind<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Bind<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<Option<&'a [u8]>> for Bind<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value)
    }
}

/// Each driver's arguments type is its own; the body is the same three times over, so a macro
/// writes it. `$unsigned` says what becomes of an integer beyond i64.
macro_rules! arguments {
    ($name:ident, $arguments:ty, $unsigned:expr) => {
        pub(crate) fn $name(binds: &[Bind<'_>]) -> Result<$arguments, DbError> {
            let mut out = <$arguments>::default();
            for bind in binds {
                match *bind {
                    Bind::Int(value) => out.add(value),
                    Bind::Unsigned(value) => out.add($unsigned(value)),
                    Bind::Text(value) => out.add(value.map(str::to_owned)),
                    Bind::Bytes(value) => out.add(value.map(<[u8]>::to_vec)),
                    Bind::Ints(_) | Bind::Texts(_) | Bind::ByteStrings(_) => {
                        return Err(DbError::unexpected());
                    }
                }
                .map_err(|_| DbError::encode())?;
            }
            Ok(out)
        }
    };
}

arguments!(sqlite, SqliteArguments, |value: u64| value.to_string());
arguments!(mysql, MySqlArguments, |value: u64| value);

/// PostgreSQL's wire format has no need of an owned copy, nor has MySQL's; SQLite's has.
pub(crate) fn postgres(binds: &[Bind<'_>]) -> Result<PgArguments, DbError> {
    let mut out = PgArguments::default();
    for bind in binds {
        match *bind {
            Bind::Int(value) => out.add(value),
            Bind::Unsigned(value) => out.add(value.to_string()),
            Bind::Text(value) => out.add(value),
            Bind::Bytes(value) => out.add(value),
            Bind::Ints(column) => out.add(column),
            Bind::Texts(column) => out.add(column),
            Bind::ByteStrings(column) => out.add(column),
        }
        .map_err(|_| DbError::encode())?;
    }
    Ok(out)
}
