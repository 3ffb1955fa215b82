//! InnoDB's list of open transactions, and knowing that it is no older than the question. Owns the
//! transaction that proves it.
//!
//! `information_schema.innodb_trx` shows a copy, which the server makes anew only when nobody has
//! read it for a tenth of a second (`CACHE_MIN_IDLE_TIME_US` in InnoDB's `trx0i_s.cc`): beside
//! monitoring that reads it more often, it stays as it is for ever. So each question comes over a
//! connection that is new, in a transaction of its own. A list in which that connection stands was
//! made after the transaction began; any other may be older, and is asked for again.

use std::collections::BTreeSet;

use fieldseal_db::{Connect, Database, DbError, Sql};

use super::LISTING;
use crate::{SourceDatabase, SourceError};

const PROCESS: &str = "GRANT PROCESS ON *.* TO it";

/// Seconds before each further look: longer each time, so that several who wait for one another
/// leave a gap in the end.
const PAUSES: [f64; 6] = [0.15, 0.3, 0.6, 1.2, 2.4, 4.8];

/// A transaction that has changed something, and its connection; 0 where it has none any more,
/// because it is prepared.
pub(super) type Numbered = (i64, i64);

impl SourceDatabase {
    /// The transactions that are open now and have changed something.
    pub(super) async fn numbers(&self) -> Result<BTreeSet<Numbered>, SourceError> {
        let settings = Connect::guest(1);
        let witness = Database::connect(&self.url, settings)
            .await
            .map_err(failed)?;
        let list = self.as_seen_by(&witness).await;
        // Its transaction ends with it.
        witness.close().await;
        list
    }

    async fn as_seen_by(&self, witness: &Database) -> Result<BTreeSet<Numbered>, SourceError> {
        self.same_server(witness).await?;
        let rows = witness
            .query("SELECT CAST(CONNECTION_ID() AS SIGNED)", &[])
            .await
            .map_err(failed)?;
        let own = rows.first().ok_or_else(|| failed(DbError::unexpected()))?;
        let own = own.int(0).map_err(failed)?;
        // A plain BEGIN begins nothing before its first statement reads a row.
        witness
            .execute_script("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            .await
            .map_err(failed)?;
        for pause in std::iter::once(None).chain(PAUSES.map(Some)) {
            if let Some(seconds) = pause {
                let sleep = Sql::dynamic(format!("SELECT SLEEP({seconds})"));
                witness.query(sleep, &[]).await.map_err(failed)?;
            }
            let list = list(witness).await.map_err(failed)?;
            if list.iter().any(|(_, connection)| *connection == own) {
                return Ok(list.into_iter().filter(|(n, _)| *n != 0).collect());
            }
        }
        Err(SourceError::Unfit(format!(
            "{LISTING}: information_schema.innodb_trx stays older than the question, since the \
             server renews it only when nobody has read it for a tenth of a second, and somebody \
             reads it more often; stop that monitoring for the moment, or let a heartbeat be \
             written (without --no-heartbeat)"
        )))
    }
}

/// Each with its number; 0 for one that has changed nothing, which has no number of its own:
/// servers show none, or one of 2^48 and above.
async fn list(database: &Database) -> Result<Vec<Numbered>, DbError> {
    let rows = database
        .query(
            "SELECT CASE WHEN CAST(trx_id AS UNSIGNED) BETWEEN 1 AND 281474976710655 \
             THEN CAST(trx_id AS SIGNED) ELSE 0 END, CAST(trx_mysql_thread_id AS SIGNED) \
             FROM information_schema.innodb_trx",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.int(0)?, row.int(1)?)))
        .collect()
}

fn failed(error: DbError) -> SourceError {
    SourceError::of(LISTING, PROCESS, error)
}
