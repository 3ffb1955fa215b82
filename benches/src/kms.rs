//! How many calls to KMS a whole run makes: the real loop over a million rows with six sealed fields
//! each, under keys of the double of KMS. Owns the counting; it is no measurement of time, since no
//! network lies between.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use fieldseal_aws::Reach;
use fieldseal_doubles::{KmsDouble, KmsSettings};
use fieldseal_keys::{AwsKmsProvider, KeyProvider, KeyringSettings};
use fieldseal_pipeline::{TableLayout, Target};
use fieldseal_store::Store;
use serde_json::{Value, json};

use crate::args::Args;
use crate::databases::{Scratch, Server};
use crate::null::NullTarget;
use crate::preparing::{drive, preparer};
use crate::report::{Failure, rounded};
use crate::stopwatch::Stopwatch;
use crate::workload::{Keys, MemorySource, Traffic, policy};

/// One key; or one with a second wrap under another region's.
const REGIONS: [&str; 2] = ["eu-central-1", "eu-west-1"];

const SHARDS: usize = 2;

/// As `cache_max_age_seconds` has it by default.
const MAX_AGE: Duration = Duration::from_secs(300);

pub(crate) async fn measure(args: &Args) -> Result<Value, Failure> {
    let rows = args.rows.unwrap_or(1_000_000);
    let batch = args.batches.first().copied().unwrap_or(8_000);
    eprintln!("benches: making {rows} records");
    let source = Arc::new(MemorySource::new(rows, SHARDS, Traffic::Loads));
    let policy = policy()?;
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    let mut runs = Vec::new();
    for regions in [&REGIONS[..1], &REGIONS[..]] {
        let target = Arc::new(NullTarget::new(&layouts));
        let mut run = counted(&source, target, regions, batch, rows).await?;
        run["target"] = json!("null");
        runs.push(run);
    }
    if let Some(url) = &args.postgres {
        let server = Server::postgres(url).await?;
        let scratch = Scratch::create(&server).await?;
        let store = Arc::new(Store::new(scratch.database.clone(), &policy));
        let mut run = counted(&source, store, &REGIONS, batch, rows).await?;
        scratch.expect_rows(rows).await?;
        scratch.remove().await?;
        run["target"] = json!(server.version);
        runs.push(run);
    }
    Ok(json!({
        "rows": rows,
        "sealed_fields": rows * 6,
        "shards": SHARDS,
        "batch": batch,
        "aim": "at most 10 calls for a million rows",
        "runs": runs,
    }))
}

/// Runs the source into `target` with a keyring that knows nothing yet, from looking its keys up on.
async fn counted<T: Target>(
    source: &Arc<MemorySource>,
    target: Arc<T>,
    regions: &[&str],
    batch: usize,
    rows: usize,
) -> Result<Value, Failure> {
    let settings = KmsSettings {
        regions: REGIONS.map(str::to_owned).to_vec(),
        ..KmsSettings::default()
    };
    let kms = KmsDouble::start(settings)?;
    let mut providers = Vec::new();
    for region in regions {
        providers.push(provider(&kms, region).await?);
    }
    let settings = KeyringSettings {
        max_age: MAX_AGE,
        ..KeyringSettings::default()
    };
    let keys = Keys::under(providers, settings).await?;
    let preparer = preparer(&policy()?, &*target, &keys).await?;
    let watch = Stopwatch::start();
    drive(Arc::clone(source), target, preparer, batch, rows).await?;
    let seconds = watch.read().wall;
    let run = json!({
        "keys": regions.len(),
        "kms_calls": kms.calls().total(),
        "by_operation": kms.calls().by_operation(),
        "within_10": kms.calls().total() <= 10,
        "seconds": rounded(seconds, 1),
    });
    eprintln!("benches: {run}");
    Ok(run)
}

async fn provider(kms: &KmsDouble, region: &str) -> Result<Arc<dyn KeyProvider>, Failure> {
    let reach = Reach {
        region: Some(region.to_owned()),
        endpoint: Some(kms.endpoint(region)),
    };
    let config = fieldseal_aws::load(&reach).await;
    let config = config.map_err(|error| Failure::of("configuring the SDK", &error))?;
    let credentials = Credentials::new("AKIAEXAMPLEBENCHES", "no secret", None, None, "benches");
    let config = config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let connected = AwsKmsProvider::connect(&config, &kms.create_key(region)).await;
    let provider = connected.map_err(|error| Failure::of("looking a key up", &error))?;
    Ok(Arc::new(provider))
}
