//! L on PostgreSQL. Owns telling which transactions were open: by number, prepared ones included.

use fieldseal_db::{Bind, DbError};

use super::{LISTING, Reading, StillOpen, Waiting};
use crate::{SourceDatabase, SourceError};

impl SourceDatabase {
    pub(super) async fn read_postgres(&self) -> Result<Reading, SourceError> {
        let failed = |error| SourceError::of(LISTING, "ask its administrator", error);
        let position = self.end_of_log().await?;
        // A number of our own: every transaction that had written by then has a lower one. The
        // xmax of a snapshot would not do, since it lies behind the last transaction that ended,
        // not behind the last that began. These names work on every version; the newer
        // pg_current_xact_id is the same since PostgreSQL 13.
        let rows = self
            .database
            .query("SELECT txid_current()", &[])
            .await
            .map_err(failed)?;
        let row = rows.first().ok_or_else(|| failed(DbError::unexpected()))?;
        Ok(Reading {
            position,
            waiting_for: Waiting::Below(row.int(0).map_err(failed)?),
        })
    }

    /// Prepared transactions are in a snapshot's list too.
    pub(super) async fn still_open_below(&self, number: i64) -> Result<StillOpen, SourceError> {
        let failed = |error| SourceError::of(LISTING, "ask its administrator", error);
        let rows = self
            .database
            .query(
                "WITH open AS (SELECT x & 4294967295 AS xid \
                 FROM txid_snapshot_xip(txid_current_snapshot()) AS x WHERE x < ?) \
                 SELECT (SELECT COUNT(*) FROM open), \
                 (SELECT COUNT(*) FROM pg_prepared_xacts \
                 WHERE transaction::text::bigint IN (SELECT xid FROM open)), \
                 COALESCE((SELECT string_agg(pid::text, ' ' ORDER BY xact_start) \
                 FROM pg_stat_activity \
                 WHERE backend_xid::text::bigint IN (SELECT xid FROM open)), '')",
                &[Bind::from(number)],
            )
            .await
            .map_err(failed)?;
        let row = rows.first().ok_or_else(|| failed(DbError::unexpected()))?;
        let count = |index| {
            u64::try_from(row.int(index).map_err(failed)?)
                .map_err(|_| failed(DbError::unexpected()))
        };
        let processes = row.text(2).map_err(failed)?;
        Ok(StillOpen {
            transactions: count(0)?,
            prepared: count(1)?,
            processes: processes
                .split_whitespace()
                .filter_map(|number| number.parse().ok())
                .collect(),
        })
    }
}
