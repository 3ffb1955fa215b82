//! A stream, a key and an empty target, and the policy that names them. Owns their making, and the
//! search of everything that a run has left behind.

use std::path::PathBuf;
use std::sync::Arc;

use fieldseal::reader::Reader;
use fieldseal_db::{Dialect, Sql, run_migrations};
use fieldseal_demo::{Index, Needles, Report, Truth};
use fieldseal_keys::{AwsKmsProvider, KeyProvider, KeyStore, Keyring, KeyringSettings};
use fieldseal_keystore::DbKeyStore;
use fieldseal_policy::Policy;

use super::compare::compare;
use super::{Compared, OTHERS, REGION, Worker, reach};
use crate::course::{number, rows};
use crate::databases::{Server, TestDatabase};
use crate::dump::dump;

/// The tables of the demo's policy.
const QUICKSTART: &str = include_str!("../../../pipeline-config/quickstart.toml");

/// The shop's tables as the source has them.
const SHOP: &str = include_str!("../../../crates/cli/src/commands/demo/shop.sql");

/// What the keys are wrapped for.
const DEPLOYMENT: &str = "aws-tests";

/// Where the services are and what is used of them.
pub struct Peers {
    /// Kinesis.
    pub kinesis: String,
    /// The stream's name.
    pub stream: String,
    /// KMS.
    pub kms: String,
    /// The key: an ARN, an id or an alias.
    pub key: String,
    /// A key of another region, if there is one.
    pub second: Option<Second>,
}

/// A key under which every data key is wrapped once more.
pub struct Second {
    /// Its ARN.
    pub key: String,
    /// KMS in its region.
    pub kms: String,
}

/// Further lines of a policy.
#[derive(Clone, Copy, Default)]
pub struct Lines<'a> {
    /// Of `[source]`.
    pub source: &'a str,
    /// Of `[keys]`.
    pub keys: &'a str,
}

/// A target that waits for a worker.
pub struct Stage {
    /// The target and its folder, which also holds policy and logs.
    pub database: TestDatabase,
    /// The binary.
    pub worker: Worker,
    peers: Peers,
    policy: Arc<Policy>,
}

impl Stage {
    /// A policy over these services and a database of its own on `server`.
    ///
    /// # Panics
    /// If any part of it cannot be had.
    pub async fn set(server: Server, peers: Peers, lines: Lines<'_>) -> Self {
        let database = TestDatabase::on(server).await;
        let text = policy_text(&peers, lines);
        let policy = Policy::parse(&text);
        let policy = policy.unwrap_or_else(|mistakes| panic!("{}", mistakes.in_file("policy")));
        for (name, text) in [("pipeline.toml", text.as_str()), ("shop.sql", SHOP)] {
            std::fs::write(database.path(name), text).expect("a file can be written");
        }
        let migrations = fieldseal_keystore::migrations(database.dialect());
        let ran = run_migrations(&database.database, migrations).await;
        ran.expect("the key store's tables can be made");
        let ran = fieldseal_store::migrate(&database.database, &policy).await;
        ran.expect("the store's tables can be made");
        let script = tables(&policy, database.path("shop.sql"), database.dialect()).await;
        let made = database.database.execute_script(Sql::dynamic(script)).await;
        made.expect("the target's tables can be made");
        let folder = database.path("");
        Self {
            worker: Worker::new(&folder, &database.url),
            database,
            peers,
            policy: Arc::new(policy),
        }
    }

    /// How many records are committed, whatever became of each.
    pub async fn committed(&self) -> u64 {
        let sql = "SELECT loads + inserts + updates + deletes + skipped + quarantined + controls \
                   + ignored FROM fieldseal_counters";
        let counters = rows(&self.database.database, sql).await;
        counters.iter().map(|row| number(row, 0)).sum()
    }

    /// How many records are held.
    ///
    /// # Panics
    /// If the target cannot be asked.
    pub async fn quarantined(&self) -> u64 {
        let store = fieldseal_store::Store::new(self.database.database.clone(), &self.policy);
        let held = store.held_counts().await.expect("the target can be asked");
        held.iter().map(|held| held.count).sum()
    }

    /// Opens every row as an application would, with KMS clients of its own.
    ///
    /// # Panics
    /// If the keys cannot be used or the target not be read.
    pub async fn compare(&self, truth: &Truth) -> Compared {
        let second = self.peers.second.as_ref();
        let second = second.map(|second| (&second.kms, &second.key));
        let mut providers: Vec<Arc<dyn KeyProvider>> = Vec::new();
        for (endpoint, key) in std::iter::once((&self.peers.kms, &self.peers.key)).chain(second) {
            let config = reach(endpoint, OTHERS).await;
            let provider = AwsKmsProvider::connect(&config, key).await;
            providers.push(Arc::new(provider.expect("the key can be used")));
        }
        let keys: Arc<dyn KeyStore> = Arc::new(DbKeyStore::new(self.database.database.clone()));
        let settings = KeyringSettings::default();
        let keyring = Keyring::new(DEPLOYMENT, providers, keys, settings).await;
        let keyring = Arc::new(keyring.expect("the key store can be claimed"));
        let database = self.database.database.clone();
        compare(
            &Reader::new(database, keyring, Arc::clone(&self.policy)),
            truth,
        )
        .await
    }

    /// Searches every table, log and file for what was planted in the records.
    ///
    /// # Panics
    /// If something cannot be read.
    pub async fn search(&self, needles: &Needles) -> Report {
        let folder = self.database.path("dump");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        for (table, cells) in dump(&self.database.database).await {
            std::fs::write(folder.join(table), cells).expect("a table can be written");
        }
        let report = Index::new(needles).search(&self.database.path(""), None);
        report.expect("everything can be read")
    }

    /// Drops the database.
    pub async fn end(self) {
        self.database.end().await;
    }
}

fn policy_text(peers: &Peers, lines: Lines<'_>) -> String {
    let Peers {
        kinesis,
        stream,
        kms,
        key,
        second,
    } = peers;
    let second = second.as_ref().map(|Second { key, kms }| {
        format!("second_keys = [{{ key = \"{key}\", endpoint = \"{kms}\" }}]")
    });
    let (_, tables) = QUICKSTART
        .split_once("[tables.")
        .expect("the demo's policy has tables");
    let Lines { source, keys } = lines;
    format!(
        "[source]\nid = \"shop\"\nengine = \"mysql\"\n{source}\n\
         [source.kinesis]\nstream = \"{stream}\"\nregion = \"{REGION}\"\nendpoint = \"{kinesis}\"\n\
         [target]\nurl_env = \"FIELDSEAL_TEST_TARGET\"\ninsecure = true\n\
         [keys]\ndeployment = \"{DEPLOYMENT}\"\n{keys}\n\
         [keys.aws_kms]\nkey = \"{key}\"\nregion = \"{REGION}\"\nendpoint = \"{kms}\"\n{}\n\
         [tables.{tables}",
        second.unwrap_or_default()
    )
}

async fn tables(policy: &Policy, shop: PathBuf, dialect: Dialect) -> String {
    let from = shop.display().to_string();
    let columns = fieldseal_store::read_source_columns(policy, &from).await;
    let columns = columns.expect("the shop's tables can be read");
    fieldseal_store::create_tables(policy, dialect, Some(&columns))
        .expect("the policy can be spelled in every dialect")
}
