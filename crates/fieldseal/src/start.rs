//! Making a vault: key store, key providers, and the word that a database is in clear. Owns that
//! plaintext mode is loud and refused where sealed data lies.

mod error;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fieldseal_db::{Connect, Database, DbError, Dialect, redact_url};
use fieldseal_keys::{
    KeyProvider, KeyStore, KeyStoreError, Keyring, KeyringError, KeyringSettings, LocalProvider,
};
use fieldseal_keystore::DbKeyStore;

pub use self::error::StartError;
use crate::Vault;
use crate::vault::Mode;

/// Connections that the vault keeps for itself: keys are asked for rarely.
const CONNECTIONS: u32 = 2;

/// The application's own pool, of any driver that is built.
pub struct ApplicationPool(Database);

macro_rules! of_pool {
    ($feature:literal, $pool:ty) => {
        #[cfg(feature = $feature)]
        impl From<&$pool> for ApplicationPool {
            fn from(pool: &$pool) -> Self {
                Self(pool.into())
            }
        }
    };
}

of_pool!("sqlite", sqlx::SqlitePool);
of_pool!("postgres", sqlx::PgPool);
of_pool!("mysql", sqlx::MySqlPool);

/// How a vault is to start.
pub struct Start {
    deployment: String,
    wrapping: Vec<Wrapping>,
    settings: KeyringSettings,
}

enum Wrapping {
    RootKeyFile(PathBuf),
    Provider(Arc<dyn KeyProvider>),
    #[cfg(feature = "aws-kms")]
    AwsKms(String, fieldseal_aws::Reach),
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Start({}, {} wrapping keys)",
            self.deployment,
            self.wrapping.len()
        )
    }
}

impl Vault {
    /// A vault of the sealed database of this deployment, which is the `deployment` of the
    /// pipeline's policy.
    #[must_use]
    pub fn start(deployment: &str) -> Start {
        Start {
            deployment: deployment.to_owned(),
            wrapping: Vec::new(),
            settings: KeyringSettings::default(),
        }
    }

    /// A vault of the plaintext database: nothing is sealed, nothing is opened. For a service that
    /// is deployed before the day of the move, and told by its configuration on that day to use
    /// [`Vault::start`]. What is looked at is the database of this URL, now; give the service's own
    /// pool the same URL, which must name a database. Others of the same server are not looked at, so
    /// that the old one can be used beside the new one: a statement that names another database
    /// (`shop.customers`) goes past this check. A user with rights on nothing but his own tables is
    /// refused as well; on MySQL and MariaDB, which show nobody more than he may use, by the column
    /// `_fieldseal_version`, so rights must be on tables, not on some of their columns.
    ///
    /// Whether there is TLS is the URL's word, and the driver's default does not insist on it: for a
    /// server elsewhere write `sslmode=verify-full` (PostgreSQL) or `ssl-mode=VERIFY_IDENTITY` (MySQL,
    /// MariaDB).
    ///
    /// # Errors
    /// [`StartError::SealedDatabase`] for a database that holds sealed data;
    /// [`StartError::NoDatabase`]; the database cannot be reached.
    pub async fn plaintext(url: &str) -> Result<Self, StartError> {
        Self::in_clear(connect(url).await?, &redact_url(url)).await
    }

    /// The same for the database that the connections of the application's own pool are in. One of
    /// them is borrowed for one question, so what the pool's hooks do (`after_connect` with `USE shop`
    /// or `ATTACH`) counts. Whoever holds the pool's only connection meanwhile waits for as long as the
    /// pool does, and gets an error.
    ///
    /// # Errors
    /// As [`plaintext`](Self::plaintext).
    pub async fn plaintext_pool(pool: impl Into<ApplicationPool>) -> Result<Self, StartError> {
        let ApplicationPool(database) = pool.into();
        Self::in_clear(database, "the pool's database").await
    }

    async fn in_clear(database: Database, place: &str) -> Result<Self, StartError> {
        let checked = refuse_sealed(&database, place).await;
        database.close().await;
        checked?;
        tracing::warn!(
            "PLAINTEXT MODE: this process reads and writes personal data in clear; nothing is sealed"
        );
        Ok(Self {
            mode: Mode::Plaintext,
        })
    }
}

impl Start {
    /// Data keys are wrapped under the keys of this root key file. The first wrapping key named
    /// makes new keys; any of them opens.
    #[must_use]
    pub fn root_key_file(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        self.wrapping.push(Wrapping::RootKeyFile(path));
        self
    }

    /// Data keys are wrapped by AWS KMS under this key, given by its ARN; region and credentials
    /// come from where the AWS SDKs look for them.
    #[cfg(feature = "aws-kms")]
    #[must_use]
    pub fn aws_kms(self, key: &str) -> Self {
        self.aws_kms_at(key, fieldseal_aws::Reach::default())
    }

    /// The same with a region or an endpoint of its own.
    #[cfg(feature = "aws-kms")]
    #[must_use]
    pub fn aws_kms_at(mut self, key: &str, reach: fieldseal_aws::Reach) -> Self {
        self.wrapping.push(Wrapping::AwsKms(key.to_owned(), reach));
        self
    }

    /// Data keys are wrapped by a provider of one's own: a key service other than AWS KMS. What it
    /// makes must open again under the same deployment, domain and purpose, and under no others.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use fieldseal::Vault;
    /// use fieldseal::keys::{
    ///     DataKey, KeyProvider, ProviderError, WrapContext, WrappingKey, async_trait,
    /// };
    ///
    /// /// A key service as this program reaches it.
    /// struct Service {
    ///     names: Vec<WrappingKey>,
    /// }
    ///
    /// impl Service {
    ///     /// Asks the service to encrypt or decrypt, bound to a text.
    ///     async fn ask(&self, what: &str, bound: &str, bytes: &[u8]) -> Result<Vec<u8>, ProviderError> {
    ///         # let _ = (what, bound, bytes);
    ///         let reason = "nobody answers in an example".to_owned();
    ///         Err(ProviderError::Unavailable { reason })
    ///     }
    /// }
    ///
    /// fn bound(context: &WrapContext) -> String {
    ///     let WrapContext { deployment, domain, purpose } = context;
    ///     format!("{deployment} {domain} {purpose}")
    /// }
    ///
    /// #[async_trait]
    /// impl KeyProvider for Service {
    ///     fn wrapping_keys(&self) -> &[WrappingKey] {
    ///         &self.names
    ///     }
    ///
    ///     async fn generate(&self, context: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
    ///         let key = DataKey::generate().map_err(|error| ProviderError::Unavailable {
    ///             reason: error.to_string(),
    ///         })?;
    ///         let wrapped = self.wrap(context, &key).await?;
    ///         Ok((key, wrapped))
    ///     }
    ///
    ///     async fn wrap(&self, context: &WrapContext, key: &DataKey) -> Result<Vec<u8>, ProviderError> {
    ///         self.ask("encrypt", &bound(context), key.expose()).await
    ///     }
    ///
    ///     async fn unwrap(
    ///         &self,
    ///         context: &WrapContext,
    ///         _name: &WrappingKey,
    ///         wrapped: &[u8],
    ///     ) -> Result<DataKey, ProviderError> {
    ///         let bytes = self.ask("decrypt", &bound(context), wrapped).await?;
    ///         let bytes = bytes.try_into().map_err(|_| ProviderError::Invalid {
    ///             reason: "what was unwrapped is no key of 32 bytes".to_owned(),
    ///         })?;
    ///         Ok(DataKey::from_bytes(bytes))
    ///     }
    /// }
    ///
    /// let names = vec!["service:key-1".parse()?];
    /// let start = Vault::start("shop").provider(Arc::new(Service { names }));
    /// # let _ = start;
    /// # Ok::<(), fieldseal::keys::InvalidWrappingKey>(())
    /// ```
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.wrapping.push(Wrapping::Provider(provider));
        self
    }

    /// How long an unwrapped key is used before it is unwrapped again; 15 minutes unless said
    /// otherwise. A revoked grant works until then, and an outage of the key service is not felt
    /// by reading until then. Counted by the clock that only runs forward: a time of day that is
    /// set back does not stretch it.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = age;
        self
    }

    /// How many seals a process reserves at first; what is left of them when it ends is lost. Each
    /// further reservation doubles it.
    #[must_use]
    pub const fn first_block(mut self, seals: u32) -> Self {
        self.settings.first_block = seals;
        self
    }

    /// How many values one data key may seal, over all processes that share the key store: the
    /// `max_uses` of the pipeline's policy. 2^30, which is also the most, unless said otherwise.
    #[must_use]
    pub const fn max_uses(mut self, seals: u64) -> Self {
        self.settings.max_uses = seals;
        self
    }

    /// Opens the vault over the keys that lie in the sealed database of this URL. It keeps up to
    /// two connections of its own.
    ///
    /// Whether there is TLS is the URL's word, and the driver's default does not insist on it: for a
    /// server elsewhere write `sslmode=verify-full` (PostgreSQL) or `ssl-mode=VERIFY_IDENTITY` (MySQL,
    /// MariaDB). `PolicyFile::target_url` insists.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(self, url: &str) -> Result<Vault, StartError> {
        self.open_in(connect(url).await?).await
    }

    /// Opens the vault over the keys that lie in the database of the application's own pool, by up
    /// to two connections beside it that are made as the pool makes its own, also when it is given
    /// other options later ([`sqlx::Pool::set_connect_options`]): the same server, user, TLS and
    /// search path. The pool's own connections are never used, so nobody who holds the last of them
    /// waits for himself, and what the application sets in its sessions does not matter. What the
    /// pool's hooks (`after_connect`) do is not done for them, be it `USE shop` or a `search_path`:
    /// where that is needed to find the key store, there is [`StartError::KeysNotFound`]; say it in the
    /// pool's options instead (the URL's database, `PgConnectOptions::options`), or use
    /// [`open`](Self::open).
    ///
    /// A SQLite database in memory must be one that connections share, as `sqlite::memory:` is.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open_pool(self, pool: impl Into<ApplicationPool>) -> Result<Vault, StartError> {
        let ApplicationPool(database) = pool.into();
        self.open_in(database).await
    }

    async fn open_in(self, database: Database) -> Result<Vault, StartError> {
        let opened = self.open_over(Arc::new(DbKeyStore::new(database))).await;
        opened.map_err(|error| match error {
            StartError::Keys(
                source @ KeyringError::Store {
                    source: KeyStoreError::Failed { .. } | KeyStoreError::Forbidden { .. },
                    ..
                },
            ) => StartError::KeysNotFound { source },
            other => other,
        })
    }

    /// Opens the vault over a key store of one's own.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open_over(self, store: Arc<dyn KeyStore>) -> Result<Vault, StartError> {
        let mut providers = Vec::with_capacity(self.wrapping.len());
        let mut sdks = Sdks::default();
        for wrapping in self.wrapping {
            providers.push(sdks.provider(wrapping).await?);
        }
        let keyring = Keyring::new(&self.deployment, providers, store, self.settings).await;
        keyring.map(Vault::over).map_err(StartError::Keys)
    }
}

/// What was found to reach AWS by, above all the credentials. Keys that are reached alike share it.
#[derive(Default)]
struct Sdks {
    #[cfg(feature = "aws-kms")]
    found: Vec<(fieldseal_aws::Reach, fieldseal_aws::SdkConfig)>,
}

impl Sdks {
    async fn provider(&mut self, wrapping: Wrapping) -> Result<Arc<dyn KeyProvider>, StartError> {
        match wrapping {
            Wrapping::Provider(provider) => Ok(provider),
            Wrapping::RootKeyFile(path) => {
                let provider = LocalProvider::open(&path).map_err(StartError::RootKeyFile)?;
                Ok(Arc::new(provider))
            }
            #[cfg(feature = "aws-kms")]
            Wrapping::AwsKms(key, reach) => {
                let failed = |reason: String| StartError::AwsKms {
                    key: key.clone(),
                    reason,
                };
                let config = self.reached(reach).await;
                let config = config.map_err(|error| failed(error.to_string()))?;
                let provider = fieldseal_keys::AwsKmsProvider::connect(config, &key).await;
                Ok(Arc::new(
                    provider.map_err(|error| failed(error.to_string()))?,
                ))
            }
        }
    }

    #[cfg(feature = "aws-kms")]
    async fn reached(
        &mut self,
        reach: fieldseal_aws::Reach,
    ) -> Result<&fieldseal_aws::SdkConfig, fieldseal_aws::AwsError> {
        let known = self.found.iter().position(|(known, _)| *known == reach);
        let place = match known {
            Some(place) => place,
            None => {
                let config = fieldseal_aws::load(&reach).await?;
                self.found.push((reach, config));
                self.found.len() - 1
            }
        };
        Ok(&self.found[place].1)
    }
}

async fn connect(url: &str) -> Result<Database, StartError> {
    let database = Database::connect(url, Connect::guest(CONNECTIONS)).await;
    database.map_err(|source| StartError::Database {
        place: redact_url(url),
        source,
    })
}

/// What only a sealed database has; any of it says enough: the tables of keys may lie elsewhere, the
/// column is in every table that the pipeline fills.
const SIGNS: [&str; 3] = [
    "a table fieldseal_data_keys",
    "a table fieldseal_meta",
    "a column _fieldseal_version",
];

/// Asks on one of the application's own connections where there is a pool: what counts is where its
/// hooks have led it.
async fn refuse_sealed(database: &Database, place: &str) -> Result<(), StartError> {
    let failed = |source| StartError::Database {
        place: place.to_owned(),
        source,
    };
    let rows = database.query_lender(question(database.dialect()), &[]);
    let rows = rows.await.map_err(failed)?;
    let answer = rows.first().ok_or(DbError::unexpected()).map_err(failed)?;
    if answer.int(0).map_err(failed)? == 0 {
        return Err(StartError::NoDatabase);
    }
    for (column, found) in (1..).zip(SIGNS) {
        if answer.int(column).map_err(failed)? > 0 {
            return Err(StartError::SealedDatabase { found });
        }
    }
    Ok(())
}

/// One question, for one borrowed connection: whether it is in a database, and how much of each of
/// [`SIGNS`] is there.
const fn question(dialect: Dialect) -> &'static str {
    match dialect {
        // With the databases that are attached.
        Dialect::Sqlite => {
            "SELECT 1, \
             (SELECT COUNT(*) FROM pragma_table_list WHERE name = 'fieldseal_data_keys'), \
             (SELECT COUNT(*) FROM pragma_table_list WHERE name = 'fieldseal_meta'), \
             (SELECT COUNT(*) FROM pragma_table_list AS t, pragma_table_xinfo(t.name, t.schema) AS c \
             WHERE t.type = 'table' AND c.name = '_fieldseal_version')"
        }
        // The tables of all schemas, whatever the search path. The information schema would show
        // only what this user may use.
        Dialect::Postgres => {
            "SELECT CAST(1 AS BIGINT), \
             (SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relname = 'fieldseal_data_keys'), \
             (SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relname = 'fieldseal_meta'), \
             (SELECT COUNT(*) FROM pg_catalog.pg_attribute \
             WHERE attname = '_fieldseal_version' AND NOT attisdropped)"
        }
        // MySQL shows nothing else, and the tables of keys need not be among it.
        Dialect::MySql => {
            "SELECT DATABASE() IS NOT NULL, \
             (SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'fieldseal_data_keys'), \
             (SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'fieldseal_meta'), \
             (SELECT COUNT(*) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND column_name = '_fieldseal_version')"
        }
    }
}
