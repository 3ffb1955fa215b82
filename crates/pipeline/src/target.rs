//! The port sealed batches go out by. Owns the contract; SQL implements it elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use fieldseal_model::{Position, SequenceNumber};

use crate::{Labels, SealedBatch, TableLayout, TargetColumn};

/// The new database.
///
/// Only sealed batches can be applied, and only sealing against a policy makes one. A batch is
/// applied whole or not at all, together with its checkpoint, so that its effects happen exactly
/// once however often it is tried.
#[async_trait]
pub trait Target: Send + Sync + 'static {
    /// A batch in the form in which it is sent.
    type Ready: Send + Sync + 'static;

    /// Describes the columns of every table of `layouts`, in each layout's order: asked once, at
    /// the start, so that planning can make values that binding cannot refuse.
    ///
    /// # Errors
    /// [`TargetError::Fatal`] when a table or column is missing or has a shape that section 6
    /// point 8 of the ordering rules refuses.
    async fn describe(
        &self,
        layouts: &[TableLayout],
    ) -> Result<Vec<Vec<TargetColumn>>, TargetError>;

    /// Every shard that was ever added or taken, and whether it was applied to its end.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn shards(&self) -> Result<BTreeMap<String, bool>, TargetError>;

    /// Adds shards that are not there yet, unread, all of them or none.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn add_shards(&self, shards: &[String]) -> Result<(), TargetError>;

    /// Takes `shard` over: whoever held it before can no longer commit. Where nothing of it was
    /// applied yet, its highest position is that of its `ancestors`, as far as they are of one epoch.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn take_shard(
        &self,
        shard: &str,
        ancestors: &[String],
    ) -> Result<ShardState, TargetError>;

    /// The marks, floors and taints as they are now, for planning a batch of `shard`.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn labels(&self, shard: &str) -> Result<Labels, TargetError>;

    /// Brings a batch into the form in which it is sent: work that needs no answer from the
    /// database, done while an earlier batch is applied. Cannot fail: what goes wrong shows when
    /// the batch is applied.
    fn ready(&self, batch: SealedBatch) -> Self::Ready;

    /// Applies a batch in one transaction: table locks, guarded writes, tombstones, quarantine,
    /// counters, and last its origin (checkpoint, or held records). May be called again with the
    /// same batch after any error; a batch that had been committed answers `Committed` again.
    ///
    /// # Errors
    /// [`TargetError`]; the batch is not applied, or, after a lost answer, may have been.
    async fn apply(&self, batch: &Self::Ready) -> Result<Committed, TargetError>;

    /// Does what [`apply`](Self::apply) does, up to the commit, and takes it back: whether a batch
    /// would be refused. A refusal that only a commit brings out is not found.
    ///
    /// # Errors
    /// [`TargetError`], as `apply` would answer. Nothing is applied in any case.
    async fn try_out(&self, batch: &Self::Ready) -> Result<(), TargetError>;

    /// Notes that `shard` was read to its end and everything of it is applied.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn close_shard(&self, shard: &str, fence: i64) -> Result<(), TargetError>;

    /// Notes that `shard`, of which everything up to `checkpoint` is applied, was just seen to have
    /// nothing more. What is not noted is not known later, and does no harm but that.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn note_end(
        &self,
        _shard: &str,
        _fence: i64,
        _checkpoint: &SequenceNumber,
    ) -> Result<(), TargetError> {
        Ok(())
    }
}

/// The proof that a batch and its checkpoint are durable. Only a target that has committed makes
/// one, and only it moves a reader's checkpoint.
#[must_use = "only a commit moves the checkpoint"]
#[derive(Debug)]
pub struct Committed {
    applied: u64,
    outcomes: Vec<TableOutcome>,
}

/// How many changes of one table had one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableOutcome {
    /// The table's number in the policy's order; `None` for records of no table of the policy.
    pub table: Option<usize>,
    /// One of a few words that never change.
    pub outcome: &'static str,
    /// How many.
    pub count: u64,
}

impl Committed {
    /// For targets: call it after the commit has been answered, or read back.
    pub fn after_commit(applied: u64) -> Self {
        Self {
            applied,
            outcomes: Vec::new(),
        }
    }

    /// Adds what became of the changes, for whoever counts.
    pub fn with_outcomes(self, outcomes: Vec<TableOutcome>) -> Self {
        Self { outcomes, ..self }
    }

    /// How many changes took effect; the others were older than what was stored.
    #[must_use]
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// What became of the changes, where the target tells; nothing when the answer to an earlier
    /// try was lost.
    #[must_use]
    pub fn outcomes(&self) -> &[TableOutcome] {
        &self.outcomes
    }
}

/// What the target remembers of a shard.
#[derive(Clone, Debug)]
pub struct ShardState {
    /// Proof of ownership: a commit under an older fence fails.
    pub fence: i64,
    /// The last record that was applied.
    pub checkpoint: SequenceNumber,
    /// The highest source position seen in the shard within its present epoch.
    pub high: Option<Position>,
    /// Whether it was read to its end.
    pub closed: bool,
    /// How long ago it was last noted to have nothing more.
    pub end_seen: Option<Duration>,
}

/// Why a target did not apply. Texts hold no value.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Down, overloaded, or gave way: the same batch may be tried again.
    #[error("{0}")]
    Transient(String),
    /// A value that the target refuses: some record of the batch is at fault.
    #[error("the target refused a value ({code})")]
    Data {
        /// The database's code for the refusal.
        code: String,
    },
    /// Marks, floors or taints have changed since the batch was planned: plan it again.
    #[error("a generation or epoch began meanwhile")]
    StaleLabels,
    /// Another worker took the shard over.
    #[error("another worker has taken shard {shard} over; this one stops reading it")]
    Fenced {
        /// Which shard.
        shard: String,
    },
    /// Nothing that trying again can mend.
    #[error("{0}")]
    Fatal(String),
}
