//! A web service over the demo's shop: create, read, list, search by e-mail, update, delete. Owns
//! its start: which database, and whether that is the sealed one or the plaintext one of before.

#![allow(clippy::duplicate_mod, reason = "the service is built for each driver")]

mod customer;
mod problem;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::Parser;
use fieldseal::Vault;
use tokio::net::TcpListener;

/// A web service over the shop that `fieldseal demo` leaves
#[derive(Parser)]
struct Args {
    /// The sealed database: sqlite://, postgres:// or mysql:// [default: the demo's]
    #[arg(long, env = "SHOP_URL", hide_env_values = true)]
    url: Option<String>,
    /// The file with the key that wraps the data keys
    #[arg(long, value_name = "FILE", default_value = "fieldseal-demo/root.key")]
    root_key: String,
    /// Serve this plaintext database instead, as before the move
    #[arg(
        long,
        env = "SHOP_PLAINTEXT_URL",
        hide_env_values = true,
        value_name = "URL",
        conflicts_with = "url"
    )]
    plaintext: Option<String>,
    /// The port on 127.0.0.1; 0 for a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO);
    log.with_writer(std::io::stderr).with_ansi(false).init();
    if let Err(reason) = serve(Args::parse()).await {
        tracing::error!("{reason}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn serve(args: Args) -> Result<(), String> {
    let sealed = args
        .url
        .unwrap_or_else(|| "sqlite://fieldseal-demo/target.db".to_owned());
    // The switch. Nothing else in this program asks which of the two databases it is over.
    let (vault, hint) = match &args.plaintext {
        Some(url) => (Vault::plaintext(url).await, ""),
        None => {
            // `deployment` in the pipeline's policy, and what `[keys]` says there.
            let vault = Vault::start("quickstart").root_key_file(&args.root_key);
            let vault = vault.open(&sealed).await;
            (vault, " (was `fieldseal demo` run here?)")
        }
    };
    let vault = vault.map_err(|error| format!("{error}{hint}"))?;
    let url = args.plaintext.as_ref().unwrap_or(&sealed);
    let router = match url.split(':').next() {
        Some("sqlite") => sqlite::service::router(vault, url).await,
        Some("postgres" | "postgresql") => postgres::service::router(vault, url).await,
        _ => mysql::service::router(vault, url).await,
    };
    // sqlx's text could quote the URL, and the password in it.
    let router = router.map_err(|_| "connecting to the shop's database failed")?;
    let failed = |error: std::io::Error| format!("port {} of 127.0.0.1: {error}", args.port);
    // There is no TLS and no password: for this machine only.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await;
    let listener = listener.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!("listening on http://{address}/customers");
    axum::serve(listener, router).await.map_err(failed)
}

/// The service once for each driver: a team has one, and writes `sqlx::PgPool` and `$1` itself.
macro_rules! over {
    ($name:ident, $driver:ty, numbered: $numbered:literal) => {
        #[path = "."]
        mod $name {
            type Db = $driver;
            const NUMBERED: bool = $numbered;
            #[path = "service.rs"]
            pub(crate) mod service;
        }
    };
}

over!(sqlite, sqlx::Sqlite, numbered: false);
over!(postgres, sqlx::Postgres, numbered: true);
over!(mysql, sqlx::MySql, numbered: false);
