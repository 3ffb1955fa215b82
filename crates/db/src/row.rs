//! Rows of a result. Owns reading columns by number as integer, text or bytes.

use sqlx::Row as _;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlRow;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgRow;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteRow;

use crate::{DbError, Dialect};

/// One row. No `Debug`: it may hold cells.
pub struct Row(pub(crate) DriverRow);

pub(crate) enum DriverRow {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(PgRow),
    #[cfg(feature = "mysql")]
    MySql(MySqlRow),
}

impl Row {
    /// Column `index` as an integer.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is NULL or no 64-bit integer.
    pub fn int(&self, index: usize) -> Result<i64, DbError> {
        self.opt_int(index)?.ok_or(DbError::unexpected())
    }

    /// Column `index` as an integer or NULL.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is no 64-bit integer.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, DbError> {
        let value: Result<Option<i64>, sqlx::Error> = match self.0 {
            #[cfg(feature = "sqlite")]
            DriverRow::Sqlite(ref row) => row.try_get(index),
            #[cfg(feature = "postgres")]
            DriverRow::Postgres(ref row) => row.try_get(index),
            #[cfg(feature = "mysql")]
            DriverRow::MySql(ref row) => row.try_get(index),
        };
        value.map_err(|error| self.scrub(&error))
    }

    /// Column `index` as an integer that is never negative: MySQL's `BIGINT UNSIGNED`, which
    /// `int` refuses.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is NULL, negative or no 64-bit integer.
    pub fn unsigned(&self, index: usize) -> Result<u64, DbError> {
        match self.0 {
            #[cfg(feature = "mysql")]
            DriverRow::MySql(ref row) => row
                .try_get::<Option<u64>, _>(index)
                .map_err(|error| self.scrub(&error))?
                .ok_or(DbError::unexpected()),
            _ => u64::try_from(self.int(index)?).map_err(|_| DbError::unexpected()),
        }
    }

    /// Column `index` as text.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is NULL or no text.
    pub fn text(&self, index: usize) -> Result<String, DbError> {
        self.opt_text(index)?.ok_or(DbError::unexpected())
    }

    /// Column `index` as text or NULL.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is no text.
    pub fn opt_text(&self, index: usize) -> Result<Option<String>, DbError> {
        let value: Result<Option<String>, sqlx::Error> = match self.0 {
            #[cfg(feature = "sqlite")]
            DriverRow::Sqlite(ref row) => row.try_get(index),
            #[cfg(feature = "postgres")]
            DriverRow::Postgres(ref row) => row.try_get(index),
            // MySQL's information_schema hands out some names as VARBINARY.
            #[cfg(feature = "mysql")]
            DriverRow::MySql(_) => {
                let bytes = self.opt_bytes(index)?;
                let text = bytes.map(String::from_utf8).transpose();
                return text.map_err(|_| DbError::unexpected());
            }
        };
        value.map_err(|error| self.scrub(&error))
    }

    /// Column `index` as bytes.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is NULL or no bytes.
    pub fn bytes(&self, index: usize) -> Result<Vec<u8>, DbError> {
        self.opt_bytes(index)?.ok_or(DbError::unexpected())
    }

    /// Column `index` as bytes or NULL.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is no bytes.
    pub fn opt_bytes(&self, index: usize) -> Result<Option<Vec<u8>>, DbError> {
        let value: Result<Option<Vec<u8>>, sqlx::Error> = match self.0 {
            #[cfg(feature = "sqlite")]
            DriverRow::Sqlite(ref row) => row.try_get(index),
            #[cfg(feature = "postgres")]
            DriverRow::Postgres(ref row) => row.try_get(index),
            #[cfg(feature = "mysql")]
            DriverRow::MySql(ref row) => row.try_get_unchecked(index),
        };
        value.map_err(|error| self.scrub(&error))
    }

    fn scrub(&self, error: &sqlx::Error) -> DbError {
        let dialect = match self.0 {
            #[cfg(feature = "sqlite")]
            DriverRow::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            DriverRow::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            DriverRow::MySql(_) => Dialect::MySql,
        };
        DbError::from_sqlx(dialect, error)
    }
}
