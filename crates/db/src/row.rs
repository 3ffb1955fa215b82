//! Rows of a result. Owns reading columns by number as integer, text or bytes.

use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Type};

use crate::{DbError, Dialect};

/// One row. No `Debug`: it may hold cells.
pub struct Row(pub(crate) DriverRow);

pub(crate) enum DriverRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
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
        self.get::<i64>(index)
    }

    /// Column `index` as an integer that is never negative: MySQL's `BIGINT UNSIGNED`, which
    /// `int` refuses.
    ///
    /// # Errors
    /// [`DbError`] of kind Schema when it is NULL, negative or no 64-bit integer.
    pub fn unsigned(&self, index: usize) -> Result<u64, DbError> {
        match &self.0 {
            DriverRow::MySql(row) => row
                .try_get::<Option<u64>, _>(index)
                .map_err(|error| DbError::from_sqlx(Dialect::MySql, &error))?
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
        match &self.0 {
            // MySQL's information_schema hands out some names as VARBINARY.
            DriverRow::MySql(row) => row
                .try_get_unchecked::<Option<Vec<u8>>, _>(index)
                .map_err(|error| DbError::from_sqlx(Dialect::MySql, &error))?
                .map(|bytes| String::from_utf8(bytes).map_err(|_| DbError::unexpected()))
                .transpose(),
            _ => self.get::<String>(index),
        }
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
        match &self.0 {
            DriverRow::MySql(row) => row
                .try_get_unchecked::<Option<Vec<u8>>, _>(index)
                .map_err(|error| DbError::from_sqlx(Dialect::MySql, &error)),
            _ => self.get::<Vec<u8>>(index),
        }
    }

    fn get<T>(&self, index: usize) -> Result<Option<T>, DbError>
    where
        T: for<'r> Decode<'r, sqlx::Sqlite>
            + for<'r> Decode<'r, sqlx::Postgres>
            + for<'r> Decode<'r, sqlx::MySql>
            + Type<sqlx::Sqlite>
            + Type<sqlx::Postgres>
            + Type<sqlx::MySql>,
    {
        match &self.0 {
            DriverRow::Sqlite(row) => row
                .try_get::<Option<T>, _>(index)
                .map_err(|error| DbError::from_sqlx(Dialect::Sqlite, &error)),
            DriverRow::Postgres(row) => row
                .try_get::<Option<T>, _>(index)
                .map_err(|error| DbError::from_sqlx(Dialect::Postgres, &error)),
            DriverRow::MySql(row) => row
                .try_get::<Option<T>, _>(index)
                .map_err(|error| DbError::from_sqlx(Dialect::MySql, &error)),
        }
    }
}
