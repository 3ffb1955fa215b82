//! A worker that dies. Owns the faults between the pipeline and the real store: batches that are
//! refused, that are lost, and whose commit is never answered.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{Committed, Origin, RowChange, SealedBatch, Target, TargetError};
use fieldseal_store::{ReadyBatch, Store};

use crate::harness::around::{Apply, Around};

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
pub(super) type Worker = Around<Faults>;

#[derive(Default)]
pub(super) struct Faults {
    next: Mutex<VecDeque<Fault>>,
    /// A record that the database refuses as data.
    poison: Mutex<Option<(String, SequenceNumber)>>,
}

/// How a killed worker's shard says why it stopped.
pub(super) const KILLED: &str = "killed by the test";

impl Faults {
    pub(super) fn set(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut held = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *held = faults.into_iter().collect();
    }

    pub(super) fn set_poison(&self, place: Option<(String, SequenceNumber)>) {
        *self.poison.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    fn next(&self) -> Fault {
        let mut faults = self.next.lock().unwrap_or_else(PoisonError::into_inner);
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
impl Apply for Faults {
    async fn apply(&self, store: &Store, batch: &ReadyBatch) -> Result<Committed, TargetError> {
        if self.refuses(batch.batch()) {
            return Err(TargetError::Data {
                code: "22000".to_owned(),
            });
        }
        let killed = || TargetError::Fatal(KILLED.to_owned());
        match self.next() {
            Fault::None => store.apply(batch).await,
            Fault::Before => Err(killed()),
            Fault::Behind => {
                let _committed = store.apply(batch).await?;
                Err(killed())
            }
            Fault::Unanswered => {
                let _committed = store.apply(batch).await?;
                Err(TargetError::Transient("no answer to the commit".to_owned()))
            }
        }
    }
}
