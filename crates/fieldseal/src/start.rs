//! Making a vault: key store, key providers, and the word that a database is in clear. Owns that
//! plaintext mode is loud and refused where sealed data lies.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fieldseal_db::{Bind, Connect, Database, DbError, Dialect};
use fieldseal_keys::{
    KeyProvider, KeyStore, Keyring, KeyringError, KeyringSettings, LocalProvider, RootFileError,
};
use fieldseal_keystore::DbKeyStore;

use crate::Vault;
use crate::vault::Mode;

/// Connections that the vault keeps for itself: keys are asked for rarely.
const CONNECTIONS: u32 = 2;

/// Why there is no vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database that holds the keys cannot be had.
    #[error("connecting to the key store failed")]
    Database {
        /// What the database said.
        #[source]
        source: DbError,
    },
    /// The keyring refuses the configuration or the store.
    #[error(transparent)]
    Keys(KeyringError),
    /// The root key file cannot be read.
    #[error(transparent)]
    RootKeyFile(RootFileError),
    /// AWS KMS cannot be had.
    #[error("AWS KMS key `{key}`: {reason}")]
    AwsKms {
        /// As the configuration names it.
        key: String,
        /// What was said.
        reason: String,
    },
    /// Plaintext mode over a database that holds sealed data.
    #[error(
        "the database holds sealed data (it has a table {table}): start with `Vault::start`, not in \
         plaintext mode"
    )]
    SealedDatabase {
        /// The table that says so.
        table: &'static str,
    },
}

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
    /// pool the same URL.
    ///
    /// # Errors
    /// [`StartError::SealedDatabase`] for a database that holds sealed data; the database cannot be
    /// reached.
    pub async fn plaintext(url: &str) -> Result<Self, StartError> {
        let database = connect(url).await?;
        let checked = refuse_sealed(&database).await;
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

    /// Data keys are wrapped by a provider of one's own.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.wrapping.push(Wrapping::Provider(provider));
        self
    }

    /// How long an unwrapped key is used before it is unwrapped again; 15 minutes unless said
    /// otherwise. A revoked grant works until then, and an outage of the key service is not felt
    /// by reading until then.
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

    /// Opens the vault over the keys that lie in the sealed database of this URL. It keeps two
    /// connections of its own.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(self, url: &str) -> Result<Vault, StartError> {
        let store = DbKeyStore::new(connect(url).await?);
        self.open_over(Arc::new(store)).await
    }

    /// Opens the vault over a key store of one's own.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open_over(self, store: Arc<dyn KeyStore>) -> Result<Vault, StartError> {
        let mut providers = Vec::with_capacity(self.wrapping.len());
        for wrapping in self.wrapping {
            providers.push(wrapping.provider().await?);
        }
        let keyring = Keyring::new(&self.deployment, providers, store, self.settings).await;
        keyring.map(Vault::over).map_err(StartError::Keys)
    }
}

impl Wrapping {
    async fn provider(self) -> Result<Arc<dyn KeyProvider>, StartError> {
        match self {
            Self::Provider(provider) => Ok(provider),
            Self::RootKeyFile(path) => {
                let provider = LocalProvider::open(&path).map_err(StartError::RootKeyFile)?;
                Ok(Arc::new(provider))
            }
            #[cfg(feature = "aws-kms")]
            Self::AwsKms(key, reach) => {
                let failed = |reason: String| StartError::AwsKms {
                    key: key.clone(),
                    reason,
                };
                let config = fieldseal_aws::load(&reach).await;
                let config = config.map_err(|error| failed(error.to_string()))?;
                let provider = fieldseal_keys::AwsKmsProvider::connect(&config, &key).await;
                Ok(Arc::new(
                    provider.map_err(|error| failed(error.to_string()))?,
                ))
            }
        }
    }
}

async fn connect(url: &str) -> Result<Database, StartError> {
    let settings = Connect {
        create: false,
        connections: CONNECTIONS,
    };
    let database = Database::connect(url, settings).await;
    database.map_err(|source| StartError::Database { source })
}

/// The tables that only a sealed database has; either says enough.
const SEALED: [&str; 2] = ["fieldseal_data_keys", "fieldseal_meta"];

async fn refuse_sealed(database: &Database) -> Result<(), StartError> {
    let question = match database.dialect() {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE name = ?",
        // The information schema shows only what this user may use.
        Dialect::Postgres => "SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relname = ?",
        // MySQL shows nothing else; every table that the pipeline fills has the column, though.
        Dialect::MySql => {
            "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() \
             AND (table_name = ? OR column_name = '_fieldseal_version')"
        }
    };
    let failed = |source| StartError::Database { source };
    for table in SEALED {
        let rows = database.query(question, &[Bind::from(table)]).await;
        let rows = rows.map_err(failed)?;
        let found = rows.first().map(|row| row.int(0)).transpose();
        if found.map_err(failed)?.unwrap_or(0) > 0 {
            return Err(StartError::SealedDatabase { table });
        }
    }
    Ok(())
}
