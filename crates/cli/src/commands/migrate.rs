//! `fieldseal migrate`: Fieldseal's own tables, and what is recorded of the policy once and for
//! all.

use std::sync::Arc;

use fieldseal_db::{Connect, Database, run_migrations};
use fieldseal_keys::{IndexRecord, KeyStore, LayoutRecord};
use fieldseal_keystore::DbKeyStore;
use fieldseal_policy::Policy;

use crate::args::ConfigArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::wiring::connect;

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
    if ran.is_empty() {
        println!("nothing to migrate");
    }
    for name in ran {
        println!("ran {name}");
    }
    println!("{} tables are registered", config.policy.tables().len());
    Ok(Exit::Done)
}

/// Runs every pending migration and records the policy; answers what ran.
pub(crate) async fn prepare(
    database: &Database,
    policy: &Policy,
) -> Result<Vec<&'static str>, Failure> {
    let mut ran = run_migrations(database, fieldseal_keystore::migrations(database.dialect()))
        .await
        .map_err(|error| Failure::database("migrating the key store", &error))?;
    ran.extend(
        fieldseal_store::migrate(database, policy)
            .await
            .map_err(|error| Failure::database("migrating the target", &error))?,
    );
    let keys: Arc<dyn KeyStore> = Arc::new(DbKeyStore::new(database.clone()));
    record(&*keys, policy).await?;
    Ok(ran)
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
    let mut indexes = Vec::new();
    let mut layout = Vec::new();
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
            let item = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
            layout.push(LayoutRecord {
                table: table.id.to_string(),
                item,
                line,
            });
        }
    }
    keys.record_indexes(&indexes).await.map_err(refused)?;
    keys.record_layout(&layout).await.map_err(refused)
}

/// What a layout line is about, unique within its table: everything before what may not change.
fn item(line: &str) -> String {
    match line.split_once(" id ") {
        Some((column, _)) if column.starts_with("column ") => column.to_owned(),
        _ if line.ends_with(" seals null") => line.to_owned(),
        _ => line.split(' ').take(2).collect::<Vec<_>>().join(" "),
    }
}
