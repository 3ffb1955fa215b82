//! Log lines to standard error. Owns format and filter; what is logged never holds a value.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::args::{Args, LogFormat};

/// Starts logging for the whole process.
pub(crate) fn start(args: &Args) {
    // sqlx logs statements at debug; they hold no value, but drown everything else.
    let filter = EnvFilter::try_new(format!("sqlx=warn,{}", args.log))
        .unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match args.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
