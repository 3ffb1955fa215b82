//! The key providers that a policy asks for, the preferred one first. Owns which they are; what
//! they do is the keys crate's.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use fieldseal_aws::{Reach, SdkConfig};
use fieldseal_keys::{AwsKmsProvider, KeyProvider, LocalProvider, ProviderError, RootFileError};
use fieldseal_policy::KeyProvider as Spelt;

use crate::config::Config;
use crate::exit::{Exit, Failure};

/// The providers of the policy: the first one that answers makes keys, all of them wrap and unwrap.
pub(crate) async fn providers(config: &Config) -> Result<Vec<Arc<dyn KeyProvider>>, Failure> {
    if let Spelt::Local { .. } = &config.policy.keys().provider {
        return Ok(vec![local(config)?]);
    }
    let keys = kms(config).await?;
    Ok(keys
        .into_iter()
        .map(|key| Arc::new(key) as Arc<dyn KeyProvider>)
        .collect())
}

/// The policy's keys of AWS KMS, the first one first; none if it names a root key file.
pub(crate) async fn kms(config: &Config) -> Result<Vec<AwsKmsProvider>, Failure> {
    let Spelt::AwsKms {
        key,
        second_keys,
        region,
        endpoint,
    } = &config.policy.keys().provider
    else {
        return Ok(Vec::new());
    };
    let seconds = second_keys
        .iter()
        .map(|second| (&second.key, &second.endpoint));
    let mut sdks = BTreeMap::new();
    let mut keys = Vec::with_capacity(1 + second_keys.len());
    for (name, endpoint) in std::iter::once((key, endpoint)).chain(seconds) {
        // Keys without endpoints of their own share what was found, above all the credentials.
        let sdk = match sdks.entry(endpoint) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert(reached(region, endpoint).await?),
        };
        let connected = AwsKmsProvider::connect(sdk, name).await;
        keys.push(connected.map_err(|error| {
            let exit = match error {
                ProviderError::Unavailable { .. } => Exit::Unreachable,
                _ => Exit::NotAsItShouldBe,
            };
            Failure::new(exit, format!("keys.aws_kms: {error}"))
        })?);
    }
    Ok(keys)
}

async fn reached(region: &Option<String>, endpoint: &Option<String>) -> Result<SdkConfig, Failure> {
    let reach = Reach {
        region: region.clone(),
        endpoint: endpoint.clone(),
    };
    let loaded = fieldseal_aws::load(&reach).await;
    loaded.map_err(|error| Failure::new(Exit::NotAsItShouldBe, format!("keys.aws_kms: {error}")))
}

/// Opens the root key file.
fn local(config: &Config) -> Result<Arc<dyn KeyProvider>, Failure> {
    let path = config.root_file()?;
    let provider = LocalProvider::open(&path).map_err(|error| {
        let missing = matches!(&error, RootFileError::Io { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound);
        let advice = if missing {
            "; put it back from its copy (`fieldseal migrate` makes one only where the target \
             knows no key yet)"
        } else {
            ""
        };
        Failure::new(Exit::NotAsItShouldBe, format!("{error}{advice}"))
    })?;
    Ok(Arc::new(provider))
}
