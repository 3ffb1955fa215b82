//! Putting the crates together: database, keys, store, preparer. Owns which part gets what; which
//! key providers a policy asks for is in `keys`.

pub(crate) mod keys;
pub(crate) mod wraps;

use std::sync::Arc;
use std::time::Duration;

use fieldseal::reader::Reader;
use fieldseal_db::{Connect, Database, DbError, DbErrorKind, redact_url};
use fieldseal_keys::{KeyProvider, KeyStore, Keyring, KeyringSettings};
use fieldseal_keystore::DbKeyStore;
use fieldseal_metrics::{MeteredProvider, Monitor};
use fieldseal_pipeline::{Preparer, Progress, TableLayout, Target as _};
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
    /// What is counted of all this, whether or not anybody looks.
    pub(crate) monitor: Arc<Monitor>,
}

/// How long a server may take to greet, as in MySQL's own `connect_timeout`: one that speaks
/// another protocol, and waits for the client to begin, never does.
const GREETING: Duration = Duration::from_secs(10);

/// Connects to the target.
pub(crate) async fn connect(config: &Config, settings: Connect) -> Result<Database, Failure> {
    let url = config.target_url()?;
    if let Some(nothing) = names_nothing(&url) {
        let text = format!("{}: {nothing}", config.target_setting());
        return Err(Failure::new(Exit::Policy, text));
    }
    let connecting = Database::connect(&url, settings);
    let (exit, why) = match tokio::time::timeout(GREETING, connecting).await {
        Ok(Ok(database)) => return Ok(database),
        Ok(Err(error)) => refused(&url, settings, &error),
        Err(_) => (
            Exit::Unreachable,
            "the server does not answer; see that host and port are right, and that they are a \
             server of the URL's kind"
                .to_owned(),
        ),
    };
    let place = redact_url(&url);
    Err(Failure::new(
        exit,
        format!("connecting to {place} ({}): {why}", config.target_setting()),
    ))
}

/// What is missing from a URL that a server or SQLite would take, only to fail at the first
/// statement.
fn names_nothing(url: &str) -> Option<&'static str> {
    let (scheme, rest) = url.split_once("://")?;
    let place = rest.split(['?', '#']).next().unwrap_or(rest);
    match scheme {
        "sqlite" if place.is_empty() => Some("the URL names no file: sqlite://FILE"),
        "mysql" | "mariadb" => match place.split_once('/') {
            Some((_, name)) if !name.is_empty() => None,
            _ => Some("the URL names no database: mysql://USER:PASSWORD@HOST:PORT/DATABASE"),
        },
        _ => None,
    }
}

/// What a refused connection means to whoever wrote the URL.
fn refused(url: &str, settings: Connect, error: &DbError) -> (Exit, String) {
    let code = error.code().map(|code| format!(" (code {code})"));
    let code = code.unwrap_or_default();
    let (exit, what, advice) = match error.kind() {
        DbErrorKind::Unavailable if !url.starts_with("sqlite:") => (
            Exit::Unreachable,
            "the server cannot be reached",
            "see that it runs, that host and port are right, and that it speaks TLS where it is \
             on another host",
        ),
        DbErrorKind::Unavailable if settings.create => (
            Exit::Unreachable,
            "the file cannot be opened or made",
            "correct the path, and see that its folder is there and may be written to",
        ),
        DbErrorKind::Unavailable => (
            Exit::Unreachable,
            "the file cannot be opened",
            "correct the path, or run `fieldseal migrate`, which makes the file",
        ),
        DbErrorKind::Privilege if url.starts_with("sqlite:") => (
            Exit::NotAsItShouldBe,
            "the file may not be written to",
            "give this user the right to write to it and to its folder",
        ),
        DbErrorKind::Privilege => (
            Exit::NotAsItShouldBe,
            "the server refuses the user, the password or the database",
            "correct them in the URL, or grant the user access",
        ),
        DbErrorKind::Schema => (
            Exit::NotAsItShouldBe,
            "the server has no database of that name",
            "make it, or correct the name in the URL",
        ),
        DbErrorKind::Configuration => (
            Exit::NotAsItShouldBe,
            "this is not a usable URL",
            "write it as sqlite://FILE, postgres://USER:PASSWORD@HOST:PORT/DATABASE or \
             mysql://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for special characters",
        ),
        _ => {
            let failure = Failure::database("the connection", error);
            return (failure.exit, failure.to_string());
        }
    };
    (exit, format!("{what}{code}; {advice}"))
}

/// Connects, and refuses a database that was not migrated.
pub(crate) async fn connect_migrated(config: &Config) -> Result<Database, Failure> {
    connect_as(config, Connect::default()).await
}

/// Connections of a worker at most, opened as they are needed: one for each batch that is applied,
/// so that shards whose tables are locked do not hold all of them. A server allows 100
/// (PostgreSQL) or 151 (MySQL) unless told otherwise. A SQLite file has one writer anyway.
const WORKER_CONNECTIONS: u32 = 64;

async fn connect_worker(config: &Config) -> Result<Database, Failure> {
    let mut settings = Connect::default();
    if !config.target_url()?.starts_with("sqlite:") {
        settings.connections = WORKER_CONNECTIONS;
    }
    connect_as(config, settings).await
}

async fn connect_as(config: &Config, settings: Connect) -> Result<Database, Failure> {
    let database = connect(config, settings).await?;
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
    providers: Vec<Arc<dyn KeyProvider>>,
) -> Result<(Keyring, Arc<dyn KeyStore>), Failure> {
    let keys: Arc<dyn KeyStore> = Arc::new(DbKeyStore::new(database));
    let settings = policy.keys();
    let keyring = Keyring::new(
        &settings.deployment,
        providers,
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

impl Wired {
    /// Connects, opens the keys, and refuses a database that was not migrated.
    pub(crate) async fn open(config: Config) -> Result<Self, Failure> {
        Self::open_watched(config, Monitor::new(Progress::new())).await
    }

    /// The same for a process that is watched.
    pub(crate) async fn open_watched(
        config: Config,
        monitor: Arc<Monitor>,
    ) -> Result<Self, Failure> {
        let database = connect_worker(&config).await?;
        let providers = keys::providers(&config).await?;
        Self::with(config, database, providers, monitor).await
    }

    /// Puts together what is connected already.
    pub(crate) async fn with(
        config: Config,
        database: Database,
        providers: Vec<Arc<dyn KeyProvider>>,
        monitor: Arc<Monitor>,
    ) -> Result<Self, Failure> {
        let metered = |provider| {
            let monitor = Arc::clone(&monitor);
            Arc::new(MeteredProvider::new(provider, monitor)) as Arc<dyn KeyProvider>
        };
        let providers = providers.into_iter().map(metered).collect();
        let (keyring, keys) = keyring(&config.policy, database.clone(), providers).await?;
        fieldseal_envelope::set_nonce_pool(config.policy.keys().nonce_pool.into());
        Ok(Self {
            config,
            database,
            keys,
            keyring: Arc::new(keyring),
            monitor,
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
    pub(crate) fn vault(&self) -> Reader {
        Reader::new(
            self.database.clone(),
            Arc::clone(&self.keyring),
            Arc::clone(&self.config.policy),
        )
    }
}
