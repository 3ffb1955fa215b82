//! L, and knowing that everything older is visible to whoever reads the source's tables now.
//! Owns what a reading is and what it waits for; the caller waits and gives up. How each engine is
//! asked is in `mysql` (with `innodb`) and `postgres`.
//!
//! The position alone is not enough: a binlog shows a transaction before a SELECT can, and a
//! PostgreSQL transaction writes to the log long before it ends. A load that begins too early
//! would lack a row whose only change lies below L, and the floor would keep that change out.

mod innodb;
mod mysql;
mod postgres;

use std::collections::BTreeSet;

use fieldseal_model::{Engine, Position};
use fieldseal_policy::Policy;

use crate::{Severity, SourceDatabase, SourceError, settings};

/// Fieldseal's own table at a MySQL or MariaDB source, in the database that the URL names.
pub const HEARTBEAT_TABLE: &str = "fieldseal_heartbeat";

/// How MySQL and MariaDB are asked whether commit order has passed L. PostgreSQL has only one way:
/// the end of every transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOrder {
    /// Commit a write after L was read: commits become visible in the binlog's order.
    Heartbeat,
    /// Write nothing, and wait for the end of every transaction that is open after L was read.
    Transactions,
}

/// L, and what must end before a load may begin.
#[derive(Clone, Debug)]
pub struct Reading {
    /// L.
    pub position: Position,
    waiting_for: Waiting,
}

#[derive(Clone, Debug)]
enum Waiting {
    /// MySQL: XA transactions that were prepared. Their rows are in the binlog where they were
    /// prepared, and visible only once they are committed. `None`: the server does not show them.
    Prepared(Option<BTreeSet<Vec<u8>>>),
    /// MySQL: InnoDB's numbers of the transactions that were open, prepared ones among them.
    Numbers(BTreeSet<i64>),
    /// PostgreSQL: every transaction with a lower number than this one.
    Below(i64),
}

/// What a reading still waits for. Counts and process numbers, nothing of what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillOpen {
    /// How many transactions.
    pub transactions: u64,
    /// How many of them are prepared (two-phase commit) and end only by COMMIT or ROLLBACK of
    /// their name.
    pub prepared: u64,
    /// The connections or processes of the others, where the account may see them.
    pub processes: Vec<i64>,
}

impl Reading {
    /// What nobody can know on this server and with this account, and somebody should make sure of.
    #[must_use]
    pub const fn caution(&self) -> Option<&'static str> {
        match self.waiting_for {
            Waiting::Prepared(None) => Some(
                "the source does not show this account its prepared XA transactions: make sure by \
                 XA RECOVER that there is none, or use --no-heartbeat",
            ),
            _ => None,
        }
    }
}

impl SourceDatabase {
    /// Reads L at this server, and starts waiting for commit order to pass it.
    ///
    /// # Errors
    /// [`SourceError`]: also when the server's settings make positions useless.
    pub async fn read_position(
        &self,
        policy: &Policy,
        how: CommitOrder,
    ) -> Result<Reading, SourceError> {
        let errors: Vec<String> = settings::of_server(self, policy)
            .await?
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(ToString::to_string)
            .collect();
        if !errors.is_empty() {
            return Err(SourceError::Unfit(errors.join("; ")));
        }
        match (self.engine, how) {
            (Engine::Postgres, _) => self.read_postgres().await,
            (Engine::MySql, CommitOrder::Heartbeat) => self.read_by_heartbeat().await,
            (Engine::MySql, CommitOrder::Transactions) => self.read_by_transactions().await,
        }
    }

    /// What `reading` still waits for; nothing: the load may begin.
    ///
    /// # Errors
    /// [`SourceError`] when the database cannot be asked.
    pub async fn still_open(&self, reading: &Reading) -> Result<StillOpen, SourceError> {
        match &reading.waiting_for {
            Waiting::Prepared(None) => Ok(StillOpen::default()),
            Waiting::Prepared(Some(then)) => self.still_prepared(then).await,
            Waiting::Numbers(then) => self.still_open_numbers(then).await,
            Waiting::Below(number) => self.still_open_below(*number).await,
        }
    }
}

const LISTING: &str = "listing the source's open transactions";
