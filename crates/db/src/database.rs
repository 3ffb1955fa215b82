//! A pool of connections to one database. Owns connecting and its settings; statements run here
//! commit by themselves.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, MySqlPool, PgPool, SqlitePool};

use crate::packet::Packet;
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
}

impl Default for Connect {
    fn default() -> Self {
        Self {
            create: false,
            connections: 8,
        }
    }
}

/// A pool of connections. Cheap to clone. Prints its dialect only, never its URL.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    packet: Packet,
}

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    MySql(MySqlPool),
}

/// How long to wait for a connection, and for another writer of a SQLite file.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server ends a transaction that idles this long while it holds locks others wait for.
const IDLE_HOLDER_SECONDS: u32 = 60;

/// A connection that was idle for no longer is used without asking whether it still works: that
/// question is a round trip before each transaction.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Statements that a MySQL connection keeps prepared. Multi-row statements have a text for each
/// of a few sizes; one that falls out of the cache is closed by a packet without an answer, and
/// with Nagle's algorithm (which sqlx leaves on) the next statement then waits for the server's
/// delayed acknowledgement. A server keeps 16,382 for all connections unless told otherwise.
const MYSQL_STATEMENTS: usize = 512;

impl Database {
    /// Connects once, so that a wrong URL or a closed server shows at once.
    ///
    /// # Errors
    /// [`DbError`]: Configuration for a URL that does not parse, Unavailable, or Privilege.
    pub async fn connect(url: &str, settings: Connect) -> Result<Self, DbError> {
        let dialect = Dialect::of_url(url)?;
        let scrub = |error: sqlx::Error| DbError::from_sqlx(dialect, &error);
        let packet = Packet::default();
        let pool = match dialect {
            Dialect::Sqlite => Pool::Sqlite(sqlite_pool(url, settings).await.map_err(scrub)?),
            Dialect::Postgres => Pool::Postgres(postgres_pool(url, settings).await.map_err(scrub)?),
            Dialect::MySql => {
                let pool = mysql_pool(url, settings, packet.clone()).await;
                Pool::MySql(pool.map_err(scrub)?)
            }
        };
        Ok(Self { pool, packet })
    }

    /// Which SQL this database speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.pool {
            Pool::Sqlite(_) => Dialect::Sqlite,
            Pool::Postgres(_) => Dialect::Postgres,
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
        match &self.pool {
            Pool::Sqlite(pool) => pool
                .execute(sqlx::query_with(text, bind::sqlite(binds)?))
                .await
                .map(|done| done.rows_affected()),
            Pool::Postgres(pool) => pool
                .execute(sqlx::query_with(text, bind::postgres(binds)?))
                .await
                .map(|done| done.rows_affected()),
            Pool::MySql(pool) => {
                self.packet.admit(&text, bind::mysql_packet(binds))?;
                pool.execute(sqlx::query_with(text, bind::mysql(binds)?))
                    .await
                    .map(|done| done.rows_affected())
            }
        }
        .map_err(|error| DbError::from_sqlx(dialect, &error))
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
        let dialect = self.dialect();
        let text = sql.into().spell(dialect);
        match &self.pool {
            Pool::Sqlite(pool) => pool
                .fetch_all(sqlx::query_with(text, bind::sqlite(binds)?))
                .await
                .map(|rows| {
                    rows.into_iter()
                        .map(|row| Row(DriverRow::Sqlite(row)))
                        .collect()
                }),
            Pool::Postgres(pool) => pool
                .fetch_all(sqlx::query_with(text, bind::postgres(binds)?))
                .await
                .map(|rows| {
                    rows.into_iter()
                        .map(|row| Row(DriverRow::Postgres(row)))
                        .collect()
                }),
            Pool::MySql(pool) => {
                self.packet.admit(&text, bind::mysql_packet(binds))?;
                pool.fetch_all(sqlx::query_with(text, bind::mysql(binds)?))
                    .await
                    .map(|rows| {
                        rows.into_iter()
                            .map(|row| Row(DriverRow::MySql(row)))
                            .collect()
                    })
            }
        }
        .map_err(|error| DbError::from_sqlx(dialect, &error))
    }

    /// Runs a script of several statements without parameters, for migrations.
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn execute_script(&self, script: impl Into<Sql>) -> Result<(), DbError> {
        let dialect = self.dialect();
        let text = script.into().spell(dialect);
        match &self.pool {
            Pool::Sqlite(pool) => pool.execute(sqlx::raw_sql(text)).await.map(drop),
            Pool::Postgres(pool) => pool.execute(sqlx::raw_sql(text)).await.map(drop),
            Pool::MySql(pool) => pool.execute(sqlx::raw_sql(text)).await.map(drop),
        }
        .map_err(|error| DbError::from_sqlx(dialect, &error))
    }

    /// Begins a transaction at READ COMMITTED; on SQLite one that holds the write lock at once.
    /// Dropped without commit, it is rolled back before the connection is used again.
    ///
    /// # Errors
    /// [`DbError`], without any value.
    pub async fn begin(&self) -> Result<Transaction, DbError> {
        let dialect = self.dialect();
        let driver = match &self.pool {
            Pool::Sqlite(pool) => pool
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(DriverTransaction::Sqlite),
            Pool::Postgres(pool) => pool
                .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
                .await
                .map(DriverTransaction::Postgres),
            // MySQL sets the isolation of a transaction before it begins: see `mysql_pool`.
            Pool::MySql(pool) => pool.begin().await.map(DriverTransaction::MySql),
        }
        .map_err(|error| DbError::from_sqlx(dialect, &error))?;
        Ok(Transaction::new(driver, self.packet.clone()))
    }

    /// Closes every connection; running statements end first.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
            Pool::MySql(pool) => pool.close().await,
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.dialect().name())
    }
}

async fn sqlite_pool(url: &str, settings: Connect) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(settings.create)
        .journal_mode(SqliteJournalMode::Wal)
        // A key's budget is reserved before its first nonce is drawn, so a commit must last.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging();
    SqlitePoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(PATIENCE)
        .connect_with(options)
        .await
}

async fn postgres_pool(url: &str, settings: Connect) -> Result<PgPool, sqlx::Error> {
    let idle = (IDLE_HOLDER_SECONDS * 1000).to_string();
    let options = PgConnectOptions::from_str(url)?
        .options([("idle_in_transaction_session_timeout", idle.as_str())])
        .application_name("fieldseal")
        .disable_statement_logging();
    // A pool tries a closed port for as long as its patience lasts.
    options.connect().await?.close().await?;
    PgPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(
                async move { Ok(meta.idle_for < TRUSTED_FOR || connection.ping().await.is_ok()) },
            )
        })
        .connect_with(options)
        .await
}

async fn mysql_pool(
    url: &str,
    settings: Connect,
    packet: Packet,
) -> Result<MySqlPool, sqlx::Error> {
    let url = url
        .strip_prefix("mariadb:")
        .map_or_else(|| url.to_owned(), |rest| format!("mysql:{rest}"));
    let options = MySqlConnectOptions::from_str(&url)?
        // Nothing here makes the server's own sql_mode stricter: that is checked, never assumed.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .statement_cache_capacity(MYSQL_STATEMENTS)
        .disable_statement_logging();
    // As above: a closed port must show at once.
    options.connect().await?.close().await?;
    MySqlPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(
                async move { Ok(meta.idle_for < TRUSTED_FOR || connection.ping().await.is_ok()) },
            )
        })
        .after_connect(move |connection, _| {
            let packet = packet.clone();
            Box::pin(async move {
                connection
                    .execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                    .await?;
                // Without it a key of 0 would get another number in an AUTO_INCREMENT column.
                connection
                    .execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')")
                    .await?;
                // MySQL has no limit for an idle transaction of its own; that of an idle
                // connection ends a holder of locks too, and the pool opens another one.
                connection.execute("SET SESSION wait_timeout = 60").await?;
                packet.learn(connection).await?;
                Ok(())
            })
        })
        .connect_with(options)
        .await
}
