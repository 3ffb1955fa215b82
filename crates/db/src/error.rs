//! Database errors without values. Owns the classes and which server code falls into which;
//! does not decide what is tried again.

use std::fmt;

use sqlx::error::DatabaseError;

use crate::Dialect;

/// What a database error means to who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DbErrorKind {
    /// The server cannot be reached, is shutting down, is full, or cut the connection.
    Unavailable,
    /// Deadlock, lock wait time-out, serialisation failure, SQLite busy: the same transaction
    /// tried again may pass.
    Contention,
    /// COMMIT was sent and no answer came: it may have been committed.
    CommitUnknown,
    /// A value that the table does not take.
    Data,
    /// A table, column or other object is missing or of another shape.
    Schema,
    /// The account may not do this.
    Privilege,
    /// The URL or the connection's settings are wrong.
    Configuration,
    /// This build has no driver for the URL's scheme: the crate's feature for it is off.
    NoDriver,
    /// Anything else: a mistake in a statement, or a server that answers oddly.
    Other,
}

/// A database error: its class, the server's code, and which step failed. The server's message
/// is left behind on purpose, since it may quote a cell.
#[derive(Clone, PartialEq, Eq)]
pub struct DbError {
    kind: DbErrorKind,
    code: Option<String>,
    constraint: bool,
}

impl DbError {
    pub(crate) fn from_sqlx(dialect: Dialect, error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => Self::from_server(dialect, database.as_ref()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            // A connection cut in the middle of a packet reads as a broken protocol.
            | sqlx::Error::Protocol(_) => Self::of(DbErrorKind::Unavailable),
            sqlx::Error::Configuration(_) => Self::of(DbErrorKind::Configuration),
            sqlx::Error::Encode(_) => Self::encode(),
            sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::RowNotFound => Self::of(DbErrorKind::Schema),
            _ => Self::of(DbErrorKind::Other),
        }
    }

    /// The error of a COMMIT: what is merely unavailable elsewhere leaves the outcome unknown.
    pub(crate) fn from_commit(dialect: Dialect, error: &sqlx::Error) -> Self {
        let plain = Self::from_sqlx(dialect, error);
        match plain.kind {
            DbErrorKind::Unavailable | DbErrorKind::Other => Self {
                kind: DbErrorKind::CommitUnknown,
                ..plain
            },
            _ => plain,
        }
    }

    fn from_server(dialect: Dialect, error: &dyn DatabaseError) -> Self {
        let (kind, code) = match dialect {
            Dialect::Postgres => {
                let code = error
                    .code()
                    .map(std::borrow::Cow::into_owned)
                    .unwrap_or_default();
                (postgres_kind(&code), code)
            }
            Dialect::MySql => {
                let number = mysql_number(error);
                (mysql_kind(number), number.to_string())
            }
            Dialect::Sqlite => {
                let code = error
                    .code()
                    .map(std::borrow::Cow::into_owned)
                    .unwrap_or_default();
                (sqlite_kind(&code), code)
            }
        };
        Self {
            kind,
            code: Some(code),
            constraint: error.is_unique_violation(),
        }
    }

    pub(crate) const fn of(kind: DbErrorKind) -> Self {
        Self {
            kind,
            code: None,
            constraint: false,
        }
    }

    pub(crate) const fn encode() -> Self {
        Self::of(DbErrorKind::Data)
    }

    #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
    pub(crate) const fn no_driver() -> Self {
        Self::of(DbErrorKind::NoDriver)
    }

    /// The server's own error for a statement longer than its `max_allowed_packet`
    /// (`ER_NET_PACKET_TOO_LARGE`), found before it is sent: MySQL cuts the connection in the
    /// middle of such a packet, and then often nothing tells why.
    pub(crate) fn packet_too_large() -> Self {
        Self {
            kind: mysql_kind(1153),
            code: Some("1153".to_owned()),
            constraint: false,
        }
    }

    /// An error for an answer of the database that this code does not expect.
    #[must_use]
    pub const fn unexpected() -> Self {
        Self::of(DbErrorKind::Schema)
    }

    /// The class.
    #[must_use]
    pub const fn kind(&self) -> DbErrorKind {
        self.kind
    }

    /// The server's code: SQLSTATE, MySQL error number or SQLite result code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether a unique index refused the row.
    #[must_use]
    pub const fn is_unique_violation(&self) -> bool {
        self.constraint
    }

    /// Whether the whole transaction, tried again later, may pass.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            DbErrorKind::Unavailable | DbErrorKind::Contention | DbErrorKind::CommitUnknown
        )
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            DbErrorKind::Unavailable => "the database cannot be reached",
            DbErrorKind::Contention => "the database gave way to another transaction",
            DbErrorKind::CommitUnknown => "the database did not answer the commit",
            DbErrorKind::Data => "the database refused a value",
            DbErrorKind::Schema => "the database lacks a table or column, or it has another shape",
            DbErrorKind::Privilege => "the database account lacks a privilege",
            DbErrorKind::Configuration => "the database URL is not usable",
            DbErrorKind::NoDriver => {
                "this build has no driver for that kind of database: turn on the feature sqlite, postgres or mysql"
            }
            DbErrorKind::Other => "the database refused a statement",
        })?;
        match &self.code {
            Some(code) => write!(f, " (code {code})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DbError({:?}, {:?})", self.kind, self.code)
    }
}

impl std::error::Error for DbError {}

/// The number behind a MySQL error; `code` has the SQLSTATE, which tells less.
fn mysql_number(error: &dyn DatabaseError) -> u16 {
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return error.number();
    }
    0
}

/// SQLSTATE classes, PostgreSQL documentation appendix A.
fn postgres_kind(code: &str) -> DbErrorKind {
    match code {
        // A CHECK or NOT NULL of the target belongs to the value; so does a numeric overflow.
        _ if code.starts_with("22") || code.starts_with("23") => DbErrorKind::Data,
        // A value too long for an index, or a row for a page.
        "54000" => DbErrorKind::Data,
        "40001" | "40P01" | "55P03" | "57014" => DbErrorKind::Contention,
        "42501" => DbErrorKind::Privilege,
        "25006" => DbErrorKind::Unavailable,
        "42P01" | "42703" | "42704" | "3D000" | "3F000" => DbErrorKind::Schema,
        _ if ["08", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            DbErrorKind::Unavailable
        }
        // 25P03: the server ended a transaction that idled too long.
        "25P03" => DbErrorKind::Unavailable,
        _ if code.starts_with("28") => DbErrorKind::Privilege,
        _ => DbErrorKind::Other,
    }
}

/// Server error numbers, MySQL reference manual appendix B; MariaDB shares those below 1900.
fn mysql_kind(number: u16) -> DbErrorKind {
    match number {
        1205 | 1213 | 3572 => DbErrorKind::Contention,
        // 1153: a value beyond max_allowed_packet.
        1048 | 1062 | 1153 | 1216 | 1217 | 1264 | 1265 | 1292 | 1364 | 1366 | 1367 | 1406
        | 1411 | 1416 | 1451 | 1452 | 1644 | 1690 | 3140 | 3141 | 3819 | 4025 => DbErrorKind::Data,
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => DbErrorKind::Privilege,
        1046 | 1049 | 1051 | 1054 | 1091 | 1146 => DbErrorKind::Schema,
        // Read-only servers and dying ones: a failover is under way.
        1021
        | 1036
        | 1040
        | 1053
        | 1077..=1080
        | 1129
        | 1152..=1161
        | 1184
        | 1203
        | 1290
        | 1317
        | 1792
        | 1836
        | 1927
        | 3024 => DbErrorKind::Unavailable,
        _ => DbErrorKind::Other,
    }
}

/// Result codes, <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
fn sqlite_kind(code: &str) -> DbErrorKind {
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => DbErrorKind::Contention,
        Ok(7 | 10 | 13 | 14) => DbErrorKind::Unavailable,
        Ok(18..=20) => DbErrorKind::Data,
        Ok(3 | 8 | 23) => DbErrorKind::Privilege,
        Ok(1) => DbErrorKind::Schema,
        _ => DbErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{DbErrorKind, mysql_kind, postgres_kind, sqlite_kind};

    #[test]
    fn codes_fall_into_classes() {
        assert_eq!(postgres_kind("40P01"), DbErrorKind::Contention);
        assert_eq!(postgres_kind("22003"), DbErrorKind::Data);
        assert_eq!(postgres_kind("57P01"), DbErrorKind::Unavailable);
        assert_eq!(mysql_kind(1213), DbErrorKind::Contention);
        assert_eq!(mysql_kind(1406), DbErrorKind::Data);
        assert_eq!(mysql_kind(1290), DbErrorKind::Unavailable);
        assert_eq!(sqlite_kind("517"), DbErrorKind::Contention);
        assert_eq!(sqlite_kind("1555"), DbErrorKind::Data);
    }
}
