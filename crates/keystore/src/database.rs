//! [`DbKeyStore`] itself: the port's operations, each handed to the module that owns its tables,
//! and the deployment. Owns what a database error means to the keyring.

use async_trait::async_trait;
use fieldseal_db::{Bind, Database, DbError, DbErrorKind, Transaction};
use fieldseal_envelope::{Domain, KeyId, Purpose};
use fieldseal_keys::{
    ActiveKey, Addition, IndexRecord, Insertion, KeyStore, KeyStoreError, KeyUse, LayoutRecord,
    NewKey, Reservation, StoredKey, StoredWrap,
};

use crate::{data_keys, lines};

/// How often a transaction that gave way to another one is run again.
const ATTEMPTS: u32 = 8;

/// A `KeyStore` in a database whose [migrations](crate::migrations()) have run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DbKeyStore {
    database: Database,
}

impl DbKeyStore {
    /// The key store in `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Every line of the policy that was recorded otherwise, as `record_indexes` and
    /// `record_layout` would refuse it. Records nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn differing(
        &self,
        indexes: &[IndexRecord],
        layout: &[LayoutRecord],
    ) -> Result<Vec<KeyStoreError>, KeyStoreError> {
        let wanted: Vec<_> = indexes.iter().map(lines::Line::of_index).collect();
        let mut found = lines::differing(&self.database, &lines::INDEXES, &wanted).await?;
        let wanted: Vec<_> = layout.iter().map(lines::Line::of_layout).collect();
        found.extend(lines::differing(&self.database, &lines::LAYOUT, &wanted).await?);
        Ok(found)
    }
}

#[async_trait]
impl KeyStore for DbKeyStore {
    async fn deployment(&self) -> Result<Option<String>, KeyStoreError> {
        let select = "SELECT deployment FROM fieldseal_meta WHERE id = 1";
        let rows = self.database.query(select, &[]).await.map_err(refused)?;
        let first = rows.first().map(|row| row.text(0).map_err(refused));
        first.transpose()
    }

    async fn claim(&self, deployment: &str) -> Result<String, KeyStoreError> {
        let insert = "INSERT INTO fieldseal_meta (id, deployment) VALUES (1, ?)";
        match self
            .database
            .execute(insert, &[Bind::from(deployment)])
            .await
        {
            Ok(_) => Ok(deployment.to_owned()),
            Err(error) if error.is_unique_violation() => {
                let stored = self.deployment().await?;
                stored.ok_or_else(|| corrupt("fieldseal_meta lost its row"))
            }
            Err(error) => Err(refused(error)),
        }
    }

    async fn active(
        &self,
        domain: &Domain,
        purpose: Purpose,
    ) -> Result<Option<ActiveKey>, KeyStoreError> {
        data_keys::active(&self.database, domain, purpose).await
    }

    async fn insert_active(&self, key: &NewKey) -> Result<Insertion, KeyStoreError> {
        match retried(|| data_keys::insert_active(&self.database, key)).await {
            Ok(()) => Ok(Insertion::Inserted),
            Err(error) if error.is_unique_violation() => Ok(Insertion::Lost),
            Err(error) => Err(refused(error)),
        }
    }

    async fn add_wrap(&self, id: KeyId, wrap: &StoredWrap) -> Result<Addition, KeyStoreError> {
        match retried(|| data_keys::add_wrap(&self.database, id, wrap)).await {
            Ok(addition) => Ok(addition),
            Err(error) if error.is_unique_violation() => Ok(Addition::NotNeeded),
            Err(error) => Err(refused(error)),
        }
    }

    async fn keys(&self, ids: &[KeyId]) -> Result<Vec<StoredKey>, KeyStoreError> {
        data_keys::keys(&self.database, ids).await
    }

    async fn reserve(
        &self,
        id: KeyId,
        seals: u32,
        limit: u64,
    ) -> Result<Reservation, KeyStoreError> {
        data_keys::reserve(&self.database, id, seals, limit).await
    }

    async fn retire(&self, id: KeyId) -> Result<(), KeyStoreError> {
        let retired = retried(|| data_keys::retire(&self.database, id)).await;
        retired.map_err(refused)
    }

    async fn retire_all(&self) -> Result<u64, KeyStoreError> {
        let retired = retried(|| data_keys::retire_all(&self.database)).await;
        retired.map_err(refused)
    }

    async fn list(&self) -> Result<Vec<KeyUse>, KeyStoreError> {
        data_keys::list(&self.database).await
    }

    async fn record_indexes(&self, indexes: &[IndexRecord]) -> Result<(), KeyStoreError> {
        let wanted: Vec<_> = indexes.iter().map(lines::Line::of_index).collect();
        lines::record(&self.database, &lines::INDEXES, &wanted, ATTEMPTS).await
    }

    async fn record_layout(&self, layout: &[LayoutRecord]) -> Result<(), KeyStoreError> {
        let wanted: Vec<_> = layout.iter().map(lines::Line::of_layout).collect();
        lines::record(&self.database, &lines::LAYOUT, &wanted, ATTEMPTS).await
    }
}

/// What a database error means to the keyring. Its text has no value of the database's.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(crate) fn refused(error: DbError) -> KeyStoreError {
    let reason = error.to_string();
    if error.is_transient() {
        KeyStoreError::Unavailable { reason }
    } else if error.kind() == DbErrorKind::Privilege {
        KeyStoreError::Forbidden { reason }
    } else {
        KeyStoreError::Failed { reason }
    }
}

pub(crate) fn corrupt(what: &str) -> KeyStoreError {
    KeyStoreError::Corrupt {
        what: what.to_owned(),
    }
}

/// Runs a transaction again while it gives way to another one.
async fn retried<T, F>(run: impl Fn() -> F) -> Result<T, DbError>
where
    F: Future<Output = Result<T, DbError>>,
{
    let mut attempt = 1;
    loop {
        match run().await {
            Err(error) if gave_way(&error) && attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

/// Whether the transaction lost against another one and was certainly not committed.
pub(crate) fn gave_way(error: &DbError) -> bool {
    error.kind() == DbErrorKind::Contention
}

/// Ends a transaction: commits it, or rolls it back and passes the error on.
pub(crate) async fn end<T>(
    transaction: Transaction,
    outcome: Result<T, DbError>,
) -> Result<T, DbError> {
    match outcome {
        Ok(done) => {
            transaction.commit().await?;
            Ok(done)
        }
        Err(error) => {
            // If this fails the connection is gone, and the server has rolled back by itself.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}
