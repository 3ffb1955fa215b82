//! The present end of the source's log. Owns asking the server that is connected, and no other:
//! a replica answers with its own binlog, never with its primary's.

use fieldseal_db::{DbErrorKind, Row};
use fieldseal_model::{Engine, Position};

use crate::{SourceDatabase, SourceError};

/// What a MySQL or MariaDB account needs to read the position.
const GRANT: &str =
    "GRANT REPLICATION CLIENT ON *.* TO it (MariaDB 10.5 and later: BINLOG MONITOR)";

/// What `SHOW MASTER STATUS` says of the binlog.
pub(crate) struct BinlogStatus {
    /// `file:offset`.
    pub(crate) place: String,
    /// Databases that alone are logged, and databases that are not; empty: all are.
    only: String,
    without: String,
}

impl BinlogStatus {
    /// Whether what is written in this database is logged. Where some alone are, the other list
    /// is not asked (MySQL reference manual, "Evaluation of Database-Level Replication and Binary
    /// Logging Options").
    pub(crate) fn logs(&self, schema: &str) -> bool {
        let names = |list: &str| list.split(',').any(|name| name.trim() == schema);
        if self.only.is_empty() {
            !names(&self.without)
        } else {
            names(&self.only)
        }
    }
}

impl SourceDatabase {
    /// The present end of the log. No L: nothing says yet that what lies below it is visible.
    ///
    /// # Errors
    /// [`SourceError`]; the advice says which privilege is missing.
    pub async fn end(&self) -> Result<Position, SourceError> {
        self.end_of_log().await
    }

    /// The position that the next transaction to commit will have, or one below it: too low an L
    /// is only less tight.
    ///
    /// # Errors
    /// [`SourceError`]; the advice says which privilege is missing.
    pub(crate) async fn end_of_log(&self) -> Result<Position, SourceError> {
        let place = match self.engine {
            Engine::MySql => self.binlog().await?.place,
            Engine::Postgres => self.lsn().await?,
        };
        Position::parse(self.engine, &place).map_err(|_| {
            SourceError::Unfit(
                "the server's position is not understood: DMS numbers binlog files by the digits \
                 behind the last point of their names, and offsets end at 4 GiB; run FLUSH BINARY \
                 LOGS if a binlog has grown beyond that"
                    .to_owned(),
            )
        })
    }

    /// MySQL and MariaDB: the binlog, which must be written.
    pub(crate) async fn binlog(&self) -> Result<BinlogStatus, SourceError> {
        self.binlog_status().await?.ok_or_else(|| {
            SourceError::Unfit(
                "the source's server writes no binlog; set log_bin and restart it".to_owned(),
            )
        })
    }

    /// MySQL and MariaDB: `None` when no binlog is written.
    pub(crate) async fn binlog_status(&self) -> Result<Option<BinlogStatus>, SourceError> {
        const DOING: &str = "reading the source's binlog position";
        // A syntax error: MySQL 8.4 knows only the newer words, MariaDB only the older ones.
        const UNKNOWN_WORDS: &str = "1064";
        let failed = |error| SourceError::of(DOING, GRANT, error);
        let rows = match self.database.query("SHOW MASTER STATUS", &[]).await {
            Err(error) if error.code() == Some(UNKNOWN_WORDS) => {
                self.database.query("SHOW BINARY LOG STATUS", &[]).await
            }
            answered => answered,
        }
        .map_err(failed)?;
        let read = |row: &Row| {
            Ok(BinlogStatus {
                place: format!("{}:{}", row.text(0)?, row.unsigned(1)?),
                only: row.opt_text(2)?.unwrap_or_default(),
                without: row.opt_text(3)?.unwrap_or_default(),
            })
        };
        rows.first().map(read).transpose().map_err(failed)
    }

    /// PostgreSQL: how far the log is flushed. What DMS has been sent lies below it; what begins
    /// now, at or above it. What is only written or inserted may be lost in a crash, and its LSNs
    /// used again, so that a load would win against changes made after it.
    async fn lsn(&self) -> Result<String, SourceError> {
        const DOING: &str = "reading the source's LSN";
        let failed = |error| SourceError::of(DOING, "ask its administrator", error);
        let rows = self
            .database
            .query("SELECT pg_current_wal_flush_lsn()::text", &[])
            .await
            .map_err(|error| {
                // 55000: the server is a standby.
                if error.kind() == DbErrorKind::Other && error.code() == Some("55000") {
                    return SourceError::Unfit(
                        "the source is a standby, which cannot say when a transaction of its \
                         primary has ended; read the primary, or give --position: an LSN read at \
                         the primary that the standby has replayed since"
                            .to_owned(),
                    );
                }
                failed(error)
            })?;
        let row = rows
            .first()
            .ok_or_else(|| failed(fieldseal_db::DbError::unexpected()))?;
        row.text(0).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::BinlogStatus;

    #[test]
    fn a_database_is_logged_unless_a_list_leaves_it_out() {
        for (only, without, logs) in [
            ("", "", true),
            ("shop", "", true),
            ("crm, shop", "", true),
            ("crm,shops", "", false),
            ("", "crm,shop", false),
            ("", "shops", true),
            ("shop", "shop", true),
            ("crm", "crm", false),
        ] {
            let status = BinlogStatus {
                place: String::new(),
                only: only.to_owned(),
                without: without.to_owned(),
            };
            assert_eq!(
                status.logs("shop"),
                logs,
                "only {only:?}, without {without:?}"
            );
        }
    }
}
