//! One database. Owns running statements on it; those that run here commit by themselves.

use sqlx::Executor as _;

use crate::lender::Lender;
use crate::packet::Packet;
use crate::pool::Pool;
use crate::row::DriverRow;
use crate::transaction::{DriverTransaction, Transaction};
use crate::{Bind, DbError, DbErrorKind, Row, Sql, bind};

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

impl Dialect {
    /// The dialect of a database URL, by its scheme.
    ///
    /// # Errors
    /// [`DbError`] of kind Configuration for any other scheme.
    pub fn of_url(url: &str) -> Result<Self, DbError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            Some("mysql" | "mariadb") => Ok(Self::MySql),
            _ => Err(DbError::of(DbErrorKind::Configuration)),
        }
    }

    /// The name people use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
        }
    }
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct Connect {
    /// Make the SQLite file when it is not there.
    pub create: bool,
    /// At most this many connections.
    pub connections: u32,
    /// What others who use the database would notice stays as it is: a SQLite file keeps its journal
    /// mode, which is the file's and not the connection's.
    pub guest: bool,
}

impl Default for Connect {
    fn default() -> Self {
        Self {
            create: false,
            connections: 8,
            guest: false,
        }
    }
}

impl Connect {
    /// At most this many connections to a database that belongs to others.
    #[must_use]
    pub const fn guest(connections: u32) -> Self {
        Self {
            create: false,
            connections,
            guest: true,
        }
    }
}

/// A pool of connections. Cheap to clone. Prints its dialect only, never its URL.
#[derive(Clone)]
pub struct Database {
    pub(crate) pool: Pool,
    pub(crate) packet: Packet,
    /// Whose way of connecting is followed, if anybody's.
    pub(crate) lender: Option<Lender>,
}

impl Database {
    /// Connects once, so that a wrong URL or a closed server shows at once.
    ///
    /// # Errors
    /// [`DbError`]: Configuration for a URL that does not parse, NoDriver, Unavailable, or
    /// Privilege.
    pub async fn connect(url: &str, settings: Connect) -> Result<Self, DbError> {
        let dialect = Dialect::of_url(url)?;
        let packet = Packet::default();
        let pool = Pool::connect(dialect, url, settings, &packet).await?;
        Ok(Self {
            pool,
            packet,
            lender: None,
        })
    }

    /// The pool, which connects as its lender does now.
    fn pool(&self) -> &Pool {
        if let Some(lender) = &self.lender {
            lender.follow();
        }
        &self.pool
    }

    /// Which SQL this database speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Pool::MySql(_) => Dialect::MySql,
        }
    }

    /// How many bytes a statement's text, or its parameters, may have: MySQL's
    /// `max_allowed_packet`. A longer statement is refused before it is sent, as an error of kind
    /// Data. The other databases have no limit below that of one value.
    #[must_use]
    pub fn max_packet(&self) -> usize {
        self.packet.max()
    }

    /// Runs one statement that commits by itself; answers how many rows it touched. On MySQL
    /// that counts rows found, not rows changed.
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn execute(&self, sql: impl Into<Sql>, binds: &[Bind<'_>]) -> Result<u64, DbError> {
        let dialect = self.dialect();
        let text = sql.into().spell(dialect);
        let done: Result<u64, sqlx::Error> = match *self.pool() {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => pool
                .execute(sqlx::query_with(text, bind::sqlite(binds)?))
                .await
                .map(|done| done.rows_affected()),
            #[cfg(feature = "postgres")]
            Pool::Postgres(ref pool) => pool
                .execute(sqlx::query_with(text, bind::postgres(binds)?))
                .await
                .map(|done| done.rows_affected()),
            #[cfg(feature = "mysql")]
            Pool::MySql(ref pool) => {
                self.packet.admit(&text, bind::mysql_packet(binds))?;
                pool.execute(sqlx::query_with(text, bind::mysql(binds)?))
                    .await
                    .map(|done| done.rows_affected())
            }
        };
        done.map_err(|error| DbError::from_sqlx(dialect, &error))
    }

    /// The server's clock in milliseconds since 1970-01-01T00:00:00Z; none for SQLite, which has
    /// this machine's.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn server_clock(&self) -> Result<Option<i64>, DbError> {
        let question = match self.dialect() {
            Dialect::Sqlite => return Ok(None),
            Dialect::Postgres => {
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
            }
            Dialect::MySql => "SELECT CAST(UNIX_TIMESTAMP() * 1000 AS SIGNED)",
        };
        let rows = self.query(question, &[]).await?;
        rows.first().ok_or(DbError::unexpected())?.int(0).map(Some)
    }

    /// Runs a query outside any transaction.
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn query(
        &self,
        sql: impl Into<Sql>,
        binds: &[Bind<'_>],
    ) -> Result<Vec<Row>, DbError> {
        self.query_on(self.pool(), sql.into(), binds).await
    }

    /// Runs a query on a connection of the application's pool itself, with all that the pool's hooks
    /// have done to it; as [`query`](Self::query) where there is no such pool. It is given back at
    /// once. Who holds the pool's last connection waits in vain, for as long as the pool says.
    ///
    /// # Errors
    /// [`DbError`], without any value; Unavailable when the pool has no connection to lend.
    pub async fn query_lender(
        &self,
        sql: impl Into<Sql>,
        binds: &[Bind<'_>],
    ) -> Result<Vec<Row>, DbError> {
        let pool = self.lender.as_ref().map_or(&self.pool, Lender::pool);
        self.query_on(pool, sql.into(), binds).await
    }

    async fn query_on(
        &self,
        pool: &Pool,
        sql: Sql,
        binds: &[Bind<'_>],
    ) -> Result<Vec<Row>, DbError> {
        let dialect = self.dialect();
        let text = sql.spell(dialect);
        let rows: Result<Vec<Row>, sqlx::Error> = match *pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => pool
                .fetch_all(sqlx::query_with(text, bind::sqlite(binds)?))
                .await
                .map(|rows| {
                    rows.into_iter()
                        .map(|row| Row(DriverRow::Sqlite(row)))
                        .collect()
                }),
            #[cfg(feature = "postgres")]
            Pool::Postgres(ref pool) => pool
                .fetch_all(sqlx::query_with(text, bind::postgres(binds)?))
                .await
                .map(|rows| {
                    rows.into_iter()
                        .map(|row| Row(DriverRow::Postgres(row)))
                        .collect()
                }),
            #[cfg(feature = "mysql")]
            Pool::MySql(ref pool) => {
                self.packet.admit(&text, bind::mysql_packet(binds))?;
                pool.fetch_all(sqlx::query_with(text, bind::mysql(binds)?))
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

    /// Runs a script of several statements without parameters, for migrations.
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn execute_script(&self, script: impl Into<Sql>) -> Result<(), DbError> {
        let dialect = self.dialect();
        let text = script.into().spell(dialect);
        let done: Result<(), sqlx::Error> = match *self.pool() {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => pool.execute(sqlx::raw_sql(text)).await.map(drop),
            #[cfg(feature = "postgres")]
            Pool::Postgres(ref pool) => pool.execute(sqlx::raw_sql(text)).await.map(drop),
            #[cfg(feature = "mysql")]
            Pool::MySql(ref pool) => pool.execute(sqlx::raw_sql(text)).await.map(drop),
        };
        done.map_err(|error| DbError::from_sqlx(dialect, &error))
    }

    /// Begins a transaction at READ COMMITTED; on SQLite one that holds the write lock at once.
    /// Dropped without commit, it is rolled back before the connection is used again.
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn begin(&self) -> Result<Transaction, DbError> {
        let dialect = self.dialect();
        let driver: Result<_, sqlx::Error> = match *self.pool() {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => pool
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(DriverTransaction::Sqlite),
            #[cfg(feature = "postgres")]
            Pool::Postgres(ref pool) if self.lender.is_some() => pool
                .begin_with(crate::pool::postgres::BEGIN_AS_GUEST)
                .await
                .map(DriverTransaction::Postgres),
            #[cfg(feature = "postgres")]
            Pool::Postgres(ref pool) => pool
                .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
                .await
                .map(DriverTransaction::Postgres),
            // MySQL sets the isolation of a transaction before it begins: see `pool::mysql`.
            #[cfg(feature = "mysql")]
            Pool::MySql(ref pool) => pool.begin().await.map(DriverTransaction::MySql),
        };
        let driver = driver.map_err(|error| DbError::from_sqlx(dialect, &error))?;
        Ok(Transaction::new(driver, self.packet.clone()))
    }

    /// Closes every connection; running statements end first.
    pub async fn close(&self) {
        match self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(ref pool) => pool.close().await,
            #[cfg(feature = "postgres")]
            Pool::Postgres(ref pool) => pool.close().await,
            #[cfg(feature = "mysql")]
            Pool::MySql(ref pool) => pool.close().await,
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.dialect().name())
    }
}
