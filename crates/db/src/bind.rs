//! Parameters. Owns how each driver gets them; a parameter is always typed, NULL too, since
//! PostgreSQL refuses a text NULL for a bytea column.

use sqlx::Arguments as _;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlArguments;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgArguments;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteArguments;

use crate::{DbError, Dialect};

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

/// Parameters in their driver's wire format, made before there is a connection to send them on.
/// No `Debug`: they may be cells.
pub struct Encoded {
    pub(crate) arguments: DriverArguments,
    /// How long a MySQL packet with them is; 0 elsewhere.
    pub(crate) packet: usize,
}

pub(crate) enum DriverArguments {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteArguments),
    #[cfg(feature = "postgres")]
    Postgres(PgArguments),
    #[cfg(feature = "mysql")]
    MySql(MySqlArguments),
}

impl Encoded {
    /// Parameters for a database that speaks `dialect`.
    ///
    /// # Errors
    /// [`DbError`] when a parameter cannot be encoded.
    pub fn new(dialect: Dialect, binds: &[Bind<'_>]) -> Result<Self, DbError> {
        let (arguments, packet) = match dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => (DriverArguments::Sqlite(sqlite(binds)?), 0),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => (DriverArguments::Postgres(postgres(binds)?), 0),
            #[cfg(feature = "mysql")]
            Dialect::MySql => (DriverArguments::MySql(mysql(binds)?), mysql_packet(binds)),
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            _ => return Err(DbError::no_driver()),
        };
        Ok(Self { arguments, packet })
    }
}

/// How long the packet is at most that executes a prepared statement with these parameters
/// (MySQL's `COM_STMT_EXECUTE`).
#[cfg(feature = "mysql")]
pub(crate) fn mysql_packet(binds: &[Bind<'_>]) -> usize {
    /// Command, statement, flags, iterations, and that types follow.
    const HEAD: usize = 11;
    /// A parameter's type, its bit among the NULLs, and the length before a text or bytes.
    const AROUND: usize = 12;
    let value = |bind: &Bind<'_>| match *bind {
        Bind::Text(text) => text.map_or(0, str::len),
        Bind::Bytes(bytes) => bytes.map_or(0, <[u8]>::len),
        _ => 8,
    };
    HEAD + binds.iter().map(|bind| AROUND + value(bind)).sum::<usize>()
}

/// SQLite takes owned copies.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite(binds: &[Bind<'_>]) -> Result<SqliteArguments, DbError> {
    let mut out = SqliteArguments::default();
    for bind in binds {
        match *bind {
            Bind::Int(value) => out.add(value),
            Bind::Unsigned(value) => out.add(value.to_string()),
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

/// The servers' wire formats have no need of an owned copy.
#[cfg(feature = "mysql")]
pub(crate) fn mysql(binds: &[Bind<'_>]) -> Result<MySqlArguments, DbError> {
    let mut out = MySqlArguments::default();
    out.reserve(binds.len(), wire_size(binds));
    for bind in binds {
        match *bind {
            Bind::Int(value) => out.add(value),
            Bind::Unsigned(value) => out.add(value),
            Bind::Text(value) => out.add(value),
            Bind::Bytes(value) => out.add(value),
            Bind::Ints(_) | Bind::Texts(_) | Bind::ByteStrings(_) => {
                return Err(DbError::unexpected());
            }
        }
        .map_err(|_| DbError::encode())?;
    }
    Ok(out)
}

/// About how many bytes the parameters take on the wire: so much memory is asked for at once,
/// since a batch has megabytes.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn wire_size(binds: &[Bind<'_>]) -> usize {
    /// Around a value stand its length and, in an array's head, some more.
    const AROUND: usize = 9;
    let column = |lengths: &mut dyn Iterator<Item = usize>| lengths.map(|n| n + 4).sum::<usize>();
    binds
        .iter()
        .map(|bind| {
            AROUND
                + match *bind {
                    Bind::Int(_) | Bind::Unsigned(_) => 8,
                    Bind::Text(text) => text.map_or(0, str::len),
                    Bind::Bytes(bytes) => bytes.map_or(0, <[u8]>::len),
                    Bind::Ints(values) => 20 + 12 * values.len(),
                    Bind::Texts(values) => {
                        20 + column(&mut values.iter().map(|v| v.map_or(0, str::len)))
                    }
                    Bind::ByteStrings(values) => {
                        20 + column(&mut values.iter().map(|v| v.map_or(0, <[u8]>::len)))
                    }
                }
        })
        .sum()
}

#[cfg(feature = "postgres")]
pub(crate) fn postgres(binds: &[Bind<'_>]) -> Result<PgArguments, DbError> {
    let mut out = PgArguments::default();
    out.reserve(binds.len(), wire_size(binds));
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
