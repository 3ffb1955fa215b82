//! Whether the keys can be used: the root key file (KMS is in `kms`), every data key that it should unwrap, and
//! whether the policy is still the one that the key store remembers.
//! Changes nothing: a key store that was never claimed stays so.

use std::sync::Arc;

use fieldseal_db::Database;
use fieldseal_envelope::{DataKey, Domain, Purpose, WrapContext};
use fieldseal_keys::{
    KeyProvider, KeyRef, KeyState, KeyStore, KeyUse, Keyring, KeyringError, WrappingKey,
    lacking_wraps,
};
use fieldseal_keystore::DbKeyStore;

use super::{Found, Severity};
use crate::commands::migrate;
use crate::config::Config;
use crate::exit::Failure;
use crate::wiring;

const AREA: &str = "keys";

/// Looks at the keys; without a migrated database, only at what wraps them. Answers whether this
/// machine's clock is compared with AWS's: it `is_compared` already, or is now.
pub(crate) async fn look(
    config: &Config,
    database: Option<Database>,
    mut is_compared: bool,
    found: &mut Vec<Found>,
) -> bool {
    let providers = match usable(config, &mut is_compared, found).await {
        Ok(providers) => Some(providers),
        Err(failure) => {
            found.push(Found::new(Severity::Error, AREA, failure.to_string()));
            None
        }
    };
    if let Some(database) = database {
        stored(config, database, providers, found).await;
    }
    is_compared
}

/// Looks at what the key store of a migrated database holds.
async fn stored(
    config: &Config,
    database: Database,
    providers: Option<Vec<Arc<dyn KeyProvider>>>,
    found: &mut Vec<Found>,
) {
    let store = DbKeyStore::new(database.clone());
    recorded(config, &store, found).await;
    match store.deployment().await {
        Err(error) => found.push(Found::new(Severity::Error, AREA, error.to_string())),
        Ok(None) => found.push(Found::new(
            Severity::Note,
            AREA,
            "no key has been made in the target yet; the first run makes them",
        )),
        Ok(Some(_)) => {
            if let Some(providers) = providers
                && let Err(failure) = unwrap_all(config, database, providers, found).await
            {
                found.push(Found::new(Severity::Error, AREA, failure.to_string()));
            }
        }
    }
}

/// The providers, whether they may be used looked at.
async fn usable(
    config: &Config,
    is_compared: &mut bool,
    found: &mut Vec<Found>,
) -> Result<Vec<Arc<dyn KeyProvider>>, Failure> {
    let kms = wiring::keys::kms(config).await?;
    super::kms::look(config, &kms, is_compared, found).await;
    let providers = wiring::keys::providers(config).await?;
    if kms.is_empty() {
        for provider in &providers {
            remind(config, &**provider, found);
            round_trips(config, &**provider, found).await;
        }
    }
    Ok(providers)
}

/// Whether the policy is still the one under which values were stored: `run` would refuse it.
async fn recorded(config: &Config, store: &DbKeyStore, found: &mut Vec<Found>) {
    let (indexes, layout) = migrate::lines(&config.policy);
    match store.differing(&indexes, &layout).await {
        Ok(differing) => found.extend(differing.iter().map(|line| {
            let text = format!("{line} (pipeline-config/README.md says what is permanent)");
            Found::new(Severity::Error, "policy", text)
        })),
        Err(error) => found.push(Found::new(Severity::Error, AREA, error.to_string())),
    }
}

fn remind(config: &Config, provider: &dyn KeyProvider, found: &mut Vec<Found>) {
    let Ok(path) = config.root_file() else { return };
    let names: Vec<&str> = provider
        .wrapping_keys()
        .iter()
        .map(WrappingKey::as_str)
        .collect();
    let text = format!(
        "{} holds {}; whoever loses this file has lost the data: keep a copy of it elsewhere",
        path.display(),
        names.join(", ")
    );
    found.push(Found::new(Severity::Note, AREA, text));
}

/// Wraps a throwaway key for every domain and unwraps it again: access may be granted by domain.
async fn round_trips(config: &Config, provider: &dyn KeyProvider, found: &mut Vec<Found>) {
    let Some(name) = provider.wrapping_keys().first() else {
        return;
    };
    let sealing = config
        .policy
        .domains()
        .into_iter()
        .zip(std::iter::repeat(Purpose::Seal));
    for (domain, purpose) in sealing.chain([("quarantine", Purpose::Value)]) {
        let context = domain.parse().map(|domain| WrapContext {
            deployment: config.policy.keys().deployment.clone(),
            domain,
            purpose,
        });
        let (Ok(context), Ok(key)) = (context, DataKey::generate()) else {
            continue;
        };
        let unwrapped = match provider.wrap(&context, &key).await {
            Ok(wrapped) => provider.unwrap(&context, name, &wrapped).await,
            Err(error) => Err(error),
        };
        let trouble = match unwrapped {
            Ok(same) if same.expose() == key.expose() => continue,
            Ok(_) => "unwrapping gave another key".to_owned(),
            Err(error) => error.to_string(),
        };
        let text = format!(
            "domain {domain}, purpose {purpose}: keys cannot be wrapped and unwrapped under \
             {name}: {trouble}; grant this process the use of that key"
        );
        found.push(Found::new(Severity::Error, AREA, text));
    }
}

/// Unwraps every key of the key store, as opening a value would.
async fn unwrap_all(
    config: &Config,
    database: Database,
    providers: Vec<Arc<dyn KeyProvider>>,
    found: &mut Vec<Found>,
) -> Result<(), Failure> {
    let (keyring, keys) = wiring::keyring(&config.policy, database, providers.clone()).await?;
    let keys = keys.list().await.map_err(|error| {
        Failure::new(
            crate::exit::Exit::NotAsItShouldBe,
            format!("listing the keys: {error}"),
        )
    })?;
    let readable = |key: &&KeyUse| key.state != Some(KeyState::Destroyed);
    for key in keys.iter().filter(readable) {
        let Some((domain, purpose)) = meant_for(key) else {
            let text = format!(
                "key {} names the domain {:?} and the purpose {:?}, which Fieldseal never writes; \
                 find out who changed fieldseal_data_keys",
                key.id, key.domain, key.purpose
            );
            found.push(Found::new(Severity::Error, AREA, text));
            continue;
        };
        let lacking = lacking_wraps(&providers, key);
        let key = KeyRef {
            id: key.id,
            domain,
            purpose,
        };
        of_wraps(&keyring, &key, &lacking, found).await;
    }
    let text = format!("{} data keys are in the target", keys.len());
    found.push(Found::new(Severity::Note, AREA, text));
    Ok(())
}

/// Whether a key opens, and by every wrap that the policy promises it.
async fn of_wraps(
    keyring: &Keyring,
    key: &KeyRef,
    lacking: &[WrappingKey],
    found: &mut Vec<Found>,
) {
    let refused = match keyring.refused_wraps(key).await {
        Ok(refused) => refused,
        Err(error) => return found.push(Found::new(Severity::Error, AREA, named(key, &error))),
    };
    for wrap in refused {
        let text = format!(
            "{key} opens, but not by its wrap under {}: {}",
            wrap.wrapping_key, wrap.error
        );
        found.push(Found::new(Severity::Warning, AREA, text));
    }
    for name in lacking {
        let text = format!(
            "{key} has no wrap under {name}: what it sealed is lost with its other wrapping keys, \
             and does not open for whoever may use {name} alone; `fieldseal migrate` or the start \
             of `fieldseal run` adds it"
        );
        found.push(Found::new(Severity::Warning, AREA, text));
    }
}

/// The error with the key it is about, which most errors name themselves.
fn named(key: &KeyRef, error: &KeyringError) -> String {
    let (key, error) = (key.to_string(), error.to_string());
    if error.contains(&key) {
        error
    } else {
        format!("{key}: {error}")
    }
}

fn meant_for(key: &KeyUse) -> Option<(Domain, Purpose)> {
    Some((key.domain.parse().ok()?, key.purpose.parse().ok()?))
}
