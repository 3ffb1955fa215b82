//! Log lines to standard error. Owns format and filter; what is logged never holds a value.

use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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
    let registry = tracing_subscriber::registry()
        .with(EnvFilter::new(&args.log))
        .with(filter_fn(|metadata| {
            may_log(metadata.target(), *metadata.level())
        }));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        // Told on standard error, which may be what cannot be written to: that would be a panic,
        // and the process is worth more than its log.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    match args.log_format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => registry.with(lines.json()).init(),
    }
}

/// Whether a line may be shown, whatever a person asks for. Only our own types keep values out
/// of log lines. The AWS SDK logs whole requests and answers at trace, records and credentials
/// among them; sqlx logs statements, and as warnings the parameters of a URL that it
/// does not know, one of which may be a mistyped password, and lines of a file of passwords.
fn may_log(target: &str, level: Level) -> bool {
    let driver_options = target.starts_with("sqlx") && target.contains("::options");
    target.starts_with("fieldseal") || (level <= Level::WARN && !driver_options)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::may_log;

    #[test]
    fn libraries_warn_and_say_nothing_else() {
        assert!(may_log("fieldseal_pipeline::shard", Level::TRACE));
        assert!(may_log("hyper", Level::WARN));
        assert!(!may_log(
            "aws_smithy_runtime::client::orchestrator",
            Level::TRACE
        ));
        assert!(!may_log("aws_smithy_runtime::client", Level::DEBUG));
        assert!(!may_log("sqlx::query", Level::INFO));
        assert!(!may_log("sqlx_mysql::options::parse", Level::INFO));
        assert!(!may_log("sqlx_postgres::options::pgpass", Level::WARN));
    }
}
