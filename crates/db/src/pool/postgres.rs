//! Connections to PostgreSQL. Owns their settings.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

use super::{PATIENCE, TRUSTED_FOR};
use crate::Connect;

/// A server ends a transaction that idles this long while it holds locks others wait for.
const IDLE_HOLDER_SECONDS: u32 = 60;

pub(super) async fn connect(url: &str, settings: Connect) -> Result<PgPool, sqlx::Error> {
    let idle = (IDLE_HOLDER_SECONDS * 1000).to_string();
    let options = PgConnectOptions::from_str(url)?
        .options([
            ("idle_in_transaction_session_timeout", idle.as_str()),
            // Answers of the simple protocol are text, and sqlx reads bytes in this form only.
            ("bytea_output", "hex"),
        ])
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
