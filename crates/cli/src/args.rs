//! The command line. Owns its words and its help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Keeps an encrypted copy of a live database in step with it.
#[derive(Debug, Parser)]
#[command(
    name = "fieldseal",
    version,
    about = "Keeps an encrypted copy of a live database in step with it",
    long_about = "Fieldseal reads the records that AWS DMS writes of a plaintext database, encrypts \
        every column that the policy seals, and keeps a new database in step with the old one.\n\n\
        New here? `fieldseal demo` shows all of it on this machine, with no cloud and no server.",
    after_long_help = crate::exit::TABLE,
    max_term_width = 100
)]
pub(crate) struct Args {
    /// How much to log: error, warn, info, debug, or a filter such as `fieldseal_store=debug`.
    #[arg(
        long,
        global = true,
        env = "FIELDSEAL_LOG",
        default_value = "warn",
        value_name = "LEVEL"
    )]
    pub(crate) log: String,

    /// How log lines look; they go to standard error.
    #[arg(
        long,
        global = true,
        env = "FIELDSEAL_LOG_FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show all of it: a synthetic shop, encrypted, searched for plaintext, and read back
    Demo(DemoArgs),
    /// Read records and keep the target in step with them: the service
    Run(RunArgs),
    /// Make Fieldseal's own tables in the target and register the policy's tables
    Migrate(ConfigArgs),
}

/// Where the policy is.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// The policy file
    #[arg(long, env = "FIELDSEAL_CONFIG", value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// How many rows the shop has
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    pub(crate) rows: u32,

    /// Where to write everything; must not exist yet, or be an earlier demo's
    #[arg(long, default_value = "fieldseal-demo", value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// Print one JSON object instead of a report
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// End when every shard is read to its end, instead of waiting for more
    #[arg(long)]
    pub(crate) until_idle: bool,
}
