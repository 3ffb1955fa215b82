//! One of the processes of the test `key_budget`: seals values with the fleet's keys and stores
//! every one of them.
//!
//! Arguments: database URL, root key file, worker number, seals to make, seals a key allows.
//! It says `ready` and begins when its standard input ends, so that all workers begin together.

use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use fieldseal_db::{Bind, Connect, Database};
use fieldseal_envelope::{ColumnId, ColumnRef, Grant, Purpose, TableId};
use fieldseal_keys::{Keyring, KeyringSettings, LocalProvider};
use fieldseal_keystore::DbKeyStore;
use fieldseal_model::{RowKey, Value};

/// Tasks within the process that draw from the same blocks.
const TASKS: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, root, worker, seals, max_uses] = arguments.as_slice() else {
        return Err("five arguments: url, root key file, worker, seals, seals a key allows".into());
    };
    let worker = Worker {
        number: worker.parse()?,
        seals: seals.parse()?,
    };
    let settings = KeyringSettings {
        max_uses: max_uses.parse()?,
        first_block: 4,
        max_block: 64,
        ..KeyringSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(worker.run(url, Path::new(root), settings))
}

struct Worker {
    number: u32,
    seals: u32,
}

impl Worker {
    async fn run(
        self,
        url: &str,
        root: &Path,
        settings: KeyringSettings,
    ) -> Result<(), Box<dyn Error>> {
        let connect = Connect {
            connections: 4,
            ..Connect::default()
        };
        let database = Database::connect(url, connect).await?;
        let provider = Arc::new(LocalProvider::open(root)?);
        let store = Arc::new(DbKeyStore::new(database.clone()));
        let keyring = Keyring::new("shop-eu", vec![provider], store, settings).await?;
        std::io::stdout().write_all(b"ready\n")?;
        std::io::stdin().read_to_end(&mut Vec::new())?;

        let mut tasks = Vec::new();
        for task in 0..TASKS {
            let (keyring, database) = (keyring.clone(), database.clone());
            let seals = self.seals / TASKS;
            let first = self.number * self.seals + task * seals;
            tasks.push(tokio::spawn(async move {
                seal(&keyring, &database, first, seals)
                    .await
                    .map_err(|error| error.to_string())
            }));
        }
        for task in tasks {
            task.await??;
        }
        database.close().await;
        Ok(())
    }
}

/// Seals the numbers from `first` on, in batches of many sizes.
async fn seal(
    keyring: &Keyring,
    database: &Database,
    first: u32,
    seals: u32,
) -> Result<(), Box<dyn Error>> {
    let domain = "contact".parse()?;
    let column = ColumnRef::new(TableId::new("shop.customers")?, ColumnId::new("email")?);
    let mut number = first;
    let end = first + seals;
    while number < end {
        let batch = (1 + number % 97).min(end - number);
        let grants = keyring.grant(&domain, Purpose::Seal, batch).await?;
        let mut transaction = database.begin().await?;
        for grant in &grants {
            while grant.left() > 0 {
                let sealed = seal_one(grant, &column, number)?;
                let insert = "INSERT INTO sealed_values (number, sealed) VALUES (?, ?)";
                let binds = [Bind::from(number), Bind::from(sealed.as_slice())];
                transaction.execute(insert, &binds).await?;
                number += 1;
            }
        }
        transaction.commit().await?;
    }
    Ok(())
}

fn seal_one(grant: &Grant, column: &ColumnRef, number: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    let row = RowKey::new([&Value::integer(&number.to_string())?])?;
    let mut sealed = Vec::new();
    let value = Value::text("ada@example.org");
    grant.seal_column(column, &row, &value, None, &mut sealed)?;
    Ok(sealed)
}
