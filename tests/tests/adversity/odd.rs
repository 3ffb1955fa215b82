//! The store, which fails or never answers where a test says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fieldseal_pipeline::{
    Committed, Labels, SealedBatch, ShardState, TableLayout, Target, TargetColumn, TargetError,
};
use fieldseal_store::{ReadyBatch, Store};

/// The store, which fails where a test says so.
pub(crate) struct Odd {
    pub(crate) store: Arc<Store>,
    /// So many calls that add shards fail.
    pub(crate) adding: AtomicU32,
    /// Whether taking a shard never answers, and how often it was asked to.
    pub(crate) mute: bool,
    pub(crate) asked: AtomicU32,
}

impl Odd {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            store: Arc::clone(store),
            adding: AtomicU32::new(0),
            mute: false,
            asked: AtomicU32::new(0),
        }
    }
}

fn hiccup() -> TargetError {
    TargetError::Transient("a hiccup".to_owned())
}

#[async_trait]
impl Target for Odd {
    type Ready = ReadyBatch;

    async fn describe(&self, l: &[TableLayout]) -> Result<Vec<Vec<TargetColumn>>, TargetError> {
        self.store.describe(l).await
    }

    async fn shards(&self) -> Result<BTreeMap<String, bool>, TargetError> {
        self.store.shards().await
    }

    async fn add_shards(&self, shards: &[String]) -> Result<(), TargetError> {
        let fails = |left: u32| left.checked_sub(1);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.adding.fetch_update(set, get, fails).is_ok() {
            return Err(hiccup());
        }
        self.store.add_shards(shards).await
    }

    async fn take_shard(&self, shard: &str, from: &[String]) -> Result<ShardState, TargetError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.mute {
            std::future::pending::<()>().await;
        }
        self.store.take_shard(shard, from).await
    }

    async fn labels(&self, shard: &str) -> Result<Labels, TargetError> {
        self.store.labels(shard).await
    }

    fn ready(&self, batch: SealedBatch) -> ReadyBatch {
        self.store.ready(batch)
    }

    async fn apply(&self, batch: &ReadyBatch) -> Result<Committed, TargetError> {
        self.store.apply(batch).await
    }

    async fn try_out(&self, batch: &ReadyBatch) -> Result<(), TargetError> {
        self.store.try_out(batch).await
    }

    async fn close_shard(&self, shard: &str, fence: i64) -> Result<(), TargetError> {
        self.store.close_shard(shard, fence).await
    }
}
