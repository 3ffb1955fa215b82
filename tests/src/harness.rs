//! A whole pipeline over a database of its own: policy text, tables, keys, records in memory, a
//! run, and everything read back through the crate that applications link. Owns the putting
//! together; what goes wrong on purpose is in `faults`, what records look like in `records`.

pub mod around;
pub mod binary;
pub mod faults;
pub mod records;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use fieldseal::reader::{OpenedCell, OpenedRow, Reader};
use fieldseal_db::{Bind, Database, Row, Sql, quote, run_migrations};
use fieldseal_keys::{KeyProvider, KeyStore, Keyring, KeyringSettings, LocalProvider};
use fieldseal_keystore::DbKeyStore;
use fieldseal_pipeline::{
    BatchLimits, Preparer, Progress, RecordSource, RunOptions, RunSummary, TableLayout, Target,
};
use fieldseal_policy::{Policy, Table};
use fieldseal_store::{HeldEntry, Status, Store, TableStatus};
use tokio::sync::watch;

use crate::databases::{Server, TestDatabase};
pub use source::MemorySource;

/// The deployment of every test.
pub const DEPLOYMENT: &str = "tests";

/// A policy with these tables; records of an unlisted table stop their shard.
///
/// # Panics
/// If the text has a mistake.
#[must_use]
pub fn policy(tables: &str) -> Policy {
    policy_with("unlisted_tables = \"stop\"", tables)
}

/// A policy with these tables and these further lines of `[source]`.
///
/// # Panics
/// If the text has a mistake.
#[must_use]
pub fn policy_with(source: &str, tables: &str) -> Policy {
    let text = format!(
        "[source]\nid = \"shop\"\nengine = \"mysql\"\nfiles.dir = \"source\"\n{source}\n\
         [target]\nurl = \"sqlite://target.db\"\n\
         [keys]\ndeployment = \"{DEPLOYMENT}\"\nlocal.root_file = \"root.key\"\n{tables}"
    );
    Policy::parse(&text).unwrap_or_else(|mistakes| panic!("{}", mistakes.in_file("policy")))
}

/// One row as it was opened: column to text; NULL columns are left out, what does not open is
/// `!` and why. Bytes are in hexadecimal.
pub type Opened = BTreeMap<String, String>;

/// A migrated database with keys and everything that runs over them.
pub struct Rig {
    /// The database and its folder.
    pub database: TestDatabase,
    /// What happens to every column.
    pub policy: Arc<Policy>,
    /// Who wraps keys.
    pub provider: Arc<dyn KeyProvider>,
    /// Where wrapped keys lie.
    pub keys: Arc<dyn KeyStore>,
    /// Keys in use.
    pub keyring: Arc<Keyring>,
    /// The new database as a target.
    pub store: Arc<Store>,
    /// What makes sealed batches.
    pub preparer: Arc<Preparer>,
}

impl Rig {
    /// A rig whose tables are those that `fieldseal schema` prints.
    ///
    /// # Panics
    /// If any part of it cannot be had.
    pub async fn new(server: Server, policy: Policy) -> Self {
        let tables = fieldseal_store::create_tables(&policy, server.dialect(), None);
        let tables = tables.expect("the policy can be spelled in every dialect");
        Self::with(server, policy, &tables, |provider| provider).await
    }

    /// A rig over tables made by this script, with a key provider put around the local one.
    ///
    /// # Panics
    /// If any part of it cannot be had.
    pub async fn with(
        server: Server,
        policy: Policy,
        tables: &str,
        around: impl FnOnce(Arc<dyn KeyProvider>) -> Arc<dyn KeyProvider>,
    ) -> Self {
        let database = TestDatabase::on(server).await;
        let local = LocalProvider::create(&database.path("root.key"));
        let provider = around(Arc::new(local.expect("a root key file can be made")));
        migrate(&database.database, &policy).await;
        let script = Sql::dynamic(tables.to_owned());
        let made = database.database.execute_script(script).await;
        made.expect("the target's tables can be made");
        Self::over(database, policy, provider).await
    }

    async fn over(database: TestDatabase, policy: Policy, provider: Arc<dyn KeyProvider>) -> Self {
        let policy = Arc::new(policy);
        let keys: Arc<dyn KeyStore> = Arc::new(DbKeyStore::new(database.database.clone()));
        let keyring = keyring(Arc::clone(&keys), Arc::clone(&provider)).await;
        let store = described(&database.database, &policy).await;
        let layouts = layouts(&policy);
        let columns = store.describe(&layouts).await;
        let columns = columns.expect("the target's tables fit the policy");
        let preparer = Preparer::new(&policy, columns, Arc::clone(&keyring)).await;
        let preparer = Arc::new(preparer.expect("the policy fits the target's columns"));
        Self {
            database,
            policy,
            provider,
            keys,
            keyring,
            store,
            preparer,
        }
    }

    /// Forgets every key and everything learnt of the target, as a new process would.
    ///
    /// # Panics
    /// If any part of it cannot be had.
    pub async fn restart(&mut self) {
        self.keyring = keyring(Arc::clone(&self.keys), Arc::clone(&self.provider)).await;
        self.store = described(&self.database.database, &self.policy).await;
        let columns = self.store.describe(&layouts(&self.policy)).await;
        let columns = columns.expect("the target's tables fit the policy");
        let preparer = Preparer::new(&self.policy, columns, Arc::clone(&self.keyring)).await;
        self.preparer = Arc::new(preparer.expect("the policy fits the target's columns"));
    }

    /// Reads `source` into the store until it is idle; no shard may stop.
    ///
    /// # Panics
    /// If a shard stops.
    pub async fn run(&self, source: MemorySource) -> Arc<Progress> {
        let (summary, progress) = self.run_into(source, Arc::clone(&self.store)).await;
        assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
        progress
    }

    /// Reads `source` into `target` until it is idle or every shard has stopped.
    ///
    /// # Panics
    /// If the source cannot be listed.
    pub async fn run_into<S: RecordSource, T: Target>(
        &self,
        source: S,
        target: Arc<T>,
    ) -> (RunSummary, Arc<Progress>) {
        let (_open, shutdown) = watch::channel(false);
        self.run_until(source, target, shutdown).await
    }

    /// As [`run_into`](Self::run_into), also until told to shut down.
    ///
    /// # Panics
    /// If the source cannot be listed.
    pub async fn run_until<S: RecordSource, T: Target>(
        &self,
        source: S,
        target: Arc<T>,
        shutdown: watch::Receiver<bool>,
    ) -> (RunSummary, Arc<Progress>) {
        let progress = Progress::new();
        let limits = BatchLimits {
            records: self.policy.source().max_batch_rows as usize,
            bytes: 4 << 20,
        };
        let summary = fieldseal_pipeline::run(
            Arc::new(source),
            target,
            Arc::clone(&self.preparer),
            Arc::clone(&progress),
            RunOptions {
                until_idle: true,
                limits,
            },
            shutdown,
        );
        let summary = summary.await.expect("the source can be listed");
        (summary, progress)
    }

    /// A reader of the sealed rows.
    #[must_use]
    pub fn vault(&self) -> Reader {
        let database = self.database.database.clone();
        Reader::new(
            database,
            Arc::clone(&self.keyring),
            Arc::clone(&self.policy),
        )
    }

    /// The policy's table.
    ///
    /// # Panics
    /// If there is none of this id.
    #[must_use]
    pub fn table(&self, id: &str) -> &Table {
        self.policy.table_by_id(id).expect("a table of the policy")
    }

    /// Every row of a table, opened, by its key's text (parts joined by `/`).
    ///
    /// # Panics
    /// If the table cannot be read.
    pub async fn open_all(&self, table: &str) -> BTreeMap<String, Opened> {
        let (vault, table) = (self.vault(), self.table(table));
        let rows = vault.page(table, None, 1_000_000).await;
        rows.expect("the table can be read")
            .iter()
            .map(opened)
            .collect()
    }

    /// How the target stands.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub async fn status(&self) -> Status {
        self.store.status().await.expect("the target can be asked")
    }

    /// How one table stands.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub async fn table_status(&self, table: &str) -> TableStatus {
        let tables = self.status().await.tables;
        tables
            .into_iter()
            .find(|found| found.table == table)
            .expect("a table of the policy")
    }

    /// Everything that is held.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub async fn held(&self) -> Vec<HeldEntry> {
        self.store
            .held(0, 1_000_000)
            .await
            .expect("the quarantine can be read")
    }

    /// What is held: place, reason and column, in the order it came.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub async fn held_reasons(&self) -> Vec<String> {
        let held = self.held().await;
        held.iter()
            .map(|entry| {
                let column = entry.column.as_ref().map(|column| format!(" {column}"));
                format!(
                    "{} {}{}",
                    entry.record.sequence,
                    entry.reason,
                    column.unwrap_or_default()
                )
            })
            .collect()
    }

    /// Runs one statement of the test's own.
    ///
    /// # Panics
    /// If the database refuses it.
    pub async fn sql(&self, statement: &str, binds: &[Bind<'_>]) -> u64 {
        let done = self
            .database
            .database
            .execute(Sql::dynamic(statement.to_owned()), binds)
            .await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Asks one question of the test's own.
    ///
    /// # Panics
    /// If the database refuses it.
    pub async fn query(&self, statement: &str, binds: &[Bind<'_>]) -> Vec<Row> {
        let rows = self
            .database
            .database
            .query(Sql::dynamic(statement.to_owned()), binds)
            .await;
        rows.unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// An identifier in the database's quotes.
    #[must_use]
    pub fn quote(&self, identifier: &str) -> String {
        quote(self.database.dialect(), identifier)
    }

    /// Ends the rig and drops its database.
    pub async fn end(self) {
        self.database.end().await;
    }
}

/// What a table's counter of this name stands at.
///
/// # Panics
/// If there is no such counter.
#[must_use]
pub fn counter(status: &TableStatus, name: &str) -> u64 {
    let found = status.counters.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no counter {name}")).1
}

async fn migrate(database: &Database, policy: &Policy) {
    let migrations = fieldseal_keystore::migrations(database.dialect());
    let ran = run_migrations(database, migrations).await;
    ran.expect("the key store's tables can be made");
    let ran = fieldseal_store::migrate(database, policy).await;
    ran.expect("the store's tables can be made");
}

/// A keyring with small blocks, as a test needs few seals.
async fn keyring(keys: Arc<dyn KeyStore>, provider: Arc<dyn KeyProvider>) -> Arc<Keyring> {
    let settings = KeyringSettings {
        first_block: 256,
        ..KeyringSettings::default()
    };
    let keyring = Keyring::new(DEPLOYMENT, vec![provider], keys, settings).await;
    Arc::new(keyring.expect("the key store can be claimed"))
}

fn layouts(policy: &Policy) -> Vec<TableLayout> {
    policy.tables().iter().map(TableLayout::of).collect()
}

async fn described(database: &Database, policy: &Policy) -> Arc<Store> {
    let store = Store::new(database.clone(), policy);
    let described = store.describe(&layouts(policy)).await;
    described.unwrap_or_else(|error| panic!("the target's tables fit the policy: {error}"));
    Arc::new(store)
}

fn opened(row: &OpenedRow) -> (String, Opened) {
    let mut cells = Opened::new();
    for (name, cell) in &row.cells {
        let text = match cell {
            OpenedCell::Null => continue,
            OpenedCell::Kept(text) => String::from_utf8_lossy(text.expose()).into_owned(),
            OpenedCell::Opened(value) => value
                .expose_text()
                .map_or_else(|| hex(value.expose()), str::to_owned),
            OpenedCell::Failed(failure) => format!("!{failure}"),
        };
        cells.insert(name.clone(), text);
    }
    let keys = row.cells[..row.keys]
        .iter()
        .map(|(name, _)| cells[name].as_str());
    (keys.collect::<Vec<_>>().join("/"), cells)
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
