//! A database of its own for each test, on every server. Owns making and dropping it; the
//! servers are started by `cargo xtask test`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use fieldseal_db::{Connect, Database, Dialect, Sql, quote};
use tempfile::TempDir;

/// Where a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// A SQLite file.
    Sqlite,
    /// The PostgreSQL at `FIELDSEAL_TEST_POSTGRES_URL`.
    Postgres,
    /// The MariaDB at `FIELDSEAL_TEST_MARIADB_URL`.
    MariaDb,
    /// The MySQL at `FIELDSEAL_TEST_MYSQL_URL`, if there is one: see [`is_there`](Self::is_there).
    MySql,
}

impl Server {
    /// Whether tests can run on it. MySQL alone may be missing, since few systems package it; each
    /// test that leaves it out asks here, and then that is said.
    #[must_use]
    pub fn is_there(self) -> bool {
        let given = || std::env::var_os(MYSQL).is_some_and(|url| !url.is_empty());
        let there = self != Self::MySql || given();
        if !there {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            // Not by a macro: what those print is kept back when the test passes.
            let _unseen = writeln!(
                std::io::stderr(),
                "MySQL left out of {test}: {MYSQL} is not set; `cargo xtask test` sets it where \
                 MySQL can be had"
            );
        }
        there
    }

    /// Which SQL it speaks.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Sqlite => Dialect::Sqlite,
            Self::Postgres => Dialect::Postgres,
            Self::MariaDb | Self::MySql => Dialect::MySql,
        }
    }
}

const MYSQL: &str = "FIELDSEAL_TEST_MYSQL_URL";

/// An empty database and a folder, both gone after [`TestDatabase::end`].
pub struct TestDatabase {
    /// How to connect to it.
    pub url: String,
    /// Connections to it.
    pub database: Database,
    folder: TempDir,
    /// On a server: the administrator's connection, and the database's name.
    server: Option<(Database, String)>,
}

impl TestDatabase {
    /// An empty database on `server`.
    ///
    /// # Panics
    /// If the server's URL is not set or the server does not answer: a test is never skipped.
    pub async fn on(server: Server) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        match server {
            Server::Sqlite => {
                let url = format!("sqlite://{}/test.db", folder.path().display());
                Self {
                    database: connect(&url, true).await,
                    url,
                    folder,
                    server: None,
                }
            }
            Server::Postgres => Self::made("FIELDSEAL_TEST_POSTGRES_URL", folder).await,
            Server::MariaDb => Self::made("FIELDSEAL_TEST_MARIADB_URL", folder).await,
            Server::MySql => Self::made(MYSQL, folder).await,
        }
    }

    async fn made(variable: &str, folder: TempDir) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let admin_url = std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run the tests by `cargo xtask test`, which starts the servers")
        });
        let (place, _) = admin_url
            .rsplit_once('/')
            .unwrap_or_else(|| panic!("{variable} names no database"));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fieldseal_{}_{count}", std::process::id());
        let url = format!("{place}/{name}");
        let admin = connect(&admin_url, false).await;
        let quoted = quote(admin.dialect(), &name);
        for statement in [
            format!("DROP DATABASE IF EXISTS {quoted}"),
            format!("CREATE DATABASE {quoted}"),
        ] {
            let done = admin.execute(Sql::dynamic(statement), &[]).await;
            done.expect("the administrator may make databases");
        }
        Self {
            database: connect(&url, false).await,
            url,
            folder,
            server: Some((admin, name)),
        }
    }

    /// Which SQL it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.database.dialect()
    }

    /// One connection beside the others, for what is set or held open in a session.
    ///
    /// # Panics
    /// If the database does not answer.
    pub async fn one_connection(&self) -> Database {
        let one = Connect {
            connections: 1,
            ..Connect::default()
        };
        let connected = Database::connect(&self.url, one).await;
        connected.expect("the database answers")
    }

    /// A path in the folder that goes away with the database.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Closes every connection and drops the database.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn end(self) {
        self.database.close().await;
        if let Some((admin, name)) = self.server {
            let drop = format!("DROP DATABASE {}", quote(admin.dialect(), &name));
            let mut done = admin.execute(Sql::dynamic(drop.clone()), &[]).await;
            // PostgreSQL waits five seconds for connections that are about to go.
            for _ in 0..11 {
                if done.is_err() {
                    done = admin.execute(Sql::dynamic(drop.clone()), &[]).await;
                }
            }
            done.expect("nobody else is connected to the database any more");
            admin.close().await;
        }
    }
}

async fn connect(url: &str, create: bool) -> Database {
    let settings = Connect {
        create,
        ..Connect::default()
    };
    let connected = Database::connect(url, settings).await;
    connected.expect("the database answers")
}

/// Runs these statements one after the other.
///
/// # Panics
/// If one is refused.
pub async fn run(database: &Database, statements: &[&str]) {
    for statement in statements {
        let sql = Sql::dynamic((*statement).to_owned());
        let done = database.execute_script(sql).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}
