//! A worker that dies. Owns the faults between the pipeline and the real store: batches that are
//! refused, that are lost, and whose commit is never answered.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    Committed, Labels, Origin, RowChange, SealedBatch, ShardState, TableLayout, Target,
    TargetColumn, TargetError,
};
use fieldseal_store::{ReadyBatch, Store};

/// What happens to one call of `apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The worker dies before the transaction.
    Before,
    /// The worker dies behind the commit.
    Behind,
    /// The commit takes place, and its answer is lost: the batch is tried again.
    Unanswered,
}

/// The store with faults in front of it.
pub(super) struct Worker {
    pub(super) store: Arc<Store>,
    faults: Mutex<VecDeque<Fault>>,
    /// A record that the database refuses as data.
    poison: Mutex<Option<(String, SequenceNumber)>>,
}

/// How a killed worker's shard says why it stopped.
pub(super) const KILLED: &str = "killed by the test";

impl Worker {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            faults: Mutex::default(),
            poison: Mutex::default(),
        }
    }

    pub(super) fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut held = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        *held = faults.into_iter().collect();
    }

    pub(super) fn set_poison(&self, place: Option<(String, SequenceNumber)>) {
        *self.poison.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    fn next_fault(&self) -> Fault {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.pop_front().unwrap_or(Fault::None)
    }

    fn refuses(&self, batch: &SealedBatch) -> bool {
        let poison = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        let (
            Some((poisoned, at)),
            Origin::Shard {
                shard, from, to, ..
            },
        ) = (poison.as_ref(), batch.origin())
        else {
            return false;
        };
        // A delete binds nothing but its key.
        let writes = batch
            .rows()
            .iter()
            .any(|row| matches!(row.change(), RowChange::Upsert(_)));
        poisoned == shard && from < at && at <= to && writes
    }
}

#[async_trait]
impl Target for Worker {
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
        if self.refuses(batch.batch()) {
            return Err(TargetError::Data {
                code: "22000".to_owned(),
            });
        }
        let killed = || TargetError::Fatal(KILLED.to_owned());
        match self.next_fault() {
            Fault::None => self.store.apply(batch).await,
            Fault::Before => Err(killed()),
            Fault::Behind => {
                let _committed = self.store.apply(batch).await?;
                Err(killed())
            }
            Fault::Unanswered => {
                let _committed = self.store.apply(batch).await?;
                Err(TargetError::Transient("no answer to the commit".to_owned()))
            }
        }
    }

    async fn close_shard(&self, shard: &str, fence: i64) -> Result<(), TargetError> {
        self.store.close_shard(shard, fence).await
    }
}
