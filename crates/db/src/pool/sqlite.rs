//! Connections to SQLite. Owns their settings.

use std::str::FromStr as _;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlitePool};

use super::PATIENCE;
use crate::Connect;
use crate::packet::Packet;

pub(super) async fn connect(url: &str, settings: Connect) -> Result<SqlitePool, sqlx::Error> {
    let mut options = SqliteConnectOptions::from_str(url)?.create_if_missing(settings.create);
    if !settings.guest {
        options = options.journal_mode(SqliteJournalMode::Wal);
    }
    pool(settings).connect_with(lent(&options)).await
}

/// As an application connects, with what is needed here.
pub(crate) fn lent(options: &SqliteConnectOptions) -> SqliteConnectOptions {
    let options = options.clone();
    options
        // A key's budget is reserved before its first nonce is drawn, so a commit must last.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

pub(crate) fn lazy(options: SqliteConnectOptions, settings: Connect, _: &Packet) -> SqlitePool {
    pool(settings).connect_lazy_with(options)
}

fn pool(settings: Connect) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(PATIENCE)
}
