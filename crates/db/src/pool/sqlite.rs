//! Connections to SQLite. Owns their settings.

use std::str::FromStr as _;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlitePool};

use super::PATIENCE;
use crate::Connect;

pub(super) async fn connect(url: &str, settings: Connect) -> Result<SqlitePool, sqlx::Error> {
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
