//! The demo's shop: what `fieldseal demo` leaves, and the same records sealed into a server's
//! database by the same binary, as a user would. Owns finding that binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection};
use tempfile::TempDir;

/// The folder that `fieldseal demo` leaves.
pub(crate) struct Demo {
    folder: TempDir,
}

/// A server that `cargo xtask test` starts.
#[derive(Clone, Copy)]
pub(crate) enum Server {
    Postgres,
    MariaDb,
}

impl Demo {
    pub(crate) fn run() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = Self { folder };
        let rows = ["demo", "--rows", "40", "--json", "--dir", "demo"];
        demo.fieldseal(demo.folder.path(), &rows, "");
        demo
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder
            .path()
            .join("demo")
            .join(name)
            .display()
            .to_string()
    }

    /// The demo's records, sealed into a new database of the server.
    pub(crate) async fn sealed_into(&self, server: Server) -> String {
        let url = server.create_database().await;
        let policy = std::fs::read_to_string(self.path("quickstart.toml")).unwrap();
        let there = policy.replace("url = \"sqlite://target.db\"", "url_env = \"TARGET_URL\"");
        assert_ne!(policy, there);
        std::fs::write(self.path("server.toml"), there).unwrap();
        let folder = self.folder.path().join("demo");
        let with = |command: &[&str]| {
            let args = [command, &["--config", "server.toml"]].concat();
            self.fieldseal(&folder, &args, &url)
        };
        with(&["migrate"]);
        let tables = with(&["schema", "--from", "shop.sql"]).stdout;
        server.run(&url, String::from_utf8(tables).unwrap()).await;
        with(&["run", "--until-idle"]);
        url
    }

    fn fieldseal(&self, folder: &Path, args: &[&str], target: &str) -> Output {
        let mut command = Command::new(binary());
        let command = command
            .current_dir(folder)
            .args(args)
            .env("TARGET_URL", target);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "fieldseal {}: {said}",
            args.join(" ")
        );
        output
    }
}

impl Server {
    /// The administrator's URL. Without a server the test fails: it is never skipped.
    fn admin(self) -> String {
        let name = match self {
            Self::Postgres => "FIELDSEAL_TEST_POSTGRES_URL",
            Self::MariaDb => "FIELDSEAL_TEST_MARIADB_URL",
        };
        std::env::var(name).unwrap_or_else(|_| {
            panic!(
                "{name} is not set: run the tests by `cargo xtask test`, which starts the servers"
            )
        })
    }

    async fn create_database(self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("shop_api_{}_{count}", std::process::id());
        let admin = self.admin();
        self.run(&admin, format!("CREATE DATABASE {name}")).await;
        let (server, _) = admin.rsplit_once('/').unwrap();
        format!("{server}/{name}")
    }

    pub(crate) async fn drop_database(self, url: &str) {
        let (_, name) = url.rsplit_once('/').unwrap();
        let force = if matches!(self, Self::Postgres) {
            " WITH (FORCE)"
        } else {
            ""
        };
        self.run(&self.admin(), format!("DROP DATABASE {name}{force}"))
            .await;
    }

    async fn run(self, url: &str, script: String) {
        match self {
            Self::Postgres => run::<PgConnection>(url, script).await,
            Self::MariaDb => run::<MySqlConnection>(url, script).await,
        }
    }
}

async fn run<C: Connection>(url: &str, script: String)
where
    for<'c> &'c mut C: Executor<'c>,
{
    let mut connection = C::connect(url).await.unwrap();
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(script)))
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The binary that `cargo xtask test` has built, or the one beside this test.
fn binary() -> PathBuf {
    let named = std::env::var_os("FIELDSEAL_TEST_BINARY").map(PathBuf::from);
    let beside = || {
        let folder = Path::new(env!("CARGO_BIN_EXE_shop-api")).parent().unwrap();
        folder.join("fieldseal")
    };
    let binary = named.unwrap_or_else(beside);
    assert!(
        binary.is_file(),
        "{} is not there: run the tests by `cargo xtask test`, which builds it",
        binary.display()
    );
    binary
}
