//! One transaction. Owns commit, rollback and what may run in between; does not retry.

use sqlx::Executor as _;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgCopyIn;

use crate::bind::DriverArguments;
use crate::packet::Packet;
use crate::row::DriverRow;
use crate::{Bind, DbError, Dialect, Encoded, Row, Sql, bind};

/// An open transaction. Dropped, it is rolled back.
pub struct Transaction {
    driver: DriverTransaction,
    packet: Packet,
}

pub(crate) enum DriverTransaction {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(sqlx::Transaction<'static, sqlx::MySql>),
}

impl Transaction {
    pub(crate) const fn new(driver: DriverTransaction, packet: Packet) -> Self {
        Self { driver, packet }
    }

    /// Which SQL is spoken.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.driver {
            #[cfg(feature = "sqlite")]
            DriverTransaction::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            DriverTransaction::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            DriverTransaction::MySql(_) => Dialect::MySql,
        }
    }

    /// How long a statement's parameters may be: see
    /// [`Database::max_packet`](crate::Database::max_packet).
    #[must_use]
    pub fn max_packet(&self) -> usize {
        self.packet.max()
    }

    /// Runs one statement; answers how many rows it touched (on MySQL: rows found).
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn execute(
        &mut self,
        sql: impl Into<Sql>,
        binds: &[Bind<'_>],
    ) -> Result<u64, DbError> {
        let encoded = Encoded::new(self.dialect(), binds)?;
        self.execute_encoded(sql, encoded).await
    }

    /// As [`execute`](Self::execute), with parameters that were encoded before.
    ///
    /// # Errors
    /// [`DbError`], without any value; also when they were encoded for another dialect.
    pub async fn execute_encoded(
        &mut self,
        sql: impl Into<Sql>,
        parameters: Encoded,
    ) -> Result<u64, DbError> {
        let dialect = self.dialect();
        let text = sql.into().spell(dialect);
        self.packet.admit(&text, parameters.packet)?;
        let done: Result<u64, sqlx::Error> = match (&mut self.driver, parameters.arguments) {
            #[cfg(feature = "sqlite")]
            (DriverTransaction::Sqlite(tx), DriverArguments::Sqlite(arguments)) => tx
                .execute(sqlx::query_with(text, arguments))
                .await
                .map(|done| done.rows_affected()),
            #[cfg(feature = "postgres")]
            (DriverTransaction::Postgres(tx), DriverArguments::Postgres(arguments)) => tx
                .execute(sqlx::query_with(text, arguments))
                .await
                .map(|done| done.rows_affected()),
            #[cfg(feature = "mysql")]
            (DriverTransaction::MySql(tx), DriverArguments::MySql(arguments)) => tx
                .execute(sqlx::query_with(text, arguments))
                .await
                .map(|done| done.rows_affected()),
            _ => return Err(DbError::unexpected()),
        };
        done.map_err(|error| DbError::from_sqlx(dialect, &error))
    }

    /// Runs a query.
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn query(
        &mut self,
        sql: impl Into<Sql>,
        binds: &[Bind<'_>],
    ) -> Result<Vec<Row>, DbError> {
        let dialect = self.dialect();
        let text = sql.into().spell(dialect);
        let rows: Result<Vec<Row>, sqlx::Error> = match self.driver {
            #[cfg(feature = "sqlite")]
            DriverTransaction::Sqlite(ref mut tx) => tx
                .fetch_all(sqlx::query_with(text, bind::sqlite(binds)?))
                .await
                .map(|rows| {
                    rows.into_iter()
                        .map(|row| Row(DriverRow::Sqlite(row)))
                        .collect()
                }),
            #[cfg(feature = "postgres")]
            DriverTransaction::Postgres(ref mut tx) => tx
                .fetch_all(sqlx::query_with(text, bind::postgres(binds)?))
                .await
                .map(|rows| {
                    rows.into_iter()
                        .map(|row| Row(DriverRow::Postgres(row)))
                        .collect()
                }),
            #[cfg(feature = "mysql")]
            DriverTransaction::MySql(ref mut tx) => {
                self.packet.admit(&text, bind::mysql_packet(binds))?;
                tx.fetch_all(sqlx::query_with(text, bind::mysql(binds)?))
                    .await
                    .map(|rows| {
                        rows.into_iter()
                            .map(|row| Row(DriverRow::MySql(row)))
                            .collect()
                    })
            }
        };
        rows.map_err(|error| DbError::from_sqlx(dialect, &error))
    }

    /// Runs two statements that write to different rows; answers how many rows the second touched.
    /// On PostgreSQL for one round trip, as one statement whose parts do not see each other's
    /// writes (PostgreSQL documentation, "Data-Modifying Statements in WITH").
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn execute_both(
        &mut self,
        first: (Sql, &[Bind<'_>]),
        second: (Sql, &[Bind<'_>]),
    ) -> Result<u64, DbError> {
        if self.dialect() == Dialect::Postgres {
            let binds = [first.1, second.1].concat();
            return self.execute(Sql::beside(&first.0, &second.0), &binds).await;
        }
        self.execute(first.0, first.1).await?;
        self.execute(second.0, second.1).await
    }

    /// PostgreSQL only: statements without parameters, sent together for one round trip (the simple
    /// query protocol); each sees what was committed when it began itself. Answers the rows of all
    /// of them, one behind the other.
    ///
    /// # Errors
    /// [`DbError`], without any value; also when this is no PostgreSQL connection.
    #[cfg(feature = "postgres")]
    pub async fn query_together(&mut self, statements: &[Sql]) -> Result<Vec<Row>, DbError> {
        let DriverTransaction::Postgres(tx) = &mut self.driver else {
            return Err(DbError::unexpected());
        };
        let text = Sql::together(statements).spell(Dialect::Postgres);
        let rows = tx.fetch_all(sqlx::raw_sql(text)).await;
        let rows = rows.map_err(|error| DbError::from_sqlx(Dialect::Postgres, &error))?;
        Ok(rows
            .into_iter()
            .map(|row| Row(DriverRow::Postgres(row)))
            .collect())
    }

    /// PostgreSQL only: sends `data` to a `COPY … FROM STDIN` and answers the count of rows. For
    /// the benches, which compare it with the statements that the store writes by; the product
    /// does not use it.
    ///
    /// # Errors
    /// [`DbError`], without any value; also when this is no PostgreSQL connection.
    #[cfg(feature = "postgres")]
    pub async fn copy_in(&mut self, sql: impl Into<Sql>, data: &[u8]) -> Result<u64, DbError> {
        let DriverTransaction::Postgres(tx) = &mut self.driver else {
            return Err(DbError::unexpected());
        };
        let scrub = |error: sqlx::Error| DbError::from_sqlx(Dialect::Postgres, &error);
        let text = sql.into().spell(Dialect::Postgres);
        let mut copy: PgCopyIn<_> = tx.copy_in_raw(text.as_str()).await.map_err(scrub)?;
        copy.send(data).await.map_err(scrub)?;
        copy.finish().await.map_err(scrub)
    }

    /// Commits.
    ///
    /// # Errors
    /// [`DbError`]; of kind `CommitUnknown` when no answer came, in which case the caller must
    /// read back whether the commit took place.
    pub async fn commit(self) -> Result<(), DbError> {
        let dialect = self.dialect();
        let done: Result<(), sqlx::Error> = match self.driver {
            #[cfg(feature = "sqlite")]
            DriverTransaction::Sqlite(tx) => tx.commit().await,
            #[cfg(feature = "postgres")]
            DriverTransaction::Postgres(tx) => tx.commit().await,
            #[cfg(feature = "mysql")]
            DriverTransaction::MySql(tx) => tx.commit().await,
        };
        done.map_err(|error| DbError::from_commit(dialect, &error))
    }

    /// Rolls back. Said out loud after every error: MySQL's lock wait time-out leaves the
    /// transaction open.
    ///
    /// # Errors
    /// [`DbError`]; the server rolls back by itself when the connection is gone.
    pub async fn rollback(self) -> Result<(), DbError> {
        let dialect = self.dialect();
        let done: Result<(), sqlx::Error> = match self.driver {
            #[cfg(feature = "sqlite")]
            DriverTransaction::Sqlite(tx) => tx.rollback().await,
            #[cfg(feature = "postgres")]
            DriverTransaction::Postgres(tx) => tx.rollback().await,
            #[cfg(feature = "mysql")]
            DriverTransaction::MySql(tx) => tx.rollback().await,
        };
        done.map_err(|error| DbError::from_sqlx(dialect, &error))
    }
}
