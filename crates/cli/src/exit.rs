//! Exit codes and failures. Owns the one table that `--help` shows.

use std::fmt;
use std::process::ExitCode;

/// The table as `fieldseal --help` shows it.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  done, and everything is as it should be
  1  failed for a reason that is in none of the other rows
  2  the command line is wrong
  3  the policy has mistakes; all of them are listed
  4  something is not as it should be: a check failed, a record is in the way, not ready yet
  5  a shard stopped; what the others had was read
  6  the database, the keys or the source cannot be reached now; trying again may help";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0.
    Done = 0,
    /// 1.
    Failed = 1,
    /// 2.
    Usage = 2,
    /// 3.
    Policy = 3,
    /// 4.
    NotAsItShouldBe = 4,
    /// 5.
    ShardStopped = 5,
    /// 6.
    Unreachable = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that did not do its work: what, where, and what to do, never a value.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    text: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
        }
    }

    /// A database error, with what was being done.
    pub(crate) fn database(doing: &str, error: &fieldseal_db::DbError) -> Self {
        let exit = if error.is_transient() {
            Exit::Unreachable
        } else {
            Exit::Failed
        };
        Self::new(exit, format!("{doing}: {error}"))
    }

    /// A source error, with what was being done.
    pub(crate) fn source(doing: &str, error: &fieldseal_pipeline::SourceError) -> Self {
        let exit = if error.transient {
            Exit::Unreachable
        } else {
            Exit::NotAsItShouldBe
        };
        Self::new(exit, format!("{doing}: {error}"))
    }

    /// An error of the database that DMS reads, with what was being done.
    pub(crate) fn source_database(doing: &str, error: &fieldseal_source::SourceError) -> Self {
        let exit = if error.is_transient() {
            Exit::Unreachable
        } else {
            Exit::NotAsItShouldBe
        };
        Self::new(exit, format!("{doing}: {error}"))
    }

    /// A target error, with what was being done.
    pub(crate) fn target(doing: &str, error: &fieldseal_pipeline::TargetError) -> Self {
        let exit = match error {
            fieldseal_pipeline::TargetError::Transient(_) => Exit::Unreachable,
            _ => Exit::NotAsItShouldBe,
        };
        Self::new(exit, format!("{doing}: {error}"))
    }

    /// A keyring error, with what was being done.
    pub(crate) fn keys(doing: &str, error: &fieldseal_keys::KeyringError) -> Self {
        let exit = if error.is_temporary() {
            Exit::Unreachable
        } else {
            Exit::NotAsItShouldBe
        };
        Self::new(exit, format!("{doing}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
