//! Parts of the pipeline that fail when they are told to. Owns the switches; behind each stands
//! the real part.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fieldseal_envelope::{DataKey, WrapContext};
use fieldseal_keys::{KeyProvider, ProviderError, WrappingKey};
use fieldseal_pipeline::{Committed, Target, TargetError};
use fieldseal_store::{ReadyBatch, Store};

use crate::harness::around::{Apply, Around};

/// What a key service does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It cannot be reached.
    Down,
    /// It refuses the caller.
    Denied,
}

/// A key provider that can be switched off.
pub struct FaultyProvider {
    inner: Arc<dyn KeyProvider>,
    outage: Mutex<Option<Outage>>,
    refused: AtomicU32,
    /// Comes back by itself after so many refusals; 0 means never.
    until: AtomicU32,
}

impl FaultyProvider {
    /// A provider that works until it is switched off.
    #[must_use]
    pub fn around(inner: Arc<dyn KeyProvider>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            outage: Mutex::new(None),
            refused: AtomicU32::new(0),
            until: AtomicU32::new(0),
        })
    }

    /// Switches it off, until it has refused `until` calls if that is not 0.
    pub fn fail(&self, outage: Outage, until: u32) {
        self.until.store(until, Ordering::SeqCst);
        self.refused.store(0, Ordering::SeqCst);
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(outage);
    }

    /// How many calls it has refused since it was switched off.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.refused.load(Ordering::SeqCst)
    }

    fn check(&self) -> Result<(), ProviderError> {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(what) = *outage else { return Ok(()) };
        let refused = self.refused.fetch_add(1, Ordering::SeqCst) + 1;
        if refused == self.until.load(Ordering::SeqCst) {
            *outage = None;
        }
        let reason = "switched off by a test".to_owned();
        Err(match what {
            Outage::Down => ProviderError::Unavailable { reason },
            Outage::Denied => ProviderError::Denied { reason },
        })
    }
}

#[async_trait]
impl KeyProvider for FaultyProvider {
    fn wrapping_keys(&self) -> &[WrappingKey] {
        self.inner.wrapping_keys()
    }

    async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
        self.check()?;
        self.inner.generate(context).await
    }

    async fn wrap(&self, context: &WrapContext, key: &DataKey) -> Result<Vec<u8>, ProviderError> {
        self.check()?;
        self.inner.wrap(context, key).await
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        name: &WrappingKey,
        wrapped: &[u8],
    ) -> Result<DataKey, ProviderError> {
        self.check()?;
        self.inner.unwrap(context, name, wrapped).await
    }
}

/// What a target does at one call of `apply`, or where a batch is only tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyFault {
    /// None.
    Works,
    /// It cannot be reached; nothing is applied.
    Unreachable,
    /// It applies the batch, and the answer is lost.
    AnswerLost,
    /// It refuses a value; nothing is applied.
    Refused,
    /// The labels have changed.
    Stale,
    /// Another worker takes the shard over first.
    TakenOver,
    /// It fails for good.
    Fatal,
    /// Its connections are closed under it.
    ConnectionsGone,
}

/// A store that fails as a list says, one entry per batch that is applied or tried out; behind the
/// list's end it works, or fails for ever with the last entry.
pub type FaultyTarget = Around<ApplyFaults>;

/// Which call of `apply` fails how.
pub struct ApplyFaults {
    faults: Vec<ApplyFault>,
    forever: bool,
    calls: AtomicU32,
    gone: AtomicBool,
}

impl FaultyTarget {
    /// Fails at its first calls.
    #[must_use]
    pub fn first(store: &Arc<Store>, faults: &[ApplyFault]) -> Arc<Self> {
        Self::new(store, ApplyFaults::new(faults, false))
    }

    /// Fails at its first calls, and as the last entry says at every further one.
    #[must_use]
    pub fn for_ever(store: &Arc<Store>, faults: &[ApplyFault]) -> Arc<Self> {
        Self::new(store, ApplyFaults::new(faults, true))
    }

    /// How often a batch was applied, tried out or refused.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.apply.calls.load(Ordering::SeqCst)
    }
}

impl ApplyFaults {
    fn new(faults: &[ApplyFault], forever: bool) -> Self {
        Self {
            faults: faults.to_vec(),
            forever,
            calls: AtomicU32::new(0),
            gone: AtomicBool::new(false),
        }
    }

    fn next(&self) -> ApplyFault {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) as usize;
        let last = self.faults.last().filter(|_| self.forever);
        let fault = self.faults.get(call).or(last);
        fault.copied().unwrap_or(ApplyFault::Works)
    }
}

#[async_trait]
impl Apply for ApplyFaults {
    async fn apply(&self, store: &Store, batch: &ReadyBatch) -> Result<Committed, TargetError> {
        match self.next() {
            ApplyFault::Works => store.apply(batch).await,
            ApplyFault::AnswerLost => {
                let _applied = store.apply(batch).await?;
                Err(TargetError::Transient("no answer to the commit".to_owned()))
            }
            ApplyFault::Unreachable => Err(unreachable()),
            ApplyFault::Refused => Err(refused()),
            ApplyFault::Stale => Err(TargetError::StaleLabels),
            ApplyFault::TakenOver => {
                if !self.gone.swap(true, Ordering::SeqCst) {
                    let shard = batch.batch().origin().shard();
                    let _taken = store.take_shard(shard, &[]).await?;
                }
                store.apply(batch).await
            }
            ApplyFault::Fatal => Err(TargetError::Fatal("it is broken".to_owned())),
            ApplyFault::ConnectionsGone => {
                store.database().close().await;
                store.apply(batch).await
            }
        }
    }

    async fn try_out(&self, store: &Store, batch: &ReadyBatch) -> Result<(), TargetError> {
        match self.next() {
            ApplyFault::Works => store.try_out(batch).await,
            ApplyFault::Unreachable => Err(unreachable()),
            ApplyFault::Stale => Err(TargetError::StaleLabels),
            fault => panic!("{fault:?} where a batch is tried out"),
        }
    }
}

fn unreachable() -> TargetError {
    TargetError::Transient("it is away".to_owned())
}

fn refused() -> TargetError {
    TargetError::Data {
        code: "22000".to_owned(),
    }
}
