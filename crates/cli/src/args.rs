//! The command line. Owns its words and its help; each command's own arguments are below.

mod commands;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use commands::{
    CaptureWord, CheckArgs, DialectWord, EpochCommand, GenerationCommand, HealthArgs, InspectArgs,
    OpenArgs, QuarantineCommand, RunArgs, SchemaArgs, TablesArgs,
};

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
        hide_env_values = true,
        default_value = "info",
        value_parser = crate::logging::filter,
        value_name = "LEVEL",
        help_heading = "Logging"
    )]
    pub(crate) log: String,

    /// How log lines look; they go to standard error.
    #[arg(
        long,
        global = true,
        env = "FIELDSEAL_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text",
        help_heading = "Logging"
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
    #[command(long_about = commands::DEMO)]
    Demo(DemoArgs),
    /// Look at DMS output: one line per record, never a value
    #[command(long_about = commands::INSPECT)]
    Inspect(InspectArgs),
    /// Print the target's CREATE TABLE statements for the policy
    #[command(long_about = commands::SCHEMA)]
    Schema(SchemaArgs),
    /// Make Fieldseal's own tables in the target and register the policy's tables
    #[command(long_about = commands::MIGRATE)]
    Migrate(ConfigArgs),
    /// Check policy, source, target and keys; all findings at once, each with what to do
    #[command(long_about = commands::CHECK)]
    Check(CheckArgs),
    /// Read records and keep the target in step with them: the service
    #[command(long_about = commands::RUN)]
    Run(RunArgs),
    /// Ask a running worker whether it is alive, or ready: a container's health check
    #[command(long_about = commands::HEALTH)]
    Health(HealthArgs),
    /// Show tables, shards, keys and held records, and whether the target is ready for a cutover
    #[command(long_about = commands::STATUS)]
    Status(ReportArgs),
    /// Look at, replay or discard the records that could not be applied
    #[command(subcommand, long_about = commands::QUARANTINE)]
    Quarantine(QuarantineCommand),
    /// Begin, complete and clear up after a full load of a table
    #[command(subcommand, long_about = commands::GENERATION)]
    Generation(GenerationCommand),
    /// Begin a new lineage of source positions
    #[command(subcommand)]
    Epoch(EpochCommand),
    /// Break-glass: print a table's rows opened, as JSON lines
    #[command(long_about = commands::OPEN)]
    Open(OpenArgs),
}

/// Where the policy is.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// The policy file
    #[arg(
        long,
        env = "FIELDSEAL_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
}

/// A command that reports.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Print one JSON object instead of a report
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// How many rows the shop has, 40 at least
    #[arg(
        long,
        default_value_t = 50_000,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(fieldseal_demo::MIN_ROWS.cast_signed()..)
    )]
    pub(crate) rows: u32,

    /// Where to write everything; must not exist yet, or be an earlier demo's
    #[arg(long, default_value = "fieldseal-demo", value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// Print one JSON object instead of a report
    #[arg(long)]
    pub(crate) json: bool,
}
