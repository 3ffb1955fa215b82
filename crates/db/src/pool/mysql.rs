//! Connections to MySQL and MariaDB. Owns their settings.

use std::str::FromStr as _;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, MySqlPool};

use super::{PATIENCE, still_works};
use crate::Connect;
use crate::packet::Packet;

/// Statements that a MySQL connection keeps prepared. Multi-row statements have a text for each
/// of a few sizes; one that falls out of the cache is closed by a packet without an answer, and
/// with Nagle's algorithm (which sqlx leaves on) the next statement then waits for the server's
/// delayed acknowledgement. A server keeps 16,382 for all connections unless told otherwise.
const MYSQL_STATEMENTS: usize = 512;

pub(super) async fn connect(
    url: &str,
    settings: Connect,
    packet: &Packet,
) -> Result<MySqlPool, sqlx::Error> {
    let url = url
        .strip_prefix("mariadb:")
        .map_or_else(|| url.to_owned(), |rest| format!("mysql:{rest}"));
    let options =
        lent(&MySqlConnectOptions::from_str(&url)?).statement_cache_capacity(MYSQL_STATEMENTS);
    // As above: a closed port must show at once.
    options.connect().await?.close().await?;
    pool(settings, packet).connect_with(options).await
}

/// As an application connects, with what is needed here. How many statements stay prepared is the
/// application's word: none may, behind some proxies.
pub(crate) fn lent(options: &MySqlConnectOptions) -> MySqlConnectOptions {
    let options = options.clone();
    options
        // Nothing here makes the server's own sql_mode stricter: that is checked, never assumed.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .disable_statement_logging()
}

pub(crate) fn lazy(options: MySqlConnectOptions, settings: Connect, packet: &Packet) -> MySqlPool {
    pool(settings, packet).connect_lazy_with(options)
}

fn pool(settings: Connect, packet: &Packet) -> MySqlPoolOptions {
    let packet = packet.clone();
    MySqlPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| Box::pin(still_works(connection, meta)))
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
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;

    use super::{MySqlConnectOptions, lent};

    #[test]
    fn the_application_says_how_many_statements_stay_prepared() {
        let theirs = MySqlConnectOptions::new().statement_cache_capacity(0);
        let url = lent(&theirs).to_url_lossy();
        let mut settings = url.query_pairs();
        let capacity = settings.find(|(name, _)| name == "statement-cache-capacity");
        assert_eq!(capacity.expect("the URL names it").1, "0");
    }
}
