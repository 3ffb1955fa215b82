//! The arguments of each command that has its own, and the longer texts of their help.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Subcommand, ValueEnum};

use super::{ConfigArgs, ReportArgs};

pub(crate) const MIGRATE: &str = "\
Make Fieldseal's own tables in the target and register the policy's tables

The tables that hold the sealed rows are made by you, from what `fieldseal schema` prints. If the \
root key file is missing and the target knows no key yet, a new root key file is made too: keep a \
copy of it somewhere safe, since whoever loses it has lost the data. Doing it twice is fine.";

pub(crate) const SCHEMA: &str = "\
Print the target's CREATE TABLE statements for the policy

Nothing is executed: read them, then make the tables with the database's own client, for instance \
`fieldseal schema --config FILE | sqlite3 target.db`. With --from or --from-source the policy is \
compared with the source's columns first: a kind under which values would be changed or always held \
is refused, and the kind to write is named. Plain indexes of the source on kept columns come \
along. Its unique indexes become plain ones and its foreign keys are left out on \
purpose: they come back at the cutover.";

pub(crate) const INSPECT: &str = "\
Look at DMS output: one line per record, never a value

Each line says what the record is (kind, operation, table, position, names of columns) or why it \
cannot be read. With --config it also says what a run with that policy would make of it. Ends \
with 4 when a record cannot be read; what the policy would hold does not change that.";

pub(crate) const DEMO: &str = "\
Show all of it: a synthetic shop, encrypted, searched for plaintext, and read back

Writes a shop's records as AWS DMS would, runs the real pipeline into SQLite with a local key, \
opens every row and compares it with the shop, searches every file for planted plaintext, and \
looks a customer up by e-mail. Ends with 0 only if all of it holds, with 4 otherwise.";

pub(crate) const CHECK: &str = "\
Check policy, source, target and keys; all findings at once, each with what to do

Looks at the policy; at the folder, or at the stream (there, encrypted at rest, readable: one \
GetRecords for each shard, whose records are dropped unseen); at the source database's settings, \
keys and foreign keys, where the policy names its URL; at the target's tables, rights and \
settings; at the root key file, or at what AWS KMS would answer, by a dry run of each call for \
each domain; at every data key; and at this machine's clock, by that of AWS where a stream is \
read or KMS wraps keys, and by the target's where it is a server. A connection to another host insists on TLS, or \
is refused.

Nothing is changed, unless --put-mark says so. Statements that touch no row are run and rolled \
back, to learn what the account may do. Ends with 0 when there is no error (warnings are \
allowed), with 3 when the policy itself has mistakes, with 4 otherwise.";

pub(crate) const RUN: &str = "\
Read records and keep the target in step with them: the service

SIGTERM and SIGINT drain: what is begun is committed and the command ends within 10 seconds. \
Nothing is lost if it is killed instead; rows and checkpoint are one transaction.

Where the policy has `[admin] listen`, GET /live, /ready and /metrics are answered there. A worker \
is ready when it has taken every shard that is listed, none has stopped, each has committed or was \
found empty within the last minute, and the target answers; one that drains is not.";

pub(crate) const HEALTH: &str = "\
Ask a running worker whether it is alive, or ready: a container's health check

Asks the admin port that the policy names (`[admin] listen`). Ends with 0 if it is, and with 1 if \
it is not or does not answer within 5 seconds.";

pub(crate) const STATUS: &str = "\
Show tables, shards, keys and held records, and whether the target is ready for a cutover

The last line is `ready`, or `not ready:` and why. Ends with 0 when ready, with 4 when not.";

pub(crate) const QUARANTINE: &str = "\
Look at, replay or discard the records that could not be applied

A held record is kept sealed, and blocks the cutover. Mend what its reason names (the policy, the \
target, a generation that was not begun), then replay it.";

pub(crate) const GENERATION: &str = "\
Begin, complete and clear up after a full load of a table

The order is: stop the old DMS task (or use a table reload inside a running one), \
`generation begin`, start DMS, let `fieldseal run` read the load, `generation complete`, \
`generation sweep`.";

const GENERATION_BEGIN: &str = "\
Mark where a new full load begins; start DMS only after it

Where the policy names the URL of the source, L is read there: the position of the server that DMS \
reads. If DMS reads a replica, the URL must be that replica's, whose binlog positions are its own. \
Then the command waits until everything older than L is visible to a load: on MySQL and MariaDB by \
committing a row in a table of its own, fieldseal_heartbeat, which it makes in the URL's database \
if it may; on PostgreSQL until every transaction has ended that was open then, prepared ones too. \
Only then it puts a mark behind the present end of every shard and says that DMS may be started. \
If it fails or is stopped before, nothing has begun.

Without a URL, read L by hand and give it by --position: SHOW MASTER STATUS (MySQL 8.4 and later: \
SHOW BINARY LOG STATUS) and then commit any write there, or SELECT pg_current_wal_flush_lsn() and then \
wait for the end of every transaction that was open.";

pub(crate) const OPEN: &str = "\
Break-glass: print a table's rows opened, as JSON lines

What is printed is plaintext. Kept columns are printed as the database prints them; of the sealed \
ones text, dates and times are strings, numbers are JSON numbers with every digit, bytes are \
hexadecimal strings that begin with 0x. A cell that does not open is {\"error\": \"...\"}, and the \
command then ends with 4.";

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) report: ReportArgs,

    /// Kinesis: put one mark into the stream too, which workers ignore: only that shows that this
    /// account may. For operators; a worker needs no such right
    #[arg(long)]
    pub(crate) put_mark: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// End when every shard is read to its end, instead of waiting for more
    #[arg(long)]
    pub(crate) until_idle: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Ask whether it is ready: every shard taken and committing, the target reachable
    #[arg(long)]
    pub(crate) ready: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// A file of DMS output, plain or gzip; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Print one JSON object per record
    #[arg(long)]
    pub(crate) json: bool,

    /// Say what this policy would make of each record; needs no database and no keys
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Where the types of kept columns come from: a file that `mysqldump --no-data` wrote, or the
    /// source's URL; without it and --from-source they are guesses, marked by a comment. Other users
    /// of this machine may see a password in a URL here
    #[arg(long, value_name = "URL|FILE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) from: Option<String>,

    /// Take them from the database that the policy's [source] names (`url`, `url_env`, `url_file`)
    #[arg(long, conflicts_with = "from")]
    pub(crate) from_source: bool,

    /// Whose SQL to print; that of the target's URL by default
    #[arg(long)]
    pub(crate) dialect: Option<DialectWord>,
}

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DialectWord {
    Sqlite,
    Postgres,
    /// MySQL and MariaDB
    Mysql,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List held records; never their contents
    List {
        #[command(flatten)]
        config: ConfigArgs,

        /// Print one JSON object per record instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show one held record and what to do about it; its contents only with --reveal
    Show {
        #[command(flatten)]
        config: ConfigArgs,

        /// Its number, as `list` shows it
        #[arg(value_name = "ID")]
        id: i64,

        /// Open it and print the record's text, which is plaintext, to standard output
        #[arg(long)]
        reveal: bool,
    },
    /// Try held records again, through the same guard as any other record
    Replay {
        #[command(flatten)]
        config: ConfigArgs,

        /// Their numbers, as `list` shows them
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<i64>,

        /// All that are held
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Give held records up for good; a debt stays that blocks the cutover
    Discard {
        #[command(flatten)]
        config: ConfigArgs,

        /// Their numbers, as `list` shows them
        #[arg(value_name = "ID", required = true)]
        ids: Vec<i64>,

        /// Yes, what these records would have changed may be wrong in the target from now on,
        /// until a new generation of their table
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// Which tables.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TablesArgs {
    /// A table's id, or its name in the source or the target; may be given several times
    #[arg(long = "table", value_name = "TABLE")]
    pub(crate) tables: Vec<String>,

    /// Every table of the policy
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GenerationCommand {
    /// Mark where a new full load begins; start DMS only after it
    #[command(long_about = GENERATION_BEGIN)]
    Begin {
        #[command(flatten)]
        config: ConfigArgs,

        #[command(flatten)]
        tables: TablesArgs,

        /// L, where Fieldseal may not ask the source: read at the server DMS reads, FILE:OFFSET of
        /// a MySQL binlog or a PostgreSQL LSN. Only if the policy names no URL of the source
        #[arg(long, value_name = "POSITION")]
        position: Option<String>,

        /// MySQL and MariaDB: write nothing at the source. Waits for the end of every transaction
        /// that is open when L is read, and needs the privilege PROCESS
        #[arg(long, conflicts_with = "position")]
        no_heartbeat: bool,

        /// Give up when transactions of the source are still open after so many seconds
        #[arg(
            long,
            value_name = "SECONDS",
            default_value_t = 600,
            conflicts_with = "position"
        )]
        wait: u64,

        /// What the new load relies on
        #[arg(long)]
        capture: CaptureWord,
    },
    /// Raise the tables' floor once their load is applied to its end
    #[command(long_about = COMPLETE)]
    Complete {
        #[command(flatten)]
        config: ConfigArgs,

        #[command(flatten)]
        tables: TablesArgs,

        /// The source's tables are empty now, so no row of the load will ever come. Without this,
        /// a table that has rows, and none of this load, is not completed
        #[arg(long)]
        source_is_empty: bool,
    },
    /// Delete for good the rows that a completed load did not bring again
    #[command(long_about = SWEEP)]
    Sweep {
        #[command(flatten)]
        config: ConfigArgs,

        #[command(flatten)]
        tables: TablesArgs,
    },
    /// List every generation
    List(ReportArgs),
}

/// What a generation's beginning relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaptureWord {
    /// The old task was stopped, and all it had written lies in the source already
    Stopped,
    /// Capture goes on without a break: a table reload inside a running task
    Unbroken,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EpochCommand {
    /// Say that positions start anew: after a restore, a failover to other binlogs, a RESET
    #[command(long_about = EPOCH_BEGIN)]
    Begin {
        #[command(flatten)]
        config: ConfigArgs,

        /// The new positions are in the shards already: begin behind the last record that is
        /// applied in each. For shards that stopped because positions fell back, after
        /// `fieldseal run --until-idle` has read every other shard to its end
        #[arg(long)]
        at_checkpoints: bool,
    },
}

const COMPLETE: &str = "\
Raise the tables' floor once their load is applied to its end

Only once DMS says that the full load of these tables has completed, and everything it wrote is \
in the source: a row that the load has not brought by then counts as deleted at the source, and \
`generation sweep` deletes it. Refused while a shard is not applied to its present end, a record \
of the load is held, or the table is tainted. On a stream `fieldseal run` must be at work \
meanwhile: a mark is put behind the present end of every open shard, and waited for up to a minute.";

const SWEEP: &str = "\
Delete for good the rows that a completed load did not bring again

They were deleted at the source while nobody watched. Rows and tombstones below the table's floor \
are deleted, a thousand in each transaction; `fieldseal run` may go on meanwhile, and a sweep that \
is broken off goes on when it is called again.";

const EPOCH_BEGIN: &str = "\
Say that positions start anew: after a restore, a failover to other binlogs, a RESET

Every record behind the present end of its shard (with --at-checkpoints: behind what is applied of \
it) belongs to the new epoch and is newer than every record before it, whatever its position says. Keys that have sealed values so far open values only; \
new ones are made. Stop `fieldseal run` and the DMS task first, and begin new generations \
afterwards if changes may have been missed.";

#[derive(Debug, clap::Args)]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// The table's id, or its name in the source or the target
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,

    /// Only the row with this key; for a key of several columns once for each, in policy order, as in
    /// `--key main --key 1`
    #[arg(long, value_name = "K", allow_hyphen_values = true, conflicts_with_all = ["after", "limit"])]
    pub(crate) key: Vec<String>,

    /// Only rows behind this key, in the order of keys; given as --key is
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    pub(crate) after: Vec<String>,

    /// At most this many rows
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// JSON lines, which is the only form there is
    #[arg(long)]
    pub(crate) json: bool,
}
