//! Test doubles: a key store in memory whose contents a test may change like an attacker with
//! write access, and a provider that counts, fails and waits on command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use fieldseal_envelope::{DataKey, Domain, KeyId, Purpose, WrapContext};
use fieldseal_keys::{
    ActiveKey, Addition, IndexRecord, Insertion, KeyProvider, KeyState, KeyStore, KeyStoreError,
    KeyUse, Keyring, KeyringSettings, LayoutRecord, LocalProvider, NewKey, ProviderError,
    Reservation, StoredKey, StoredWrap, WrappingKey,
};
use tokio::sync::Semaphore;

pub(crate) const DEPLOYMENT: &str = "shop-eu";

pub(crate) fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

/// What the tables would hold. All fields are open: a test may write anything.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) key: StoredKey,
    pub(crate) active: bool,
    pub(crate) reserved: u64,
    pub(crate) limit: u64,
}

#[derive(Default)]
pub(crate) struct MemoryStore {
    deployment: Mutex<Option<String>>,
    rows: Mutex<Vec<Row>>,
    pub(crate) key_reads: AtomicUsize,
    pub(crate) reservations: AtomicUsize,
    /// Set: every call fails as if the database were away.
    away: Mutex<bool>,
}

impl MemoryStore {
    pub(crate) fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap()
    }

    pub(crate) fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    pub(crate) fn key_reads(&self) -> usize {
        self.key_reads.load(Ordering::SeqCst)
    }

    fn answer(&self) -> Result<(), KeyStoreError> {
        if *self.away.lock().unwrap() {
            let reason = "away".to_owned();
            return Err(KeyStoreError::Unavailable { reason });
        }
        Ok(())
    }
}

fn is(row: &Row, domain: &Domain, purpose: Purpose) -> bool {
    row.key.domain == domain.as_str() && row.key.purpose == purpose.as_str()
}

#[async_trait]
impl KeyStore for MemoryStore {
    async fn deployment(&self) -> Result<Option<String>, KeyStoreError> {
        self.answer()?;
        Ok(self.deployment.lock().unwrap().clone())
    }

    async fn claim(&self, deployment: &str) -> Result<String, KeyStoreError> {
        let mut stored = self.deployment.lock().unwrap();
        Ok(stored.get_or_insert_with(|| deployment.to_owned()).clone())
    }

    async fn active(
        &self,
        domain: &Domain,
        purpose: Purpose,
    ) -> Result<Option<ActiveKey>, KeyStoreError> {
        self.answer()?;
        let rows = self.rows();
        let row = rows
            .iter()
            .find(|row| row.active && is(row, domain, purpose));
        Ok(row.map(|row| ActiveKey {
            id: row.key.id,
            reserved: row.reserved,
            limit: row.limit,
        }))
    }

    async fn insert_active(&self, key: &NewKey) -> Result<Insertion, KeyStoreError> {
        self.answer()?;
        let mut rows = self.rows();
        if rows
            .iter()
            .any(|row| row.active && is(row, &key.domain, key.purpose))
        {
            return Ok(Insertion::Lost);
        }
        rows.push(Row {
            key: StoredKey {
                id: key.id,
                domain: key.domain.to_string(),
                purpose: key.purpose.to_string(),
                state: Some(KeyState::Active),
                wraps: key.wraps.clone(),
            },
            active: true,
            reserved: 0,
            limit: key.limit,
        });
        Ok(Insertion::Inserted)
    }

    async fn add_wrap(&self, id: KeyId, wrap: &StoredWrap) -> Result<Addition, KeyStoreError> {
        self.answer()?;
        let mut rows = self.rows();
        let row = rows.iter_mut().find(|row| row.key.id == id);
        let Some(row) = row.filter(|row| row.key.state != Some(KeyState::Destroyed)) else {
            return Ok(Addition::NotNeeded);
        };
        let wraps = &mut row.key.wraps;
        if wraps
            .iter()
            .any(|has| has.wrapping_key == wrap.wrapping_key)
        {
            return Ok(Addition::NotNeeded);
        }
        wraps.push(wrap.clone());
        Ok(Addition::Added)
    }

    async fn keys(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, KeyStoreError> {
        self.answer()?;
        self.key_reads.fetch_add(1, Ordering::SeqCst);
        let rows = self.rows();
        let found = rows.iter().filter(|row| ids.contains(&row.key.id));
        Ok(found.map(|row| row.key.clone()).collect())
    }

    async fn reserve(
        &self,
        id: KeyId,
        seals: u32,
        limit: u64,
    ) -> Result<Reservation, KeyStoreError> {
        self.answer()?;
        let mut rows = self.rows();
        let row = rows.iter_mut().find(|row| row.key.id == id && row.active);
        let Some(row) = row else {
            return Ok(Reservation::Refused);
        };
        let after = row.reserved + u64::from(seals);
        if after > row.limit.min(limit) {
            return Ok(Reservation::Refused);
        }
        row.reserved = after;
        self.reservations.fetch_add(1, Ordering::SeqCst);
        Ok(Reservation::Reserved)
    }

    async fn retire(&self, id: KeyId) -> Result<(), KeyStoreError> {
        self.answer()?;
        for row in self.rows().iter_mut().filter(|row| row.key.id == id) {
            row.active = false;
            row.key.state = Some(KeyState::OpenOnly);
        }
        Ok(())
    }

    async fn retire_all(&self) -> Result<u64, KeyStoreError> {
        self.answer()?;
        let mut retired = 0;
        for row in self.rows().iter_mut().filter(|row| row.active) {
            if row.key.purpose != Purpose::Index.as_str() {
                row.active = false;
                row.key.state = Some(KeyState::OpenOnly);
                retired += 1;
            }
        }
        Ok(retired)
    }

    async fn list(&self) -> Result<Vec<KeyUse>, KeyStoreError> {
        self.answer()?;
        let used = |row: &Row| KeyUse {
            id: row.key.id,
            domain: row.key.domain.clone(),
            purpose: row.key.purpose.clone(),
            state: row.key.state,
            reserved: row.reserved,
            limit: row.limit,
            wrapping_keys: row
                .key
                .wraps
                .iter()
                .map(|w| w.wrapping_key.clone())
                .collect(),
        };
        Ok(self.rows().iter().map(used).collect())
    }

    async fn record_indexes(&self, _: &[IndexRecord]) -> Result<(), KeyStoreError> {
        unreachable!("the keyring records no indexes")
    }

    async fn record_layout(&self, _: &[LayoutRecord]) -> Result<(), KeyStoreError> {
        unreachable!("the keyring records no layout")
    }
}

/// A local provider that counts its unwraps, fails while told to, and holds unwraps back while
/// its gate has no permit.
pub(crate) struct Faulty {
    local: LocalProvider,
    unwraps: AtomicUsize,
    fault: Mutex<Option<ProviderError>>,
    /// How many more calls fail; none: all do.
    failures: Mutex<Option<u32>>,
    gate: Semaphore,
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(Self {
            local: LocalProvider::create(&folder.path().join("root")).unwrap(),
            unwraps: AtomicUsize::new(0),
            fault: Mutex::new(None),
            failures: Mutex::new(None),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub(crate) fn name(&self) -> String {
        self.local.wrapping_keys()[0].to_string()
    }

    pub(crate) fn unwraps(&self) -> usize {
        self.unwraps.load(Ordering::SeqCst)
    }

    pub(crate) fn set_fault(&self, fault: Option<ProviderError>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// The fault that is set ends after so many calls.
    pub(crate) fn recover_after(&self, calls: u32) {
        *self.failures.lock().unwrap() = Some(calls);
    }

    pub(crate) fn close_gate(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn open_gate(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    /// A wrap of `key` as this provider makes it.
    pub(crate) async fn stored_wrap(
        &self,
        key: &DataKey,
        domain: &Domain,
        purpose: Purpose,
    ) -> StoredWrap {
        let context = WrapContext {
            deployment: DEPLOYMENT.to_owned(),
            domain: domain.clone(),
            purpose,
        };
        StoredWrap {
            wrapping_key: self.name(),
            wrapped: self.local.wrap(&context, key).await.unwrap(),
        }
    }

    fn answer(&self) -> Result<(), ProviderError> {
        let mut fault = self.fault.lock().unwrap();
        let mut failures = self.failures.lock().unwrap();
        if let Some(left) = &mut *failures {
            if *left == 0 {
                *fault = None;
            }
            *left = left.saturating_sub(1);
        }
        fault.clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl KeyProvider for Faulty {
    fn wrapping_keys(&self) -> &[WrappingKey] {
        self.local.wrapping_keys()
    }

    async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
        self.answer()?;
        self.local.generate(context).await
    }

    async fn wrap(&self, context: &WrapContext, key: &DataKey) -> Result<Vec<u8>, ProviderError> {
        self.answer()?;
        self.local.wrap(context, key).await
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        name: &WrappingKey,
        wrapped: &[u8],
    ) -> Result<DataKey, ProviderError> {
        self.unwraps.fetch_add(1, Ordering::SeqCst);
        let _held = self.gate.acquire().await.unwrap();
        self.answer()?;
        self.local.unwrap(context, name, wrapped).await
    }
}

pub(crate) fn unavailable() -> Option<ProviderError> {
    let reason = "told to fail".to_owned();
    Some(ProviderError::Unavailable { reason })
}

pub(crate) fn denied() -> Option<ProviderError> {
    let reason = "told to deny".to_owned();
    Some(ProviderError::Denied { reason })
}

pub(crate) async fn keyring(
    store: &Arc<MemoryStore>,
    providers: &[&Arc<Faulty>],
    settings: KeyringSettings,
) -> Keyring {
    let providers = providers.iter().map(|&provider| {
        let provider: Arc<dyn KeyProvider> = Arc::<Faulty>::clone(provider);
        provider
    });
    let store: Arc<dyn KeyStore> = Arc::<MemoryStore>::clone(store);
    Keyring::new(DEPLOYMENT, providers.collect(), store, settings)
        .await
        .unwrap()
}

/// The only active key of a domain, made if there is none.
pub(crate) async fn active_key(keyring: &Keyring, domain: &Domain) -> KeyId {
    let grants = keyring.grant(domain, Purpose::Seal, 1).await.unwrap();
    grants[0].key_id()
}
