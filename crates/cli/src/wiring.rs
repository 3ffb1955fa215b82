//! Putting the crates together: database, keys, store, preparer. Owns which part gets what.

use std::sync::Arc;
use std::time::Duration;

use fieldseal::Vault;
use fieldseal_db::{Connect, Database, redact_url};
use fieldseal_keys::{KeyProvider, KeyStore, Keyring, KeyringSettings, LocalProvider};
use fieldseal_keystore::DbKeyStore;
use fieldseal_pipeline::{Preparer, TableLayout, Target as _};
use fieldseal_policy::Policy;
use fieldseal_store::Store;

use crate::config::Config;
use crate::exit::{Exit, Failure};

/// Everything a command works with.
pub(crate) struct Wired {
    pub(crate) config: Config,
    pub(crate) database: Database,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) keyring: Arc<Keyring>,
}

/// Connects to the target.
pub(crate) async fn connect(config: &Config, settings: Connect) -> Result<Database, Failure> {
    let url = config.target_url()?;
    Database::connect(&url, settings)
        .await
        .map_err(|error| Failure::database(&format!("connecting to {}", redact_url(&url)), &error))
}

/// Connects, and refuses a database that was not migrated.
pub(crate) async fn connect_migrated(config: &Config) -> Result<Database, Failure> {
    let database = connect(config, Connect::default()).await?;
    if !pending(&database).await?.is_empty() {
        return Err(Failure::new(
            Exit::NotAsItShouldBe,
            "the target lacks Fieldseal's own tables, or some of them; run `fieldseal migrate`",
        ));
    }
    Ok(database)
}

/// The migrations of the key store and of the target that have not run.
pub(crate) async fn pending(database: &Database) -> Result<Vec<&'static str>, Failure> {
    let failed = |error| Failure::database("reading the target's migrations", &error);
    let scripts = fieldseal_keystore::migrations(database.dialect());
    let keys = fieldseal_db::pending_migrations(database, scripts)
        .await
        .map_err(failed)?;
    let mut names: Vec<&'static str> = keys.iter().map(|migration| migration.name).collect();
    names.extend(fieldseal_store::pending(database).await.map_err(failed)?);
    Ok(names)
}

/// The store, described.
pub(crate) async fn described(database: &Database, policy: &Policy) -> Result<Store, Failure> {
    let store = Store::new(database.clone(), policy);
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    store
        .describe(&layouts)
        .await
        .map_err(|error| Failure::target("reading the target's tables", &error))?;
    Ok(store)
}

/// The keyring over the target's key store; a store that nobody has claimed is claimed.
pub(crate) async fn keyring(
    policy: &Policy,
    database: Database,
    provider: Arc<dyn KeyProvider>,
) -> Result<(Keyring, Arc<dyn KeyStore>), Failure> {
    let keys: Arc<dyn KeyStore> = Arc::new(DbKeyStore::new(database));
    let settings = policy.keys();
    let keyring = Keyring::new(
        &settings.deployment,
        vec![provider],
        Arc::clone(&keys),
        KeyringSettings {
            max_age: Duration::from_secs(settings.cache_max_age_seconds.into()),
            max_uses: settings.max_uses.into(),
            ..KeyringSettings::default()
        },
    )
    .await
    .map_err(|error| Failure::keys("opening the keys", &error))?;
    Ok((keyring, keys))
}

/// Opens the root key file.
pub(crate) fn provider(config: &Config) -> Result<Arc<dyn KeyProvider>, Failure> {
    let path = config.root_file()?;
    let provider = LocalProvider::open(&path)
        .map_err(|error| Failure::new(Exit::NotAsItShouldBe, error.to_string()))?;
    Ok(Arc::new(provider))
}

impl Wired {
    /// Connects, opens the keys, and refuses a database that was not migrated.
    pub(crate) async fn open(config: Config) -> Result<Self, Failure> {
        let database = connect_migrated(&config).await?;
        let provider = provider(&config)?;
        Self::with(config, database, provider).await
    }

    /// Puts together what is connected already.
    pub(crate) async fn with(
        config: Config,
        database: Database,
        provider: Arc<dyn KeyProvider>,
    ) -> Result<Self, Failure> {
        let (keyring, keys) = keyring(&config.policy, database.clone(), provider).await?;
        fieldseal_envelope::set_nonce_pool(config.policy.keys().nonce_pool.into());
        Ok(Self {
            config,
            database,
            keys,
            keyring: Arc::new(keyring),
        })
    }

    /// The store, described, and what prepares batches for it.
    pub(crate) async fn pipeline(&self) -> Result<(Arc<Store>, Arc<Preparer>), Failure> {
        let policy = &self.config.policy;
        let store = self.store().await?;
        let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
        let columns = store
            .describe(&layouts)
            .await
            .map_err(|error| Failure::target("reading the target's tables", &error))?;
        let preparer = Preparer::new(policy, columns, Arc::clone(&self.keyring))
            .await
            .map_err(|error| Failure::new(Exit::NotAsItShouldBe, error.to_string()))?;
        Ok((store, Arc::new(preparer)))
    }

    /// The store, described.
    pub(crate) async fn store(&self) -> Result<Arc<Store>, Failure> {
        let store = described(&self.database, &self.config.policy).await?;
        Ok(Arc::new(store))
    }

    /// A reader of sealed rows.
    pub(crate) fn vault(&self) -> Vault {
        Vault::new(
            self.database.clone(),
            Arc::clone(&self.keyring),
            Arc::clone(&self.config.policy),
        )
    }
}
