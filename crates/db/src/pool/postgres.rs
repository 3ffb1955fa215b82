//! Connections to PostgreSQL. Owns their settings.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

use super::{PATIENCE, still_works};
use crate::Connect;
use crate::packet::Packet;

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
    pool(settings).connect_with(options).await
}

/// How a transaction begins on a connection as an application makes its own: the limit above, in SQL,
/// is this transaction's and not the session's, which behind a proxy that lends sessions by transaction
/// (`PgBouncer` documentation, "Transaction pooling") is another client's next.
pub(crate) const BEGIN_AS_GUEST: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// As an application connects. A proxy between it and the server may refuse what is asked for in
/// the greeting, so no setting is: see [`BEGIN_AS_GUEST`].
pub(crate) fn lent(options: &PgConnectOptions) -> PgConnectOptions {
    options.clone().disable_statement_logging()
}

pub(crate) fn lazy(options: PgConnectOptions, settings: Connect, _: &Packet) -> PgPool {
    pool(settings).connect_lazy_with(options)
}

fn pool(settings: Connect) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| Box::pin(still_works(connection, meta)))
}
