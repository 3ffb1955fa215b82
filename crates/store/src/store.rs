//! The store itself: the database with what was learnt of its tables at the start.

use std::collections::BTreeMap;

use async_trait::async_trait;
use fieldseal_db::{Bind, Database, DbError, Dialect};
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    Committed, Labels, SealedBatch, ShardState, TableLayout, Target, TargetColumn, TargetError,
};
use fieldseal_policy::Policy;
use tokio::sync::OnceCell;

use crate::describe;
use crate::error::target_error;
use crate::ready::ReadyBatch;
use crate::table::TargetTable;
use crate::{ancestry, apply, checkpoint, labels};

/// The new database as a target.
pub struct Store {
    pub(crate) database: Database,
    pub(crate) table_ids: Vec<String>,
    tables: OnceCell<Vec<TargetTable>>,
}

impl Store {
    /// A store over a migrated database.
    #[must_use]
    pub fn new(database: Database, policy: &Policy) -> Self {
        let table_ids = policy
            .tables()
            .iter()
            .map(|t| t.id.as_str().to_owned())
            .collect();
        Self {
            database,
            table_ids,
            tables: OnceCell::new(),
        }
    }

    /// The database.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The tables, once they were described.
    pub(crate) fn tables(&self) -> Result<&[TargetTable], TargetError> {
        self.tables
            .get()
            .map(Vec::as_slice)
            .ok_or_else(|| TargetError::Fatal("the target was not described yet".to_owned()))
    }

    async fn learn(&self, layouts: &[TableLayout]) -> Result<Vec<TargetTable>, TargetError> {
        let mut tables = Vec::with_capacity(layouts.len());
        for layout in layouts {
            let columns = describe::describe(&self.database, layout).await?;
            let casts = match self.database.dialect() {
                Dialect::Postgres => describe::cast_types(&self.database, layout).await?,
                _ => Vec::new(),
            };
            let number = self
                .table_number(layout.table.as_str())
                .await
                .map_err(|error| target_error(&error))?
                .ok_or_else(|| not_registered(layout))?;
            tables.push(TargetTable {
                layout: layout.clone(),
                columns,
                casts,
                number,
            });
        }
        Ok(tables)
    }

    async fn table_number(&self, table_id: &str) -> Result<Option<i64>, DbError> {
        let rows = self
            .database
            .query(
                "SELECT number FROM fieldseal_tables WHERE table_id = ?",
                &[Bind::from(table_id)],
            )
            .await?;
        rows.first().map(|row| row.int(0)).transpose()
    }
}

fn not_registered(layout: &TableLayout) -> TargetError {
    TargetError::Fatal(format!(
        "table {} is not registered in the target; run `fieldseal migrate`",
        layout.table
    ))
}

#[async_trait]
impl Target for Store {
    type Ready = ReadyBatch;

    async fn describe(
        &self,
        layouts: &[TableLayout],
    ) -> Result<Vec<Vec<TargetColumn>>, TargetError> {
        let tables = self.tables.get_or_try_init(|| self.learn(layouts)).await?;
        Ok(tables.iter().map(|table| table.columns.clone()).collect())
    }

    async fn shards(&self) -> Result<BTreeMap<String, bool>, TargetError> {
        checkpoint::shards(&self.database)
            .await
            .map_err(|error| target_error(&error))
    }

    async fn add_shards(&self, shards: &[String]) -> Result<(), TargetError> {
        checkpoint::add(&self.database, shards)
            .await
            .map_err(|error| target_error(&error))
    }

    async fn take_shard(
        &self,
        shard: &str,
        ancestors: &[String],
    ) -> Result<ShardState, TargetError> {
        let state = ancestry::take(self, shard, ancestors).await;
        state.map_err(|error| target_error(&error))
    }

    async fn labels(&self, shard: &str) -> Result<Labels, TargetError> {
        labels::read(self, shard)
            .await
            .map_err(|error| target_error(&error))
    }

    fn ready(&self, batch: SealedBatch) -> ReadyBatch {
        let tables = self.tables().unwrap_or_default();
        ReadyBatch::new(&self.database, tables, batch)
    }

    async fn apply(&self, ready: &ReadyBatch) -> Result<Committed, TargetError> {
        apply::apply(self, ready).await
    }

    async fn try_out(&self, ready: &ReadyBatch) -> Result<(), TargetError> {
        apply::try_out(self, ready).await
    }

    async fn note_end(
        &self,
        shard: &str,
        fence: i64,
        checkpoint: &SequenceNumber,
    ) -> Result<(), TargetError> {
        checkpoint::note_end(&self.database, shard, fence, checkpoint)
            .await
            .map_err(|error| target_error(&error))
    }

    async fn close_shard(&self, shard: &str, fence: i64) -> Result<(), TargetError> {
        let closed = checkpoint::close(&self.database, shard, fence)
            .await
            .map_err(|error| target_error(&error))?;
        if closed {
            Ok(())
        } else {
            Err(TargetError::Fenced {
                shard: shard.to_owned(),
            })
        }
    }
}
