//! Where a start looks when a pool's hooks lead its connections elsewhere than its URL says: plaintext
//! mode at where they are, the sealed vault's own connections at where the URL says, and either is
//! refused rather than in doubt.

use std::time::Duration;

use fieldseal::{StartError, Vault};
use fieldseal_tests::databases::{Server, TestDatabase, run};
use fieldseal_tests::harness::DEPLOYMENT;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, Pool};

use super::ends;
use crate::shop::{self, Person};

/// What is looked at before plaintext mode is where the pool's own connections are, whatever its URL
/// says: with what its hooks have done. Whoever is in no database is refused.
macro_rules! hooked_mysql {
    ($name:ident, $server:expr) => {
        #[tokio::test]
        async fn $name() {
            let server: Server = $server;
            if !server.is_there() {
                return;
            }
            let rig = shop::rig(server).await;
            let old = TestDatabase::on(server).await;
            let (place, sealed) = rig.database.url.rsplit_once('/').unwrap();
            let (_, clear) = old.url.rsplit_once('/').unwrap();
            let pool = async |url: &str, hook: String| {
                let options: MySqlConnectOptions = url.parse().unwrap();
                hooked::<sqlx::MySql>(MySqlPoolOptions::new(), options, hook).await
            };
            // The same account sees both.
            for (url, hook) in [(&*old.url, "DO 0"), (place, &format!("USE {clear}"))] {
                let pool = pool(url, hook.to_owned()).await;
                Vault::plaintext_pool(&pool).await.unwrap();
                pool.execute("DO 0").await.unwrap();
                pool.close().await;
            }
            Vault::plaintext(&old.url).await.unwrap();

            for url in [&*old.url, place] {
                let pool = pool(url, format!("USE {sealed}")).await;
                let refused = Vault::plaintext_pool(&pool).await;
                assert!(matches!(refused, Err(StartError::SealedDatabase { .. })));
                // The vault's own connections are not where the hook goes to.
                let start = Vault::start(DEPLOYMENT).root_key_file(rig.database.path("root.key"));
                let said = start.open_pool(&pool).await.err().unwrap().to_string();
                assert!(said.contains("hooks are not run"), "{said}");
                pool.close().await;
            }
            let nowhere = pool(place, "DO 0".to_owned()).await;
            for refused in [
                Vault::plaintext_pool(&nowhere).await,
                Vault::plaintext(place).await,
            ] {
                let said = refused.err().map(|error| error.to_string());
                let said = said.expect("it is refused");
                assert!(said.contains("name a database in its URL"), "{said}");
            }
            nowhere.close().await;
            old.end().await;
            rig.end().await;
        }
    };
}

hooked_mysql!(a_hook_names_the_database_on_mariadb, Server::MariaDb);
hooked_mysql!(a_hook_names_the_database_on_mysql, Server::MySql);

#[tokio::test]
async fn a_hook_names_the_schema_on_postgres() {
    let rig = shop::rig(Server::Postgres).await;
    let database = &rig.database.database;
    let moved = "DO $$ DECLARE t text; BEGIN CREATE SCHEMA elsewhere; \
                 FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP \
                 EXECUTE format('ALTER TABLE public.%I SET SCHEMA elsewhere', t); END LOOP; END $$";
    run(database, &[moved]).await;
    let options: PgConnectOptions = rig.database.url.parse().unwrap();
    let there = "SET search_path = elsewhere".to_owned();
    let pool = hooked::<sqlx::Postgres>(PgPoolOptions::new(), options.clone(), there).await;
    let refused = Vault::plaintext_pool(&pool).await;
    assert!(matches!(refused, Err(StartError::SealedDatabase { .. })));
    let start = || Vault::start(DEPLOYMENT).root_key_file(rig.database.path("root.key"));
    let said = start().open_pool(&pool).await.err().unwrap().to_string();
    assert!(said.contains("hooks are not run"), "{said}");
    pool.close().await;

    // What it says to do.
    let options = options.options([("search_path", "elsewhere")]);
    let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
    let vault = start().open_pool(&pool).await.unwrap();
    vault.seal(&Person::numbered(4)).await.unwrap();
    ends(vault, pool, rig).await;
}

/// Names without a database's are looked for in those that are attached as well. And whoever holds the
/// pool's last connection is told so.
#[tokio::test]
async fn a_hook_attaches_a_database_on_sqlite() {
    let rig = shop::rig(Server::Sqlite).await;
    let old = format!(
        "sqlite://{}?mode=rwc",
        rig.database.path("old.db").display()
    );
    let options: SqliteConnectOptions = old.parse().unwrap();
    let attach = format!(
        "ATTACH '{}' AS other",
        rig.database.path("test.db").display()
    );
    let pool = hooked::<sqlx::Sqlite>(SqlitePoolOptions::new(), options.clone(), attach).await;
    let refused = Vault::plaintext_pool(&pool).await;
    assert!(matches!(refused, Err(StartError::SealedDatabase { .. })));
    pool.close().await;

    let attach = "ATTACH ':memory:' AS other".to_owned();
    let impatient = SqlitePoolOptions::new().acquire_timeout(Duration::from_secs(2));
    let pool = hooked::<sqlx::Sqlite>(impatient, options, attach).await;
    let held = pool.begin().await.unwrap();
    let refused = Vault::plaintext_pool(&pool).await;
    assert!(matches!(refused, Err(StartError::Database { .. })));
    held.rollback().await.unwrap();
    Vault::plaintext_pool(&pool).await.unwrap();
    pool.close().await;
    rig.end().await;
}

/// A pool of one connection, for which this is done when it is made.
async fn hooked<DB: sqlx::Database>(
    pool: PoolOptions<DB>,
    options: <DB::Connection as Connection>::Options,
    hook: String,
) -> Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    pool.max_connections(1)
        .after_connect(move |connection, _| {
            let hook = AssertSqlSafe(hook.clone());
            Box::pin(async move { connection.execute(hook).await.map(drop) })
        })
        .connect_with(options)
        .await
        .unwrap()
}
