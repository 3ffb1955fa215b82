//! Log lines to standard error. Owns format and filter; what is logged never holds a value.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::{Args, LogFormat};

/// A level or a filter as a person gives it. A lone word that is no level would be taken for the
/// name of a module, and all log lines would be gone without a word.
pub(crate) fn filter(text: &str) -> Result<String, String> {
    let known = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    match text.split(',').find(|part| !known(part.trim())) {
        Some(part) => Err(format!(
            "{part:?} is no level: give off, error, warn, info, debug or trace, or `module=level`"
        )),
        None => EnvFilter::try_new(text)
            .map(|_| text.to_owned())
            .map_err(|error| error.to_string()),
    }
}

/// Starts logging for the whole process.
pub(crate) fn start(args: &Args) {
    // sqlx logs statements at debug; they hold no value, but drown everything else.
    // Where it reads a URL it logs parameters that it does not know, and one of them may be a
    // mistyped password: off whatever a person asks for.
    // The AWS SDK logs whole requests and answers at trace: records, and credentials of roles.
    let filter = EnvFilter::new(format!(
        "sqlx=warn,{},sqlx_postgres::options=off,sqlx_mysql::options=off,\
         aws_smithy_runtime::client::orchestrator=debug,\
         aws_smithy_runtime::client::orchestrator::http=debug",
        args.log
    ));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Told on standard error, which may be what cannot be written to: that would be a panic,
        // and the process is worth more than its log.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    match args.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
