//! What histories run on: one database with store, keys and preparers, used again and again.
//! Owns emptying it between two histories, and opening what is stored.

use std::sync::Arc;

use fieldseal_db::{Bind, Database, Dialect, Row, run_migrations};
use fieldseal_envelope::{ColumnRef, Expected, Purpose, sealed_key_id};
use fieldseal_keys::{Keyring, KeyringSettings, LocalProvider};
use fieldseal_keystore::{DbKeyStore, migrations};
use fieldseal_model::{Kind, RowKey, Value};
use fieldseal_pipeline::{Preparer, TableLayout, Target};
use fieldseal_policy::{Policy, Treatment};
use fieldseal_store::{Store, migrate};

use super::origin::{Content, Rows};
use super::task::{NAMES, SCHEMA};
use super::worker::{Faults, Worker};
use crate::databases::{Server, TestDatabase};

/// Emptied between two histories; the tables' own rows stay, since the store knows their numbers.
const EMPTIED: [&str; 10] = [
    "DELETE FROM fieldseal_epochs",
    "DELETE FROM fieldseal_generations",
    "DELETE FROM fieldseal_marks",
    "DELETE FROM fieldseal_shards",
    "DELETE FROM fieldseal_counters",
    "DELETE FROM fieldseal_tombstones",
    "DELETE FROM fieldseal_quarantine",
    "DELETE FROM fieldseal_debts",
    "DELETE FROM orders",
    "DELETE FROM clients",
];

pub(super) struct Rig {
    test: TestDatabase,
    pub(super) database: Database,
    pub(super) store: Arc<Store>,
    pub(super) worker: Arc<Worker>,
    /// Knows nothing of the column `extra`.
    pub(super) strict: Arc<Preparer>,
    /// After the policy was corrected.
    pub(super) lenient: Arc<Preparer>,
    pub(super) keyring: Arc<Keyring>,
    policy: Policy,
    unregistered: Policy,
}

impl Rig {
    pub(super) async fn new(server: Server) -> Self {
        let test = TestDatabase::on(server).await;
        let database = connection(&test, server).await;
        for table in NAMES {
            let made =
                database.execute_script(fieldseal_db::Sql::dynamic(ddl(database.dialect(), table)));
            made.await.expect("an empty database takes tables");
        }
        let policy = policy("registered", "");
        let ran = run_migrations(&database, migrations(database.dialect())).await;
        ran.expect("the key store's tables can be made");
        migrate(&database, &policy)
            .await
            .expect("the store's tables can be made");
        let provider = LocalProvider::create(&test.path("root.key")).expect("a new root key file");
        let keys = Arc::new(DbKeyStore::new(database.clone()));
        let settings = KeyringSettings {
            first_block: 1 << 18,
            ..KeyringSettings::default()
        };
        let keyring = Keyring::new("test", vec![Arc::new(provider)], keys, settings).await;
        let keyring = Arc::new(keyring.expect("a keyring over an empty store"));
        let store = Arc::new(Store::new(database.clone(), &policy));
        let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
        let columns = store
            .describe(&layouts)
            .await
            .expect("the tables fit the policy");
        let with_extra = self::policy("registered", "extra = \"drop\"");
        let strict = Preparer::new(&policy, columns.clone(), Arc::clone(&keyring)).await;
        let lenient = Preparer::new(&with_extra, columns, Arc::clone(&keyring)).await;
        Self {
            worker: Worker::new(&store, Faults::default()),
            strict: Arc::new(strict.expect("the policy fits")),
            lenient: Arc::new(lenient.expect("the corrected policy fits")),
            unregistered: self::policy("unregistered", ""),
            test,
            database,
            store,
            keyring,
            policy,
        }
    }

    /// An empty target under the policy, with or without first loads that nobody registers.
    pub(super) async fn reset(&self, unregistered: bool) {
        let mut tx = self.database.begin().await.expect("a transaction");
        for statement in EMPTIED {
            tx.execute(statement, &[])
                .await
                .expect("tables can be emptied");
        }
        let fresh = "UPDATE fieldseal_tables SET floor = ?, revision = 1, taint = NULL";
        tx.execute(fresh, &[Bind::from(&[0_u8; 16])])
            .await
            .expect("floors can be reset");
        tx.commit().await.expect("the commit is answered");
        let policy = if unregistered {
            &self.unregistered
        } else {
            &self.policy
        };
        migrate(&self.database, policy)
            .await
            .expect("migrating again is fine");
    }

    /// Asks the target's database.
    pub(super) async fn ask(&self, sql: &'static str) -> Result<Vec<Row>, String> {
        let answer = self.database.query(sql, &[]).await;
        answer.map_err(|error| error.to_string())
    }

    /// A table's rows, opened.
    pub(super) async fn rows(&self, table: usize) -> Result<Rows, String> {
        let sql = match table {
            0 => "SELECT id, secret, note FROM orders",
            _ => "SELECT id, secret, note FROM clients",
        };
        let stored = self.ask(sql).await?;
        let mut rows = Rows::new();
        for row in stored {
            let odd = |error: fieldseal_db::DbError| error.to_string();
            let id = row.int(0).map_err(odd)?;
            let secret = match row.opt_bytes(1).map_err(odd)? {
                Some(sealed) => Some(self.open(table, id, &sealed).await?),
                None => None,
            };
            let note = row.int(2).map_err(odd)?;
            let key = u32::try_from(id).map_err(|_| "an odd key".to_owned())?;
            rows.insert(key, Content { secret, note });
        }
        Ok(rows)
    }

    async fn open(&self, table: usize, id: i64, sealed: &[u8]) -> Result<String, String> {
        let wanted = table_id(table);
        let table = self
            .policy
            .tables()
            .iter()
            .find(|table| table.id.as_str() == wanted);
        let table = table.expect("the policy has the table");
        let column = table.column("secret").expect("the policy has the column");
        let Treatment::Seal(seal) = &column.treatment else {
            panic!("the column is sealed")
        };
        let key = sealed_key_id(sealed).map_err(|error| error.to_string())?;
        let opener = self.keyring.opener(key, &seal.domain, Purpose::Seal).await;
        let opener = opener.map_err(|error| error.to_string())?;
        let key = Value::integer(&id.to_string()).expect("an integer has digits");
        let key = RowKey::new([&key]).expect("an integer may be a key");
        let column = ColumnRef::new(table.id.clone(), column.id.clone());
        let value = opener.open_column(&column, &key, Expected::of(Kind::Text), sealed);
        let value = value.map_err(|error| format!("{wanted} {id}: {error}"))?;
        Ok(value.expose_text().expect("text is text").to_owned())
    }

    pub(super) async fn end(self) {
        self.database.close().await;
        self.test.end().await;
    }
}

/// SQLite: one connection that never waits for the disk. Nothing here survives a power cut, and
/// nothing has to.
async fn connection(test: &TestDatabase, server: Server) -> Database {
    if server != Server::Sqlite {
        return test.database.clone();
    }
    let database = test.one_connection().await;
    let relaxed = database.execute("PRAGMA synchronous = OFF", &[]).await;
    relaxed.expect("the setting is taken");
    database
}

/// The logical id of a table: in another order than the names.
pub(super) fn table_id(table: usize) -> &'static str {
    ["shop.a_b", "shop.aa"][table]
}

fn policy(first_load: &str, extra: &str) -> Policy {
    let mut text = String::from(
        "[source]\nid = \"shop\"\nengine = \"mysql\"\nfiles.dir = \"source\"\n\
         [target]\nurl = \"sqlite://target.db\"\n\
         [keys]\ndeployment = \"test\"\nlocal.root_file = \"root.key\"\n",
    );
    for (table, name) in NAMES.iter().enumerate() {
        let id = table_id(table);
        text.push_str(&format!(
            "[tables.\"{SCHEMA}.{name}\"]\nid = \"{id}\"\nkey = {{ id = \"integer\" }}\n\
             first_load = \"{first_load}\"\n\
             [tables.\"{SCHEMA}.{name}\".columns]\n\
             secret = {{ seal = \"contact\", kind = \"text\" }}\nnote = \"keep\"\n{extra}\n"
        ));
    }
    Policy::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn ddl(dialect: Dialect, table: &str) -> String {
    let (integer, bytes, version) = match dialect {
        Dialect::Sqlite => (
            "INTEGER",
            "BLOB",
            "BLOB NOT NULL DEFAULT X'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'",
        ),
        Dialect::Postgres => (
            "bigint",
            "bytea",
            "bytea NOT NULL DEFAULT '\\xffffffffffffffffffffffffffffffff'",
        ),
        Dialect::MySql => (
            "BIGINT",
            "VARBINARY(400)",
            "BINARY(16) NOT NULL DEFAULT (UNHEX('FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'))",
        ),
    };
    format!(
        "CREATE TABLE {table} (id {integer} NOT NULL, secret {bytes}, note {integer} NOT NULL, \
         _fieldseal_version {version}, PRIMARY KEY (id))"
    )
}
