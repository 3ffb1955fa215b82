//! Pools of connections. Owns which driver serves a dialect; each driver's settings stand in a
//! module of its own, which is compiled with its feature.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::time::Duration;

use crate::packet::Packet;
use crate::{Connect, DbError, Dialect};

/// How long to wait for a connection, and for another writer of a SQLite file.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a connection to a server may be used. One that was idle for no longer than a second is not
/// asked: that question is a round trip before each transaction.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn still_works<C: sqlx::Connection>(
    connection: &mut C,
    meta: sqlx::pool::PoolConnectionMetadata,
) -> Result<bool, sqlx::Error> {
    const TRUSTED_FOR: Duration = Duration::from_secs(1);
    Ok(meta.idle_for < TRUSTED_FOR || connection.ping().await.is_ok())
}

#[derive(Clone)]
pub(crate) enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
}

impl Pool {
    pub(crate) async fn connect(
        dialect: Dialect,
        url: &str,
        settings: Connect,
        packet: &Packet,
    ) -> Result<Self, DbError> {
        let pool: Result<Self, sqlx::Error> = match dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => sqlite::connect(url, settings).await.map(Self::Sqlite),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => postgres::connect(url, settings).await.map(Self::Postgres),
            #[cfg(feature = "mysql")]
            Dialect::MySql => {
                let pool = mysql::connect(url, settings, packet).await;
                pool.map(Self::MySql)
            }
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            _ => return Err(DbError::no_driver()),
        };
        pool.map_err(|error| DbError::from_sqlx(dialect, &error))
    }
}
