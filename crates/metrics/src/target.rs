//! Around a target: what became of rows, how long commits take, what had to be tried again. Owns
//! measuring; answers and errors pass through unchanged.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    Committed, Labels, Origin, SealedBatch, ShardState, TableLayout, Target, TargetColumn,
    TargetError,
};
use tokio::time::Instant;

use crate::monitor::Monitor;
use crate::names::Metric;

/// A target that is measured.
pub struct MeteredTarget<T> {
    inner: Arc<T>,
    tables: Vec<String>,
    monitor: Arc<Monitor>,
}

/// A batch with what must be known of it once it is committed.
pub struct MeteredBatch<B> {
    pub(crate) inner: B,
    /// Its shard and last record; none for a held record that is applied again.
    pub(crate) behind: Option<(String, SequenceNumber)>,
}

impl<T> MeteredTarget<T> {
    /// Measures `inner`, whose tables have these ids in the policy's order.
    pub const fn new(inner: Arc<T>, tables: Vec<String>, monitor: Arc<Monitor>) -> Self {
        Self {
            inner,
            tables,
            monitor,
        }
    }

    /// Counts a try that will be followed by another.
    fn tried<A>(&self, operation: &str, answer: Result<A, TargetError>) -> Result<A, TargetError> {
        if let Err(TargetError::Transient(_)) = &answer {
            let metric = Metric::DatabaseRetries;
            self.monitor.samples.add(metric, &[operation], 1);
        }
        answer
    }
}

impl<T> MeteredTarget<T> {
    fn count(&self, committed: &Committed) {
        for one in committed.outcomes() {
            let table = one.table.and_then(|number| self.tables.get(number));
            let table = table.map_or("", String::as_str);
            let samples = &self.monitor.samples;
            if one.outcome == "unlisted_columns" {
                samples.add(Metric::UnlistedColumns, &[table], one.count);
            } else {
                samples.add(Metric::Rows, &[table, one.outcome], one.count);
            }
        }
    }
}

#[async_trait]
impl<T: Target> Target for MeteredTarget<T> {
    type Ready = MeteredBatch<T::Ready>;

    async fn describe(
        &self,
        layouts: &[TableLayout],
    ) -> Result<Vec<Vec<TargetColumn>>, TargetError> {
        self.inner.describe(layouts).await
    }

    async fn shards(&self) -> Result<BTreeMap<String, bool>, TargetError> {
        let shards = self.inner.shards().await;
        self.tried("shards", shards)
    }

    async fn add_shards(&self, shards: &[String]) -> Result<(), TargetError> {
        let added = self.inner.add_shards(shards).await;
        self.tried("shards", added)
    }

    async fn take_shard(&self, shard: &str, parents: &[String]) -> Result<ShardState, TargetError> {
        let state = self.inner.take_shard(shard, parents).await;
        let state = self.tried("take", state)?;
        let mut standing = self.monitor.standing();
        standing.taken(shard, state.closed, Instant::now());
        Ok(state)
    }

    async fn labels(&self, shard: &str) -> Result<Labels, TargetError> {
        let labels = self.inner.labels(shard).await;
        self.tried("labels", labels)
    }

    fn ready(&self, batch: SealedBatch) -> Self::Ready {
        let behind = match batch.origin() {
            Origin::Shard { shard, to, .. } => Some((shard.clone(), to.clone())),
            Origin::Held { .. } => None,
        };
        MeteredBatch {
            behind,
            inner: self.inner.ready(batch),
        }
    }

    async fn apply(&self, batch: &Self::Ready) -> Result<Committed, TargetError> {
        let begun = Instant::now();
        let committed = self.inner.apply(&batch.inner).await;
        let committed = self.tried("apply", committed)?;
        let now = Instant::now();
        let samples = &self.monitor.samples;
        samples.observe(Metric::CommitSeconds, now.duration_since(begun));
        self.count(&committed);
        if let Some((shard, to)) = &batch.behind {
            let whole = self.monitor.standing().committed(shard, to, now);
            if let Some(took) = whole {
                samples.observe(Metric::BatchSeconds, took);
            }
        }
        Ok(committed)
    }

    async fn try_out(&self, batch: &Self::Ready) -> Result<(), TargetError> {
        let tried = self.inner.try_out(&batch.inner).await;
        self.tried("try", tried)
    }

    async fn close_shard(&self, shard: &str, fence: i64) -> Result<(), TargetError> {
        let closed = self.inner.close_shard(shard, fence).await;
        self.tried("close", closed)?;
        self.monitor.standing().closed(shard);
        Ok(())
    }

    async fn note_end(
        &self,
        shard: &str,
        fence: i64,
        checkpoint: &SequenceNumber,
    ) -> Result<(), TargetError> {
        let noted = self.inner.note_end(shard, fence, checkpoint).await;
        self.tried("note", noted)
    }
}
