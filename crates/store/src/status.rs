//! How the target stands: outcomes by table, shards, what is held, and whether anything blocks a
//! cutover. Owns those queries; counts and names only, never a value.

use fieldseal_db::{Bind, DbError, Row, Sql};
use fieldseal_model::RowVersion;

use crate::counters::COUNTERS;
use crate::store::Store;
use crate::table::version_column;

/// Everything `fieldseal status` shows of the target.
#[derive(Clone, Debug)]
pub struct Status {
    /// Every table of the policy.
    pub tables: Vec<TableStatus>,
    /// Every shard that was ever read.
    pub shards: Vec<ShardStatus>,
    /// What is held, by table and reason.
    pub held: Vec<QuarantineCount>,
    /// Debts of discarded records, by table; without a table for records that none could be read
    /// from.
    pub debts: Vec<(Option<String>, u64)>,
    /// Records of DMS's own tables, of the heartbeat, and of tables that the policy skips.
    pub ignored: u64,
    /// The present epoch.
    pub epoch: u32,
}

/// One table.
#[derive(Clone, Debug)]
pub struct TableStatus {
    /// Its id.
    pub table: String,
    /// Counters by name, in a fixed order: `loads`, `inserts`, `updates`, `deletes`, `skipped`,
    /// `quarantined`, `controls`, `ignored`, `unlisted_columns`.
    pub counters: [(&'static str, u64); 9],
    /// Why it is tainted, if it is.
    pub taint: Option<String>,
    /// Below it nothing is accepted.
    pub floor: RowVersion,
    /// Rows in the target.
    pub rows: u64,
    /// Rows that somebody else wrote: the stream never overwrites them.
    pub foreign_rows: u64,
    /// The state of its newest generation: `open`, `complete`, `swept`, or none.
    pub generation: Option<(u32, String)>,
}

/// One shard.
#[derive(Clone, Debug)]
pub struct ShardStatus {
    /// Its name.
    pub shard: String,
    /// The last record that is applied.
    pub sequence: String,
    /// The highest source position seen in its present epoch.
    pub high: Option<u64>,
    /// Whether it was read to its end.
    pub closed: bool,
}

/// Held records of one table and reason.
#[derive(Clone, Debug)]
pub struct QuarantineCount {
    /// The table, when the policy knows it.
    pub table: Option<String>,
    /// The reason.
    pub reason: String,
    /// How many.
    pub count: u64,
}

impl Store {
    /// Reads the status. Not one snapshot: a running worker moves on between two queries.
    /// The store must have been described.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn status(&self) -> Result<Status, DbError> {
        let epoch = self
            .database
            .query("SELECT MAX(epoch) FROM fieldseal_epochs", &[])
            .await?;
        let epoch = epoch
            .first()
            .ok_or(DbError::unexpected())?
            .opt_int(0)?
            .unwrap_or(1);
        Ok(Status {
            tables: self.table_statuses().await?,
            shards: self.shard_statuses().await?,
            held: self.held_counts().await?,
            debts: self.debt_counts().await?,
            ignored: self.ignored().await?,
            epoch: crate::labels::narrow(epoch)?,
        })
    }

    async fn table_statuses(&self) -> Result<Vec<TableStatus>, DbError> {
        let mut statuses = Vec::with_capacity(self.table_ids.len());
        let tables = self.tables().map_err(|_| DbError::unexpected())?;
        for (table, target) in self.table_ids.iter().zip(tables) {
            let row = self
                .database
                .query(
                    "SELECT taint, floor FROM fieldseal_tables WHERE table_id = ?",
                    &[Bind::from(table)],
                )
                .await?;
            let row = row.first().ok_or(DbError::unexpected())?;
            let dialect = self.database.dialect();
            let name = target.name(dialect);
            let rows = self
                .count(format!("SELECT COUNT(*) FROM {name}"), &[])
                .await?;
            let foreign = format!(
                "SELECT COUNT(*) FROM {name} WHERE {} = ?",
                version_column(dialect)
            );
            statuses.push(TableStatus {
                table: table.clone(),
                counters: self.counters(table).await?,
                taint: row.opt_text(0)?,
                floor: crate::locks::version(&row.bytes(1)?)?,
                rows,
                foreign_rows: self
                    .count(foreign, &[Bind::from(RowVersion::FOREIGN.as_bytes())])
                    .await?,
                generation: self.newest_generation(table).await?,
            });
        }
        Ok(statuses)
    }

    async fn counters(&self, table: &str) -> Result<[(&'static str, u64); 9], DbError> {
        // A sum of BIGINT is a DECIMAL on two of the servers; here the rows are few.
        let sql = format!(
            "SELECT {} FROM fieldseal_counters WHERE table_id = ?",
            COUNTERS.join(", ")
        );
        let rows = self
            .database
            .query(Sql::dynamic(sql), &[Bind::from(table)])
            .await?;
        let mut counters = COUNTERS.map(|name| (name, 0));
        for row in &rows {
            for (index, counter) in counters.iter_mut().enumerate() {
                counter.1 += unsigned(row, index)?;
            }
        }
        Ok(counters)
    }

    /// They are counted under no table's id.
    async fn ignored(&self) -> Result<u64, DbError> {
        let counters = self.counters("").await?;
        let ignored = counters.iter().find(|(name, _)| *name == "ignored");
        Ok(ignored.map_or(0, |(_, count)| *count))
    }

    async fn newest_generation(&self, table: &str) -> Result<Option<(u32, String)>, DbError> {
        let rows = self
            .database
            .query(
                "SELECT generation, state FROM fieldseal_generations WHERE table_id = ? ORDER BY generation DESC LIMIT 1",
                &[Bind::from(table)],
            )
            .await?;
        rows.first()
            .map(|row| Ok((crate::labels::narrow(row.int(0)?)?, row.text(1)?)))
            .transpose()
    }

    async fn shard_statuses(&self) -> Result<Vec<ShardStatus>, DbError> {
        let rows = self
            .database
            .query(
                "SELECT shard, sequence, high, closed FROM fieldseal_shards ORDER BY shard",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ShardStatus {
                    shard: row.text(0)?,
                    sequence: row.text(1)?,
                    high: row
                        .opt_text(2)?
                        .map(|text| text.parse().map_err(|_| DbError::unexpected()))
                        .transpose()?,
                    closed: row.int(3)? != 0,
                })
            })
            .collect()
    }

    /// What is held in quarantine, by table and reason.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn held_counts(&self) -> Result<Vec<QuarantineCount>, DbError> {
        let rows = self
            .database
            .query(
                "SELECT table_id, reason, COUNT(*) FROM fieldseal_quarantine GROUP BY table_id, reason ORDER BY table_id, reason",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(QuarantineCount {
                    table: row.opt_text(0)?,
                    reason: row.text(1)?,
                    count: unsigned(row, 2)?,
                })
            })
            .collect()
    }

    async fn debt_counts(&self) -> Result<Vec<(Option<String>, u64)>, DbError> {
        let rows = self
            .database
            .query(
                "SELECT table_id, COUNT(*) FROM fieldseal_debts GROUP BY table_id ORDER BY table_id",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.opt_text(0)?, unsigned(row, 1)?)))
            .collect()
    }

    async fn count(&self, sql: String, binds: &[Bind<'_>]) -> Result<u64, DbError> {
        let rows = self.database.query(Sql::dynamic(sql), binds).await?;
        unsigned(rows.first().ok_or(DbError::unexpected())?, 0)
    }
}

fn unsigned(row: &Row, index: usize) -> Result<u64, DbError> {
    u64::try_from(row.int(index)?).map_err(|_| DbError::unexpected())
}
