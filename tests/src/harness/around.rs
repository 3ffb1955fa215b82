//! The real store with something of a test's own around each batch. Owns handing every other call
//! on; what happens to a batch is the test's.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    Committed, Labels, SealedBatch, ShardState, TableLayout, Target, TargetColumn, TargetError,
};
use fieldseal_store::{ReadyBatch, Store};

/// What a test does where a batch is applied.
#[async_trait]
pub trait Apply: Send + Sync + 'static {
    /// Applies the batch, or does not.
    async fn apply(&self, store: &Store, batch: &ReadyBatch) -> Result<Committed, TargetError>;

    /// Tries the batch out, or does not.
    async fn try_out(&self, store: &Store, batch: &ReadyBatch) -> Result<(), TargetError> {
        store.try_out(batch).await
    }
}

/// A store whose batches go through `apply`.
pub struct Around<A> {
    /// The real one.
    pub store: Arc<Store>,
    /// What stands before it.
    pub apply: A,
}

impl<A> Around<A> {
    /// Puts `apply` before the store.
    pub fn new(store: &Arc<Store>, apply: A) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            apply,
        })
    }
}

#[async_trait]
impl<A: Apply> Target for Around<A> {
    type Ready = ReadyBatch;

    async fn describe(
        &self,
        layouts: &[TableLayout],
    ) -> Result<Vec<Vec<TargetColumn>>, TargetError> {
        self.store.describe(layouts).await
    }

    async fn shards(&self) -> Result<BTreeMap<String, bool>, TargetError> {
        self.store.shards().await
    }

    async fn add_shards(&self, shards: &[String]) -> Result<(), TargetError> {
        self.store.add_shards(shards).await
    }

    async fn take_shard(&self, shard: &str, parents: &[String]) -> Result<ShardState, TargetError> {
        self.store.take_shard(shard, parents).await
    }

    async fn labels(&self, shard: &str) -> Result<Labels, TargetError> {
        self.store.labels(shard).await
    }

    fn ready(&self, batch: SealedBatch) -> ReadyBatch {
        self.store.ready(batch)
    }

    async fn apply(&self, batch: &ReadyBatch) -> Result<Committed, TargetError> {
        self.apply.apply(&self.store, batch).await
    }

    async fn try_out(&self, batch: &ReadyBatch) -> Result<(), TargetError> {
        self.apply.try_out(&self.store, batch).await
    }

    async fn close_shard(&self, shard: &str, fence: i64) -> Result<(), TargetError> {
        self.store.close_shard(shard, fence).await
    }

    async fn note_end(
        &self,
        shard: &str,
        fence: i64,
        checkpoint: &SequenceNumber,
    ) -> Result<(), TargetError> {
        self.store.note_end(shard, fence, checkpoint).await
    }
}
