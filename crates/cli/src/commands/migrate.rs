//! `fieldseal migrate`: Fieldseal's own tables, and what is recorded of the policy once and for
//! all.

use std::path::PathBuf;
use std::sync::Arc;

use fieldseal_db::{Connect, Database, run_migrations};
use fieldseal_keys::{IndexRecord, KeyStore, KeyringError, LayoutRecord, LocalProvider};
use fieldseal_keystore::DbKeyStore;
use fieldseal_policy::{KeyProvider as Spelt, Policy};

use crate::args::ConfigArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::{counted, say};
use crate::wiring::{self, connect};

pub(crate) async fn migrate(args: &ConfigArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config)?;
    let database = connect(
        &config,
        Connect {
            create: true,
            ..Connect::default()
        },
    )
    .await?;
    let ran = prepare(&database, &config.policy).await?;
    if let Some(path) = make_root_key(&config, &database).await? {
        say(&format!(
            "made the root key file {}: keep a copy of it somewhere safe, since whoever loses it \
             has lost the data",
            path.display()
        ))?;
    }
    wrap_keys(&config, database).await?;
    if ran.is_empty() {
        say("nothing to migrate")?;
    }
    for name in ran {
        say(&format!("ran {name}"))?;
    }
    let tables = config.policy.tables().len() as u64;
    say(&format!("{} registered", counted(tables, "table")))?;
    Ok(Exit::Done)
}

/// Makes the root key file where there is none and no key was ever wrapped: another root key
/// could not open what is there.
async fn make_root_key(config: &Config, database: &Database) -> Result<Option<PathBuf>, Failure> {
    if let Spelt::AwsKms { .. } = &config.policy.keys().provider {
        return Ok(None);
    }
    let path = config.root_file()?;
    let missing = std::fs::symlink_metadata(&path)
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    if !missing {
        return Ok(None);
    }
    let keys = DbKeyStore::new(database.clone()).list().await;
    let keys = keys.map_err(|error| {
        Failure::new(Exit::NotAsItShouldBe, format!("reading the keys: {error}"))
    })?;
    if !keys.is_empty() {
        return Err(Failure::new(
            Exit::NotAsItShouldBe,
            format!(
                "the root key file {} is missing, and the target holds {} keys that only it \
                 opens; put it back from its copy",
                path.display(),
                keys.len()
            ),
        ));
    }
    LocalProvider::create(&path).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    Ok(Some(path))
}

/// Adds the wraps that keys lack under the policy: above all under a wrapping key that is new in
/// it. The tables are migrated whether or not this can be done now.
async fn wrap_keys(config: &Config, database: Database) -> Result<(), Failure> {
    let keys = DbKeyStore::new(database.clone()).list().await;
    let keys = keys.map_err(|error| {
        Failure::new(Exit::NotAsItShouldBe, format!("reading the keys: {error}"))
    })?;
    if keys.is_empty() {
        return Ok(());
    }
    let wrapping = async {
        let providers = wiring::keys::providers(config).await?;
        let (keyring, _) = wiring::keyring(&config.policy, database, providers).await?;
        wiring::wraps::add(&keyring).await
    };
    match wrapping.await {
        Ok(done) => {
            if done.added > 0 {
                let wraps = counted(done.added, "wrap");
                say(&format!("added {wraps} that data keys lacked"))?;
            }
            for owed in done.owed {
                say(&format!("warning: {owed}; `fieldseal run` tries it again"))?;
            }
            Ok(())
        }
        Err(failure) => say(&format!(
            "warning: whether every data key has its wraps cannot be told: {failure}; \
             `fieldseal run` tries it again"
        )),
    }
}

/// Runs every pending migration and records the policy; answers what ran.
pub(crate) async fn prepare(
    database: &Database,
    policy: &Policy,
) -> Result<Vec<&'static str>, Failure> {
    let mut ran = run_migrations(database, fieldseal_keystore::migrations(database.dialect()))
        .await
        .map_err(|error| Failure::database("migrating the key store", &error))?;
    let keys: Arc<dyn KeyStore> = Arc::new(DbKeyStore::new(database.clone()));
    refuse_other_deployment(&*keys, policy).await?;
    ran.extend(
        fieldseal_store::migrate(database, policy)
            .await
            .map_err(|error| Failure::database("migrating the target", &error))?,
    );
    record(&*keys, policy).await?;
    Ok(ran)
}

/// Another deployment's target is not to learn this policy's tables.
async fn refuse_other_deployment(keys: &dyn KeyStore, policy: &Policy) -> Result<(), Failure> {
    let configured = &policy.keys().deployment;
    let stored = keys.deployment().await.map_err(|error| {
        Failure::new(Exit::NotAsItShouldBe, format!("reading the keys: {error}"))
    })?;
    match stored {
        Some(stored) if stored != *configured => {
            let error = KeyringError::OtherDeployment {
                stored,
                configured: configured.clone(),
            };
            Err(Failure::keys("migrating the target", &error))
        }
        _ => Ok(()),
    }
}

/// Records what stored values depend on; a policy that would make them unreadable is refused with
/// the line that differs.
pub(crate) async fn record(keys: &dyn KeyStore, policy: &Policy) -> Result<(), Failure> {
    let refused = |error: fieldseal_keys::KeyStoreError| {
        Failure::new(
            Exit::NotAsItShouldBe,
            format!("recording the policy: {error}"),
        )
    };
    let (indexes, layout) = lines(policy);
    keys.record_indexes(&indexes).await.map_err(refused)?;
    keys.record_layout(&layout).await.map_err(refused)
}

/// Everything about a policy that stored values depend on, line by line.
pub(crate) fn lines(policy: &Policy) -> (Vec<IndexRecord>, Vec<LayoutRecord>) {
    let mut indexes = Vec::new();
    // Held records are sealed with the source's name.
    let mut layout = vec![LayoutRecord {
        table: String::new(),
        item: "source.id".to_owned(),
        line: format!("source.id {}", policy.source().id),
    }];
    for table in policy.tables() {
        for (column, seal) in table.sealed() {
            for blind in &seal.indexes {
                indexes.push(IndexRecord {
                    table: table.id.to_string(),
                    column: column.id.to_string(),
                    name: blind.name.clone(),
                    line: format!(
                        "{} {} {} {}",
                        seal.domain,
                        blind.definition,
                        blind.bytes.bytes(),
                        blind.column
                    ),
                });
            }
        }
        for line in table.layout() {
            layout.push(LayoutRecord {
                table: table.id.to_string(),
                item: item(&line),
                line,
            });
        }
    }
    (indexes, layout)
}

/// What a layout line is about, unique within its table: everything before what may not change.
fn item(line: &str) -> String {
    match line.split_once(" id ") {
        Some((column, _)) if column.starts_with("column ") => column.to_owned(),
        _ if line.ends_with(" seals null") => line.to_owned(),
        _ => line.split(' ').take(2).collect::<Vec<_>>().join(" "),
    }
}
