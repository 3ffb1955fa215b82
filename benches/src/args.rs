//! The command line. Owns its words and defaults.

use std::path::PathBuf;

pub(crate) const HELP: &str = "\
benches BENCH [--rows N] [--rounds N] [--report FILE] [options]

BENCH  seal        sealing and opening one field against bare AES-256-GCM
       prepare     decode, plan, coalesce and seal into a target that stores nothing
       databases   the whole way into PostgreSQL and MariaDB, against two ceilings each
       memory      peak memory of a process that reads a folder of records
       kinesis     a stream of 16 shards on the double of Kinesis, against a bare loop of
                   GetRecords, against files into PostgreSQL, and its peak memory
       kms         the calls to KMS of a whole run, counted by its double
       app         pages and many rows opened by the application crate, against bare
                   AES-256-GCM and against one core; a look-up by blind index against one
                   in clear, in PostgreSQL and MariaDB
       all         all of them, one after the other

--rows N         rows of a round (prepare 400000, databases 600000, memory 5000000,
                 kinesis 1000000, kms 1000000, app 100000)
--rounds N       how often each figure is taken, in alternation (5); the median is reported
--batch LIST     databases, kinesis: records of a batch, several with commas between (8000)
--shards LIST    prepare, databases: shards at once, several with commas between (1,2)
--postgres URL   databases, kinesis, kms, app: an administrator's URL, else
                 FIELDSEAL_TEST_POSTGRES_URL
--mariadb URL    databases, app: an administrator's URL, else FIELDSEAL_TEST_MARIADB_URL
--report FILE    write the JSON report there instead of to standard output
";

/// Which measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    Seal,
    Prepare,
    Databases,
    Memory,
    /// The measured process of `memory`: a folder and a place for its answer.
    MemoryChild,
    Kinesis,
    Kms,
    App,
    /// The measured process of `kinesis`: an endpoint and a place for its answer.
    KinesisChild,
    All,
}

/// The command line, read.
pub(crate) struct Args {
    pub(crate) bench: Bench,
    pub(crate) rows: Option<usize>,
    pub(crate) rounds: usize,
    pub(crate) batches: Vec<usize>,
    pub(crate) shards: Vec<usize>,
    pub(crate) postgres: Option<String>,
    pub(crate) mariadb: Option<String>,
    pub(crate) report: Option<PathBuf>,
    /// For `MemoryChild`.
    pub(crate) folder: Option<PathBuf>,
    /// For `KinesisChild`.
    pub(crate) endpoint: Option<String>,
}

impl Args {
    /// `None` asks for help.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let bench = match words.next().as_deref() {
            Some("seal") => Bench::Seal,
            Some("prepare") => Bench::Prepare,
            Some("databases") => Bench::Databases,
            Some("memory") => Bench::Memory,
            Some("memory-child") => Bench::MemoryChild,
            Some("kms") => Bench::Kms,
            Some("app") => Bench::App,
            Some("kinesis") => Bench::Kinesis,
            Some("kinesis-child") => Bench::KinesisChild,
            Some("all") => Bench::All,
            None | Some("--help" | "-h") => return Ok(None),
            Some(other) => return Err(format!("there is no bench {other}")),
        };
        let mut args = Self {
            bench,
            rows: None,
            rounds: 5,
            batches: vec![8_000],
            shards: vec![1, 2],
            postgres: std::env::var("FIELDSEAL_TEST_POSTGRES_URL").ok(),
            mariadb: std::env::var("FIELDSEAL_TEST_MARIADB_URL").ok(),
            report: None,
            folder: None,
            endpoint: None,
        };
        while let Some(word) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{word} takes a value"))?;
            match word.as_str() {
                "--rows" => args.rows = Some(number(&value)?),
                "--rounds" => args.rounds = number(&value)?,
                "--batch" => args.batches = numbers(&value)?,
                "--shards" => args.shards = numbers(&value)?,
                "--postgres" => args.postgres = Some(value),
                "--mariadb" => args.mariadb = Some(value),
                "--report" => args.report = Some(value.into()),
                "--endpoint" => args.endpoint = Some(value),
                "--folder" => args.folder = Some(value.into()),
                _ => return Err(format!("there is no option {word}")),
            }
        }
        Ok(Some(args))
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{text} is no number above 0"))
}

fn numbers(text: &str) -> Result<Vec<usize>, String> {
    text.split(',').map(number).collect()
}
