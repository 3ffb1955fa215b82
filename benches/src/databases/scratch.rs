//! A database of its own on a server, made and removed for each round; the server's process and
//! version.

use std::sync::atomic::{AtomicU32, Ordering};

use fieldseal_db::{Bind, Connect, Database, Dialect, Sql, run_migrations};

use crate::report::Failure;
use crate::workload::{TABLE, policy};

/// A server with an administrator's connection.
pub(crate) struct Server {
    url: String,
    admin: Database,
    pub(crate) pid: u32,
    pub(crate) version: String,
}

impl Server {
    pub(crate) async fn postgres(url: &str) -> Result<Self, Failure> {
        let admin = connect(url).await?;
        let version = text(&admin, "SELECT version()").await?;
        let folder = text(&admin, "SELECT current_setting('data_directory')").await?;
        Self::with(url, admin, version, &format!("{folder}/postmaster.pid"))
    }

    pub(crate) async fn mariadb(url: &str) -> Result<Self, Failure> {
        let admin = connect(url).await?;
        let version = text(&admin, "SELECT VERSION()").await?;
        let pid_file = text(&admin, "SELECT @@pid_file").await?;
        Self::with(url, admin, version, &pid_file)
    }

    fn with(url: &str, admin: Database, version: String, pid_file: &str) -> Result<Self, Failure> {
        let pid = std::fs::read_to_string(pid_file)
            .map_err(|error| Failure::of("reading the server's process id", &error))?
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok())
            .ok_or_else(|| Failure("the server's process id cannot be read".to_owned()))?;
        Ok(Self {
            url: url.to_owned(),
            admin,
            pid,
            version,
        })
    }

    /// Whether a multi-row INSERT is a ceiling of its own.
    pub(crate) fn has_insert(&self) -> bool {
        self.admin.dialect() == Dialect::MySql
    }
}

/// An empty, migrated database with the bench's table.
pub(crate) struct Scratch {
    name: String,
    url: String,
    admin: Database,
    pub(crate) database: Database,
}

const POSTGRES_TABLE: &str = r"
CREATE TABLE customers (
    id bigint NOT NULL PRIMARY KEY,
    full_name bytea, birth_date bytea, email bytea, phone bytea, address bytea, notes bytea,
    status text, country text, visits bigint, credit bigint, created_at timestamp(6),
    _fieldseal_version bytea NOT NULL DEFAULT '\xffffffffffffffffffffffffffffffff'
)";

const MARIADB_TABLE: &str = "
CREATE TABLE customers (
    id bigint NOT NULL PRIMARY KEY,
    full_name varbinary(300), birth_date varbinary(100), email varbinary(300),
    phone varbinary(300), address varbinary(600), notes varbinary(600),
    status varchar(20), country char(2), visits bigint, credit bigint, created_at datetime(6),
    _fieldseal_version binary(16) NOT NULL DEFAULT (UNHEX('ffffffffffffffffffffffffffffffff'))
) CHARACTER SET utf8mb4";

impl Scratch {
    pub(crate) async fn create(server: &Server) -> Result<Self, Failure> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("fieldseal_bench_{}_{number}", std::process::id());
        script(&server.admin, format!("CREATE DATABASE {name}")).await?;
        let (before, _) = server
            .url
            .rsplit_once('/')
            .ok_or_else(|| Failure("the server's URL names no database".to_owned()))?;
        let url = format!("{before}/{name}");
        let database = connect(&url).await?;
        let failed = |error| Failure::of("migrating", &error);
        run_migrations(
            &database,
            fieldseal_keystore::migrations(database.dialect()),
        )
        .await
        .map_err(failed)?;
        fieldseal_store::migrate(&database, &policy()?)
            .await
            .map_err(failed)?;
        let table = match database.dialect() {
            Dialect::MySql => MARIADB_TABLE,
            _ => POSTGRES_TABLE,
        };
        script(&database, table.to_owned()).await?;
        Ok(Self {
            name,
            url,
            admin: server.admin.clone(),
            database,
        })
    }

    /// Where it can be reached, for whoever is to have a connection of another kind.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn expect_rows(&self, rows: usize) -> Result<(), Failure> {
        let count = self
            .database
            .query(
                Sql::dynamic(format!("SELECT COUNT(*) FROM {TABLE}")),
                &[] as &[Bind<'_>],
            )
            .await
            .and_then(|rows| rows.first().map_or(Ok(0), |row| row.int(0)))
            .map_err(|error| Failure::of("counting", &error))?;
        if count == i64::try_from(rows).unwrap_or(-1) {
            Ok(())
        } else {
            Err(Failure(format!(
                "{count} rows instead of {rows} are in the table"
            )))
        }
    }

    pub(crate) async fn remove(self) -> Result<(), Failure> {
        self.database.close().await;
        script(&self.admin, format!("DROP DATABASE {}", self.name)).await
    }
}

async fn connect(url: &str) -> Result<Database, Failure> {
    Database::connect(url, Connect::default())
        .await
        .map_err(|error| Failure::of("connecting to the server", &error))
}

async fn script(database: &Database, sql: String) -> Result<(), Failure> {
    database
        .execute_script(Sql::dynamic(sql))
        .await
        .map_err(|error| Failure::of("preparing a database", &error))
}

async fn text(database: &Database, sql: &'static str) -> Result<String, Failure> {
    let rows = database.query(sql, &[]).await;
    rows.and_then(|rows| rows.first().map_or(Ok(String::new()), |row| row.text(0)))
        .map_err(|error| Failure::of("asking the server", &error))
}
