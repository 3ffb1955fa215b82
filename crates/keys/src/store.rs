//! The port to the database that remembers keys. Owns what is remembered and what each operation
//! promises; knows no SQL.
//!
//! Everything read back is text or numbers that anyone who can write to the database may have
//! changed. The keyring treats it so: names and states are hints, and keys prove themselves.

use async_trait::async_trait;
use fieldseal_envelope::{Domain, KeyId, Purpose};

/// Deployment, data keys, wraps, and the records of what stored values were made with.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// The deployment id this store belongs to, if it was ever claimed.
    ///
    /// # Errors
    /// The store failed.
    async fn deployment(&self) -> Result<Option<String>, KeyStoreError>;

    /// Claims an unclaimed store for `deployment`, for ever, and returns the id that now holds:
    /// another one if somebody else was first.
    ///
    /// # Errors
    /// The store failed.
    async fn claim(&self, deployment: &str) -> Result<String, KeyStoreError>;

    /// The active key of a domain and purpose, if there is one. For [`Purpose::Index`]: the
    /// domain's one index key (slot 1).
    ///
    /// # Errors
    /// The store failed.
    async fn active(
        &self,
        domain: &Domain,
        purpose: Purpose,
    ) -> Result<Option<ActiveKey>, KeyStoreError>;

    /// Inserts a key as the active one together with its wraps, in one transaction. At most one
    /// key of a domain and purpose is active: a unique index decides, not a look beforehand.
    ///
    /// # Errors
    /// The store failed; nothing was inserted.
    async fn insert_active(&self, key: &NewKey) -> Result<Insertion, KeyStoreError>;

    /// Adds one wrap to a key that can still open. A wrap that is there is never replaced, and a
    /// destroyed key gets none.
    ///
    /// # Errors
    /// The store failed; nothing was added, unless its answer was lost.
    async fn add_wrap(&self, id: KeyId, wrap: &StoredWrap) -> Result<Addition, KeyStoreError>;

    /// The keys with these ids and all their wraps, in one go and in any order; an id the store
    /// does not know is simply missing.
    ///
    /// # Errors
    /// The store failed.
    async fn keys(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, KeyStoreError>;

    /// Reserves `seals` uses of an active key by one conditional update: only if the key is
    /// active and its reserved count stays within both `limit` and the limit stored with it.
    /// The update is committed in a transaction of its own when this returns. There is no way to
    /// give a reservation back.
    ///
    /// # Errors
    /// The store failed. The reservation may have been made all the same: the caller must not
    /// use it, and its seals are lost.
    async fn reserve(
        &self,
        id: KeyId,
        seals: u32,
        limit: u64,
    ) -> Result<Reservation, KeyStoreError>;

    /// Marks an active key as open-only, so that it never seals again. Doing it twice is fine.
    ///
    /// # Errors
    /// The store failed.
    async fn retire(&self, id: KeyId) -> Result<(), KeyStoreError>;

    /// Marks every active key of purpose `seal` and `value` as open-only and says how many it
    /// were: the first step of a new epoch. Index keys stay.
    ///
    /// # Errors
    /// The store failed.
    async fn retire_all(&self) -> Result<u64, KeyStoreError>;

    /// Every key with its uses, for `status`.
    ///
    /// # Errors
    /// The store failed.
    async fn list(&self) -> Result<Vec<KeyUse>, KeyStoreError>;

    /// Records the definitions of the policy's blind indexes before their first value is stored.
    ///
    /// # Errors
    /// [`KeyStoreError::Differs`] if one was recorded otherwise (nothing is recorded then), or
    /// the store failed.
    async fn record_indexes(&self, indexes: &[IndexRecord]) -> Result<(), KeyStoreError>;

    /// Records everything about the policy's tables that stored values depend on.
    ///
    /// # Errors
    /// [`KeyStoreError::Differs`] if a line was recorded otherwise (nothing is recorded then),
    /// or the store failed.
    async fn record_layout(&self, layout: &[LayoutRecord]) -> Result<(), KeyStoreError>;
}

/// What a key may be used for. `OpenOnly` and `Destroyed` never turn back into `Active`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Seals and opens.
    Active,
    /// Opens only.
    OpenOnly,
    /// Its wraps are gone; what it sealed can no longer be read.
    Destroyed,
}

impl KeyState {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::OpenOnly => "open_only",
            Self::Destroyed => "destroyed",
        }
    }

    /// The state that is stored as `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::OpenOnly, Self::Destroyed]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// The active key of a domain and purpose, with hints about its budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveKey {
    /// Which key.
    pub id: KeyId,
    /// How many seals the fleet has reserved.
    pub reserved: u64,
    /// How many seals the key was made for.
    pub limit: u64,
}

impl ActiveKey {
    /// How many seals are left under the stored limit and `limit`.
    #[must_use]
    pub fn left(&self, limit: u64) -> u64 {
        self.limit.min(limit).saturating_sub(self.reserved)
    }
}

/// A key to be inserted as the active one.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its id, derived from the key for `domain` and `purpose`.
    pub id: KeyId,
    /// The domain it seals for.
    pub domain: Domain,
    /// What it is used for.
    pub purpose: Purpose,
    /// How many seals it may ever make; 0 for an index key, which seals nothing.
    pub limit: u64,
    /// Its wraps, at least one.
    pub wraps: Vec<StoredWrap>,
}

/// What became of [`KeyStore::insert_active`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// The key is the active one now.
    Inserted,
    /// Another key is active; the caller reads that one and forgets its own.
    Lost,
}

/// What became of [`KeyStore::add_wrap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// The key has the wrap now.
    Added,
    /// Nothing was added: the key has a wrap under that wrapping key, is destroyed, or is not
    /// there.
    NotNeeded,
}

/// What became of [`KeyStore::reserve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// The seals belong to the caller.
    Reserved,
    /// Nothing was reserved: the key is not active, or its limit would be passed.
    Refused,
}

/// A key as the store describes it. Domain, purpose and state are hints for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Which key.
    pub id: KeyId,
    /// The domain the store claims for it.
    pub domain: String,
    /// The purpose the store claims for it.
    pub purpose: String,
    /// The state the store claims for it; none if the word is unknown.
    pub state: Option<KeyState>,
    /// Its wraps.
    pub wraps: Vec<StoredWrap>,
}

/// A data key wrapped under one wrapping key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWrap {
    /// The name of the wrapping key, as stored.
    pub wrapping_key: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// A key and its uses, for `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Which key.
    pub id: KeyId,
    /// The stored domain.
    pub domain: String,
    /// The stored purpose.
    pub purpose: String,
    /// The stored state; none if the word is unknown.
    pub state: Option<KeyState>,
    /// How many seals the fleet has reserved: at least as many as were made.
    pub reserved: u64,
    /// How many seals the key was made for.
    pub limit: u64,
    /// The names of the wrapping keys it is wrapped under.
    pub wrapping_keys: Vec<String>,
}

/// The definition of one blind index, recorded before its first value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRecord {
    /// Table id of the policy.
    pub table: String,
    /// Column id of the policy.
    pub column: String,
    /// Name of the index.
    pub name: String,
    /// All that its stored values depend on, in one line: domain, definition, bytes, column.
    pub line: String,
}

/// One line of what a table's stored values depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutRecord {
    /// Table id of the policy; empty for what is about no table.
    pub table: String,
    /// What the line is about: `bind`, or `column <id>`. Unique within a table.
    pub item: String,
    /// The line itself.
    pub line: String,
}

/// Why the store did not do it. No variant holds a key, a wrap or a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyStoreError {
    /// The database cannot be reached, or is too busy. Trying again may help.
    #[error("the key store is unavailable: {reason}")]
    Unavailable {
        /// What the database said.
        reason: String,
    },
    /// The database's user may not do this.
    #[error("the key store refused: {reason}")]
    Forbidden {
        /// What the database said.
        reason: String,
    },
    /// The database refused the statement. Trying again does not help.
    #[error("the key store refused: {reason}")]
    Failed {
        /// What the database said.
        reason: String,
    },
    /// What the database holds has a form that this program never writes.
    #[error("the key store holds something this program did not write: {what}")]
    Corrupt {
        /// Which table and column.
        what: String,
    },
    /// A recorded line differs from the configured one.
    #[error(
        "{what} was recorded as `{recorded}` and is now configured as `{configured}`: values \
         stored under the first could not be read or found under the second; put the policy back, or \
         give a changed index a new name and column, a changed column a new `target` and a load; \
         where nothing is stored yet, make the target database anew"
    )]
    Differs {
        /// Which index or layout line.
        what: String,
        /// The line in the store.
        recorded: String,
        /// The line of the configuration.
        configured: String,
    },
}
