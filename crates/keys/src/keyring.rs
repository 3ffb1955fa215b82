//! Keys on demand: to seal within the fleet's budget, to open, to index. Owns caching, single
//! flight and the accounting of seals; derives no key, stores nothing, and names no service.

mod budget;
mod cache;
mod create;
mod flights;
mod reserve;
mod rewrap;
mod unwrap;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldseal_envelope::{
    DataKey, Domain, Grant, KeyId, MAX_SEALS, OpeningKey, Purpose, SealingKey,
};
use futures_util::StreamExt;
use futures_util::stream;

use self::budget::{Budget, Lane};
use self::cache::Cache;
use self::flights::Flights;
pub use self::rewrap::{OwedWrap, Rewrapped, lacking_wraps};
use crate::error::{KeyringError, RefusedWrap};
use crate::provider::KeyProvider;
use crate::store::{KeyStore, StoredKey};

/// The most seals one data key may ever make. With random 96-bit nonces the chance of a
/// collision stays below 2^-37 (NIST SP 800-38D, section 8.3, allows 2^32 for 2^-32).
pub const MAX_USES: u64 = MAX_SEALS as u64;

/// How long an unknown key id is answered without asking the store again.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// How many unknown ids are remembered: anybody who can write a value can make one up.
const UNKNOWN_CAPACITY: usize = 4096;

/// How many unwraps one call of [`Keyring::openers`] has under way at a time.
const PARALLEL_UNWRAPS: usize = 8;

/// How often a step is tried anew because another process was faster.
const ATTEMPTS: u32 = 256;

/// How the keyring uses keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyringSettings {
    /// How long an unwrapped key is used before it is unwrapped again. A revoked access works
    /// until then, and an outage of the key service is not felt by opening until then. An age
    /// past the end of the clock ([`Duration::MAX`]) is never reached.
    pub max_age: Duration,
    /// How many seals a new key is made for; more than [`MAX_USES`] counts as [`MAX_USES`].
    pub max_uses: u64,
    /// How many seals the first reservation of a process asks for; each later one doubles it.
    pub first_block: u32,
    /// How far the doubling goes; less than `first_block` counts as `first_block`. What is left of
    /// a block when a process ends is lost.
    pub max_block: u32,
}

impl Default for KeyringSettings {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(15 * 60),
            max_uses: MAX_USES,
            first_block: 1 << 12,
            max_block: 1 << 20,
        }
    }
}

/// A key with the domain and purpose it is asked for: what an unwrapped key is cached under, so
/// that a key asked for under another domain is a stranger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRef {
    /// The id in the sealed value, or in the store.
    pub id: KeyId,
    /// The domain of the policy or the call, never of the database.
    pub domain: Domain,
    /// The purpose of the call.
    pub purpose: Purpose,
}

impl KeyRef {
    fn new(id: KeyId, domain: &Domain, purpose: Purpose) -> Self {
        Self {
            id,
            domain: domain.clone(),
            purpose,
        }
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            domain,
            purpose,
        } = self;
        write!(f, "key {id} of domain `{domain}`, purpose `{purpose}`")
    }
}

/// Keys for sealing, opening and indexing, for one deployment. Cheap to clone; clones share
/// everything.
#[derive(Clone)]
pub struct Keyring {
    inner: Arc<Inner>,
}

struct Inner {
    deployment: String,
    providers: Vec<Arc<dyn KeyProvider>>,
    store: Arc<dyn KeyStore>,
    settings: KeyringSettings,
    opened: Cache<KeyRef, Arc<SealingKey>>,
    indexes: Cache<Domain, Arc<DataKey>>,
    unknown: Cache<KeyId, ()>,
    openings: Flights<KeyRef, Arc<SealingKey>>,
    index_openings: Flights<Domain, Arc<DataKey>>,
    reservations: Flights<Lane, ()>,
    budget: Mutex<Budget>,
}

impl Keyring {
    /// A keyring over `store` that wraps and unwraps with `providers`, the preferred one first.
    /// An unclaimed store is claimed for `deployment`.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] if there is no provider a wrapping key stands twice or
    /// the settings allow no seal,
    /// [`KeyringError::OtherDeployment`] if the store belongs to another deployment, or the
    /// store failed.
    pub async fn new(
        deployment: &str,
        providers: Vec<Arc<dyn KeyProvider>>,
        store: Arc<dyn KeyStore>,
        settings: KeyringSettings,
    ) -> Result<Self, KeyringError> {
        let checked = check_wrapping_keys(&providers).and_then(|()| check_settings(&settings));
        checked.map_err(|reason| KeyringError::Configuration { reason })?;
        claim(&*store, deployment).await?;
        let inner = Inner {
            deployment: deployment.to_owned(),
            providers,
            store,
            settings,
            opened: Cache::new(settings.max_age, usize::MAX),
            indexes: Cache::new(settings.max_age, usize::MAX),
            unknown: Cache::new(UNKNOWN_FOR, UNKNOWN_CAPACITY),
            openings: Flights::new(),
            index_openings: Flights::new(),
            reservations: Flights::new(),
            budget: Mutex::new(Budget::new(settings)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The deployment all keys belong to.
    #[must_use]
    pub fn deployment(&self) -> &str {
        &self.inner.deployment
    }

    /// Whether a wrapping key named in the store is one of the configuration. Wraps under any
    /// other are ignored.
    #[must_use]
    pub fn knows(&self, wrapping_key: &str) -> bool {
        self.inner
            .providers
            .iter()
            .flat_map(|provider| provider.wrapping_keys())
            .any(|name| name.as_str() == wrapping_key)
    }

    /// Grants that cover `seals` seals in total, drawn from blocks that were reserved for this
    /// process beforehand. There are several if a key was used up on the way.
    ///
    /// # Errors
    /// Any [`KeyringError`]: nothing may be sealed then. Seals granted before the failure are
    /// lost with it.
    pub async fn grant(
        &self,
        domain: &Domain,
        purpose: Purpose,
        seals: u32,
    ) -> Result<Vec<Grant>, KeyringError> {
        if purpose == Purpose::Index {
            let wanted = "seal";
            return Err(KeyringError::WrongPurpose { purpose, wanted });
        }
        let lane = (domain.clone(), purpose);
        let mut grants = Vec::new();
        let mut missing = seals;
        while missing > 0 {
            let Some(id) = self.inner.budget().next_key(&lane) else {
                let inner = &self.inner;
                inner
                    .reservations
                    .join(&lane, || reserve::block(Arc::clone(inner), lane.clone()))
                    .await?;
                continue;
            };
            let key = self.open(&KeyRef::new(id, domain, purpose)).await?;
            // Another task may have emptied the block meanwhile; then it starts over.
            let taken = self.inner.budget().take(&lane, id, missing);
            if taken == 0 {
                continue;
            }
            match key.grant(taken) {
                Ok(grant) => {
                    grants.push(grant);
                    missing -= taken;
                }
                // The process' own count, which other keyrings share, is the last word.
                Err(error) => {
                    tracing::warn!(key_id = %id, %domain, %purpose, %error, "left a key alone");
                    self.inner.budget().spend(id);
                }
            }
        }
        Ok(grants)
    }

    /// The key that opens values which name `id`, for values of `domain` and `purpose`. It
    /// cannot seal.
    ///
    /// # Errors
    /// Any [`KeyringError`]; [`KeyringError::is_alarm`] tells forged keys from outages.
    pub async fn opener(
        &self,
        id: KeyId,
        domain: &Domain,
        purpose: Purpose,
    ) -> Result<OpeningKey, KeyringError> {
        let key = KeyRef::new(id, domain, purpose);
        self.open(&key).await.map(OpeningKey::of)
    }

    /// The keys of many values at once, one result for each of `keys` in the same order. What is
    /// not cached is fetched from the store in one query.
    ///
    /// # Errors
    /// The store failed. What is wrong with one key is in its own result.
    pub async fn openers(
        &self,
        keys: &[KeyRef],
    ) -> Result<Vec<Result<OpeningKey, KeyringError>>, KeyringError> {
        let inner = &self.inner;
        let cached = keys.iter().map(|key| inner.opened.get(key));
        let cached = cached.map(|key| key.map(|key| Ok(OpeningKey::of(key))));
        // On most calls all of them.
        if let Some(cached) = cached.collect() {
            return Ok(cached);
        }
        let unique: HashSet<&KeyRef> = keys.iter().collect();
        let mut answers = HashMap::with_capacity(unique.len());
        let mut missing = Vec::new();
        for key in unique {
            match inner.remembered(key) {
                Some(answer) => {
                    answers.insert(key.clone(), answer);
                }
                // Owned: a closure over lent ones makes a future that no task may be spawned with.
                None => missing.push(key.clone()),
            }
        }
        let rows = inner.rows(&missing).await?;
        let opening = missing.into_iter().map(|key| {
            let row = rows.get(&key.id).cloned();
            async move {
                let opened = match row {
                    Some(row) => inner.opening(&key, Some(row)).await,
                    // By that query, whatever is remembered: made-up ids may be more than fit.
                    None => Err(KeyringError::Unknown { key: key.clone() }),
                };
                (key, opened)
            }
        });
        let opening = stream::iter(opening).buffer_unordered(PARALLEL_UNWRAPS);
        answers.extend(opening.collect::<Vec<_>>().await);
        let answer = |key| answers[key].clone().map(OpeningKey::of);
        Ok(keys.iter().map(answer).collect())
    }

    /// The key all blind indexes of a domain are derived from, made if there is none yet.
    ///
    /// # Errors
    /// Any [`KeyringError`].
    pub async fn index_key(&self, domain: &Domain) -> Result<Arc<DataKey>, KeyringError> {
        if let Some(key) = self.inner.indexes.get(domain) {
            return Ok(key);
        }
        let inner = &self.inner;
        inner
            .index_openings
            .join(domain, || {
                unwrap::index_key(Arc::clone(inner), domain.clone())
            })
            .await
    }

    /// Opens a new epoch: after a restore, a failover or a copy the store's counts may be older
    /// than the seals made, so every active key becomes open-only and the next seal makes new
    /// ones. Says how many keys it were.
    ///
    /// # Errors
    /// The store failed.
    pub async fn retire_all(&self) -> Result<u64, KeyringError> {
        let doing = "marking all keys as open-only";
        let retired = self.inner.store.retire_all().await;
        self.inner.budget().clear();
        retired.map_err(KeyringError::store(doing))
    }

    /// Adds every wrap that a key lacks under the configuration: keys older than a wrapping key,
    /// and keys that were made while a provider did not answer or denied. Each new wrap is opened
    /// and its id compared before it is stored, and none is ever taken away.
    ///
    /// # Errors
    /// The store failed. What stands in the way of one wrap is in the answer.
    pub async fn rewrap(&self) -> Result<Rewrapped, KeyringError> {
        rewrap::all(&self.inner).await
    }

    /// Opens every configured wrap that a key has, not only the first that opens, and answers
    /// those whose provider did not answer or denied.
    ///
    /// # Errors
    /// Any [`KeyringError`]: an alarm, the store failed, or the key has no configured wrap.
    pub async fn refused_wraps(&self, key: &KeyRef) -> Result<Vec<RefusedWrap>, KeyringError> {
        self.inner.unwrap_every(key).await
    }

    async fn open(&self, key: &KeyRef) -> Result<Arc<SealingKey>, KeyringError> {
        match self.inner.remembered(key) {
            Some(answer) => answer,
            None => self.inner.opening(key, None).await,
        }
    }
}

impl Inner {
    fn budget(&self) -> MutexGuard<'_, Budget> {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.belong_to(std::process::id());
        budget
    }

    /// What opening the key answers without the store, if it does.
    fn remembered(&self, key: &KeyRef) -> Option<Result<Arc<SealingKey>, KeyringError>> {
        if key.purpose == Purpose::Index {
            let (purpose, wanted) = (key.purpose, "open values");
            return Some(Err(KeyringError::WrongPurpose { purpose, wanted }));
        }
        if let Some(opened) = self.opened.get(key) {
            return Some(Ok(opened));
        }
        self.unknown.get(&key.id)?;
        Some(Err(KeyringError::Unknown { key: key.clone() }))
    }

    /// Opens a key that is not remembered; `row` is its row, if it was fetched.
    async fn opening(
        self: &Arc<Self>,
        key: &KeyRef,
        row: Option<StoredKey>,
    ) -> Result<Arc<SealingKey>, KeyringError> {
        let start = || unwrap::sealing_key(Arc::clone(self), key.clone(), row);
        self.openings.join(key, start).await
    }

    /// The rows of `keys` by their ids, in one query; remembers which ids have none.
    async fn rows(&self, keys: &[KeyRef]) -> Result<HashMap<KeyId, StoredKey>, KeyringError> {
        let ids: HashSet<KeyId> = keys.iter().map(|key| key.id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<KeyId> = ids.into_iter().collect();
        let found = self.stored(&ids).await?;
        let rows: HashMap<_, _> = found.into_iter().map(|row| (row.id, row)).collect();
        let absent = ids.into_iter().filter(|id| !rows.contains_key(id));
        self.unknown.put_all(absent.map(|id| (id, ())));
        Ok(rows)
    }

    async fn stored(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, KeyringError> {
        let found = self.store.keys(ids).await;
        found.map_err(KeyringError::store("reading wrapped keys"))
    }
}

fn check_wrapping_keys(providers: &[Arc<dyn KeyProvider>]) -> Result<(), String> {
    if providers.is_empty() {
        return Err("it names no wrapping key".to_owned());
    }
    let mut seen = HashSet::new();
    for provider in providers {
        if provider.wrapping_keys().is_empty() {
            return Err("one of its providers has no wrapping key".to_owned());
        }
        for name in provider.wrapping_keys() {
            if !seen.insert(name) {
                return Err(format!("wrapping key `{name}` stands there twice"));
            }
        }
    }
    Ok(())
}

fn check_settings(settings: &KeyringSettings) -> Result<(), String> {
    let KeyringSettings {
        max_uses,
        first_block,
        ..
    } = *settings;
    if max_uses == 0 || first_block == 0 {
        return Err("a key must allow at least one seal, and a block hold one".to_owned());
    }
    Ok(())
}

async fn claim(store: &dyn KeyStore, deployment: &str) -> Result<(), KeyringError> {
    let found = store.deployment().await;
    let stored = match found.map_err(KeyringError::store("reading the deployment id"))? {
        Some(stored) => stored,
        None => store
            .claim(deployment)
            .await
            .map_err(KeyringError::store("claiming the key store"))?,
    };
    if stored == deployment {
        return Ok(());
    }
    Err(KeyringError::OtherDeployment {
        stored,
        configured: deployment.to_owned(),
    })
}
