//! L on MySQL and MariaDB. Owns the heartbeat, XA transactions, and what is waited for of InnoDB's
//! list of transactions, which `innodb` reads.

use std::collections::BTreeSet;

use fieldseal_db::{Database, DbError, DbErrorKind, Dialect, Sql, quote};

use super::{HEARTBEAT_TABLE, Reading, StillOpen, Waiting};
use crate::{SourceDatabase, SourceError};

/// How it is made. One row, changed each time: an UPDATE that changes nothing is not logged.
const MAKE: &str = "(id INT NOT NULL PRIMARY KEY, beats BIGINT NOT NULL) ENGINE=InnoDB";

impl SourceDatabase {
    pub(super) async fn read_by_heartbeat(&self) -> Result<Reading, SourceError> {
        let first = server(&self.database).await?;
        // The first one shows whether it can be done at all, before L is read.
        self.beat_or_make().await?;
        let is_logged = self.logs_this_session().await?;
        let before = self.beats().await?;
        let position = self.end_of_log().await?;
        // Prepared before L or after it, each of them is waited for: rather one too many.
        let prepared = self.prepared().await?;
        self.beat().await.map_err(beat_failed)?;
        let changed = self.beats().await? != before;
        let behind = self.end_of_log().await?;
        if server(&self.database).await? != first {
            return Err(SourceError::Unfit(SEVERAL.to_owned()));
        }
        // Others' writes move the binlog as well: that it moved does not say by whom.
        if !is_logged || !changed || behind <= position {
            return Err(SourceError::Unfit(format!(
                "the heartbeat did not reach the binlog; let the server log the database of \
                 {HEARTBEAT_TABLE} (binlog_do_db, binlog_ignore_db, sql_log_bin), or use \
                 --no-heartbeat"
            )));
        }
        Ok(Reading {
            position,
            waiting_for: Waiting::Prepared(prepared),
        })
    }

    pub(super) async fn read_by_transactions(&self) -> Result<Reading, SourceError> {
        let position = self.end_of_log().await?;
        // Everything that is in the binlog below L, and not yet visible, is open now.
        Ok(Reading {
            position,
            waiting_for: Waiting::Numbers(
                self.numbers().await?.into_iter().map(|(n, _)| n).collect(),
            ),
        })
    }

    /// Refuses a connection that has reached another server than the first one.
    pub(super) async fn same_server(&self, other: &Database) -> Result<(), SourceError> {
        if server(&self.database).await? == server(other).await? {
            return Ok(());
        }
        Err(SourceError::Unfit(SEVERAL.to_owned()))
    }
    /// Commits a write; makes its table where there is none.
    async fn beat_or_make(&self) -> Result<(), SourceError> {
        match self.beat().await {
            Err(error) if error.kind() == DbErrorKind::Schema => {
                let name = quote(Dialect::MySql, HEARTBEAT_TABLE);
                let make = format!("CREATE TABLE IF NOT EXISTS {name} {MAKE}");
                self.database
                    .execute(Sql::dynamic(make), &[])
                    .await
                    .map_err(beat_failed)?;
                self.beat().await.map_err(beat_failed)
            }
            done => done.map_err(beat_failed),
        }
    }

    /// Whether what this account writes in its database gets into the binlog.
    async fn logs_this_session(&self) -> Result<bool, SourceError> {
        const DOING: &str = "asking the source whether the heartbeat is logged";
        let failed = |error| SourceError::of(DOING, "ask its administrator", error);
        let session = "SELECT DATABASE(), @@SESSION.sql_log_bin";
        let rows = self.database.query(session, &[]).await.map_err(failed)?;
        let row = rows.first().ok_or_else(|| failed(DbError::unexpected()))?;
        let schema = row.opt_text(0).map_err(failed)?.unwrap_or_default();
        Ok(row.int(1).map_err(failed)? != 0 && self.binlog().await?.logs(&schema))
    }

    async fn beat(&self) -> Result<(), DbError> {
        let name = quote(Dialect::MySql, HEARTBEAT_TABLE);
        let beat = format!(
            "INSERT INTO {name} (id, beats) VALUES (1, 1) ON DUPLICATE KEY UPDATE beats = beats + 1"
        );
        self.database
            .execute(Sql::dynamic(beat), &[])
            .await
            .map(drop)
    }

    /// How many there were. A trigger may take one back, and what changes nothing is not logged.
    async fn beats(&self) -> Result<Option<i64>, SourceError> {
        let name = quote(Dialect::MySql, HEARTBEAT_TABLE);
        let count = Sql::dynamic(format!("SELECT beats FROM {name} WHERE id = 1"));
        let rows = self.database.query(count, &[]).await;
        let row = rows.map_err(beat_failed)?.into_iter().next();
        let beats = row.map(|row| row.int(0)).transpose();
        beats.map_err(beat_failed)
    }

    /// The names of prepared XA transactions; `None` where the account may not see them, or the
    /// server does not tell in this way.
    async fn prepared(&self) -> Result<Option<BTreeSet<Vec<u8>>>, SourceError> {
        const DOING: &str = "listing the source's prepared XA transactions";
        let failed = |error| SourceError::of(DOING, "GRANT XA_RECOVER_ADMIN ON *.* TO it", error);
        match self.database.query("XA RECOVER", &[]).await {
            Ok(rows) => {
                let names: Result<_, DbError> = rows.iter().map(|row| row.bytes(3)).collect();
                names.map(Some).map_err(failed)
            }
            // Refused; ER_XAER_RMERR: refused, in MySQL's words; ER_UNSUPPORTED_PS.
            Err(error)
                if error.kind() == DbErrorKind::Privilege
                    || matches!(error.code(), Some("1401" | "1295")) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) async fn still_prepared(
        &self,
        then: &BTreeSet<Vec<u8>>,
    ) -> Result<StillOpen, SourceError> {
        let now = self.prepared().await?.ok_or_else(|| {
            let gone = "the source no longer shows its prepared XA transactions";
            SourceError::Unfit(gone.to_owned())
        })?;
        let count = then.intersection(&now).count() as u64;
        Ok(StillOpen {
            transactions: count,
            prepared: count,
            processes: Vec::new(),
        })
    }

    pub(super) async fn still_open_numbers(
        &self,
        then: &BTreeSet<i64>,
    ) -> Result<StillOpen, SourceError> {
        let now = self.numbers().await?;
        let open = now.iter().filter(|(number, _)| then.contains(number));
        let connections: Vec<i64> = open.map(|(_, connection)| *connection).collect();
        let prepared = connections.iter().filter(|number| **number == 0).count();
        Ok(StillOpen {
            transactions: connections.len() as u64,
            prepared: prepared as u64,
            processes: connections.into_iter().filter(|n| *n != 0).collect(),
        })
    }
}

const SEVERAL: &str = "the source's URL leads to several servers; name the one that DMS reads";

/// Which server answers.
async fn server(database: &Database) -> Result<String, SourceError> {
    const DOING: &str = "asking the source which server it is";
    let failed = |error| SourceError::of(DOING, "ask its administrator", error);
    let which = "SELECT CONCAT(@@server_id, ' ', @@hostname, ' ', @@port)";
    let rows = database.query(which, &[]).await.map_err(failed)?;
    let row = rows.first().ok_or_else(|| failed(DbError::unexpected()))?;
    row.text(0).map_err(failed)
}

fn beat_failed(error: DbError) -> SourceError {
    const DOING: &str = "committing a heartbeat at the source";
    // Server error numbers, MySQL reference manual appendix B.
    match error.code() {
        // ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_MODE, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        Some("1290" | "1836" | "1792") => SourceError::Unfit(format!(
            "{DOING}: the server takes no writes; if DMS reads this replica, use --no-heartbeat"
        )),
        // ER_NO_DB_ERROR
        Some("1046") => SourceError::Unfit(format!(
            "{DOING}: the URL names no database to keep {HEARTBEAT_TABLE} in; add one, or use \
             --no-heartbeat"
        )),
        _ => SourceError::of(
            DOING,
            &format!(
                "run there, in the database that the URL names: CREATE TABLE {HEARTBEAT_TABLE} \
                 {MAKE}; GRANT SELECT, INSERT, UPDATE ON {HEARTBEAT_TABLE} TO the account; or use \
                 --no-heartbeat"
            ),
            error,
        ),
    }
}
