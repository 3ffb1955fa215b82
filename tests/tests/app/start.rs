//! How a vault starts: over the application's own pool, and by the pipeline's policy file. Either
//! leaves the database as it was, and goes on when the pool's password changes.

mod hooks;
mod missing;

use std::process::Command;
use std::time::Duration;

use fieldseal::{PolicyFile, StartError, Vault};
use fieldseal_tests::aws::WORKER;
use fieldseal_tests::databases::{Server, TestDatabase, run};
use fieldseal_tests::harness::{DEPLOYMENT, Rig};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Executor as _, Pool, SqlitePool};

use crate::key_service::{HERE, Kms};
use crate::shop::{self, Person, SealedPerson};

/// Whoever only looks leaves a file's journal mode alone, and so does an application's vault.
#[tokio::test]
async fn the_journal_mode_stays() {
    let rig = shop::rig(Server::Sqlite).await;
    // The rig's own connections would hold it back.
    rig.database.database.close().await;
    let sealed = rig.database.url.clone();
    let old = format!("sqlite://{}", rig.database.path("old.db").display());
    let made = SqlitePool::connect(&format!("{old}?mode=rwc"))
        .await
        .unwrap();
    made.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY)")
        .await
        .unwrap();
    made.close().await;
    for url in [&sealed, &old] {
        let options: SqliteConnectOptions = url.parse().unwrap();
        let one = SqlitePoolOptions::new().max_connections(1);
        let pool = one.connect_with(options).await.unwrap();
        pool.execute("PRAGMA journal_mode = delete").await.unwrap();
        assert_eq!(journal_mode(&pool).await, "delete");
        pool.close().await;
    }
    Vault::plaintext(&old).await.unwrap();
    let pool = SqlitePool::connect(&old).await.unwrap();
    Vault::plaintext_pool(&pool).await.unwrap();
    assert_eq!(journal_mode(&pool).await, "delete", "the old database's");

    let start = || Vault::start(DEPLOYMENT).root_key_file(rig.database.path("root.key"));
    let pool = SqlitePool::connect(&sealed).await.unwrap();
    for vault in [
        start().open(&sealed).await.unwrap(),
        start().open_pool(&pool).await.unwrap(),
    ] {
        vault.seal(&Person::numbered(4)).await.unwrap();
    }
    assert_eq!(journal_mode(&pool).await, "delete", "the sealed one's");
    pool.close().await;
    rig.end().await;
}

async fn journal_mode(pool: &SqlitePool) -> String {
    let mode = sqlx::query_scalar("PRAGMA journal_mode");
    mode.fetch_one(pool).await.unwrap()
}

// Sealed tables whose keys lie elsewhere, or were not restored with them.
on_every_server!(|server, Connection| {
    let database = TestDatabase::on(server).await;
    let mut connection = Connection::connect(&database.url).await.unwrap();
    for (table, found) in [
        ("CREATE TABLE orders (id INTEGER PRIMARY KEY)", None),
        (
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, _fieldseal_version INTEGER)",
            Some("a column _fieldseal_version"),
        ),
    ] {
        connection.execute(table).await.unwrap();
        match (Vault::plaintext(&database.url).await, found) {
            (Ok(_), None) => {}
            (Err(StartError::SealedDatabase { found }), Some(what)) => assert_eq!(found, what),
            (vault, _) => panic!("{table}: {:?}", vault.map(drop)),
        }
    }
    connection.close().await.unwrap();
    database.end().await;
});

/// A pool of one connection, which is in a transaction: a vault that used it would wait for itself.
/// What the application has set in its session is not what the key store's connections have.
macro_rules! own_pool {
    ($name:ident, $server:expr, $pool:ident, $options:ty, $adapt:expr, $session:expr) => {
        #[tokio::test]
        async fn $name() {
            let server: Server = $server;
            if !server.is_there() {
                return;
            }
            let rig = shop::rig(server).await;
            let options: $options = rig.database.url.parse().unwrap();
            let adapt: fn($options) -> $options = $adapt;
            let pool = $pool::new()
                .max_connections(1)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        for statement in $session {
                            connection.execute(*statement).await?;
                        }
                        Ok(())
                    })
                })
                .connect_with(adapt(options))
                .await
                .unwrap();
            let refused = Vault::plaintext_pool(&pool).await;
            assert!(matches!(refused, Err(StartError::SealedDatabase { .. })));
            let start = Vault::start(DEPLOYMENT).root_key_file(rig.database.path("root.key"));
            let vault = start.open_pool(&pool).await.unwrap();

            let rows = sqlx::query_as::<_, SealedPerson>("SELECT * FROM people ORDER BY id");
            let rows = rows.fetch_all(&pool).await.unwrap();
            let mut transaction = pool.begin().await.unwrap();
            let people: Vec<Person> = vault.open_all(rows).await.unwrap();
            assert_eq!(people[2].email.expose(), "person3@example.org");
            // A key of the purpose `value` is made by this: a transaction of the key store's.
            let free = vault
                .seal_value("contact", &[b"cache"], b"tea")
                .await
                .unwrap();
            let row = vault.seal(&Person::numbered(4)).await.unwrap();
            let done = fieldseal::insert(&row).unwrap();
            done.execute(&mut *transaction).await.unwrap();
            transaction.commit().await.unwrap();
            let opened = vault.open_value("contact", &[b"cache"], &free);
            assert_eq!(opened.await.unwrap().expose(), b"tea");
            ends(vault, pool, rig).await;
        }
    };
}

own_pool!(
    over_a_pool_of_sqlite,
    Server::Sqlite,
    SqlitePoolOptions,
    SqliteConnectOptions,
    |options| options.synchronous(SqliteSynchronous::Off),
    &["PRAGMA foreign_keys = off"]
);
own_pool!(
    over_a_pool_of_postgres,
    Server::Postgres,
    PgPoolOptions,
    PgConnectOptions,
    |options| options.options([("bytea_output", "escape"), ("timezone", "Asia/Tokyo")]),
    &[
        "SET default_transaction_isolation = 'serializable'",
        "SET default_transaction_read_only = on; SET default_transaction_read_only = off",
        "SET standard_conforming_strings = off"
    ]
);
own_pool!(
    over_a_pool_of_mariadb,
    Server::MariaDb,
    MySqlPoolOptions,
    MySqlConnectOptions,
    MYSQL,
    ODD_MYSQL
);
own_pool!(
    over_a_pool_of_mysql,
    Server::MySql,
    MySqlPoolOptions,
    MySqlConnectOptions,
    MYSQL,
    ODD_MYSQL
);

const MYSQL: fn(MySqlConnectOptions) -> MySqlConnectOptions =
    |options| options.charset("latin1").timezone("+09:00".to_owned());
const ODD_MYSQL: &[&str] = &[
    "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET SESSION autocommit = 1",
];

/// The pool is told a new password, as one that is good for a quarter of an hour must be; the vault's
/// next connections are made with it.
#[tokio::test]
async fn a_new_password_is_followed() {
    let rig = shop::rig(Server::Postgres).await;
    let role = format!("rotating_{}", std::process::id());
    let database = &rig.database.database;
    let statements = [
        format!("DROP ROLE IF EXISTS {role}"),
        format!("CREATE ROLE {role} LOGIN PASSWORD 'first'"),
        format!("GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"),
    ];
    run(database, &statements.each_ref().map(String::as_str)).await;
    let options: PgConnectOptions = rig.database.url.parse().unwrap();
    let options = options.username(&role);
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options.clone().password("first"));
    let pool = pool.await.unwrap();
    let vault = Vault::start(DEPLOYMENT)
        .root_key_file(rig.database.path("root.key"))
        .max_age(Duration::ZERO)
        .open_pool(&pool)
        .await
        .unwrap();
    vault.seal(&Person::numbered(4)).await.unwrap();

    let second = format!("ALTER ROLE {role} PASSWORD 'second'");
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
    run(database, &[&second, &end]).await;
    // Two connections are found to be gone, and then the first password is good no more.
    for _ in 0..3 {
        assert!(vault.seal(&Person::numbered(4)).await.is_err());
    }
    pool.set_connect_options(options.password("second"));
    // Further connections that are gone may lie in the pool.
    let seals = async {
        while vault.seal(&Person::numbered(4)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seals)
        .await
        .unwrap();

    run(database, &[&end]).await;
    let dropped = [format!("DROP OWNED BY {role}"), format!("DROP ROLE {role}")];
    run(database, &dropped.each_ref().map(String::as_str)).await;
    ends(vault, pool, rig).await;
}

/// By `[keys]` and `[target]` of a policy file, from another folder than its own.
#[tokio::test]
async fn by_the_policy_file() {
    let rig = shop::rig(Server::Sqlite).await;
    let written = |target: &str, keys: &str| written(&rig, target, keys);
    let local = "local.root_file = \"root.key\"";
    let policy = written("url = \"sqlite://test.db\"", local).unwrap();
    let url = policy.target_url().unwrap();
    assert_eq!(url, rig.database.url);
    let pool = SqlitePool::connect(&url).await.unwrap();
    for vault in [
        policy.start().unwrap().open(&url).await.unwrap(),
        policy.start().unwrap().open_pool(&pool).await.unwrap(),
    ] {
        let row = vault.seal(&Person::numbered(4)).await.unwrap();
        let opened: Person = vault.open(row).await.unwrap();
        assert_eq!(opened.note.as_deref(), Some("likes tea"));
    }
    pool.close().await;

    // What it allows a key is what a key that is made by it allows.
    let few = written(
        "url = \"sqlite://test.db\"",
        &format!("max_uses = 2\n{local}"),
    );
    let vault = few.unwrap().start().unwrap().open(&url).await.unwrap();
    vault.seal_value("few", &[b"1"], b"tea").await.unwrap();
    let limits = "SELECT use_limit FROM fieldseal_data_keys WHERE domain = 'few'";
    assert_eq!(rig_query(&rig, limits).await, 2);

    let file = rig.database.path("url");
    std::fs::write(&file, "postgres://app:secret@db.example.org/shop\n").unwrap();
    let by_file = written("url_file = \"url\"", local).unwrap();
    assert_eq!(
        by_file.target_url().unwrap(),
        "postgres://app:secret@db.example.org/shop?sslmode=require"
    );
    std::fs::write(
        &file,
        "mysql://app:secret@db.example.org/shop?ssl-mode=disabled",
    )
    .unwrap();
    let said = by_file.target_url().unwrap_err().to_string();
    assert!(
        said.contains("without TLS") && !said.contains("secret"),
        "{said}"
    );
    let unset = written("url_env = \"FIELDSEAL_TEST_NEVER_SET\"", local).unwrap();
    let said = unset.target_url().unwrap_err().to_string();
    assert!(
        said.contains("FIELDSEAL_TEST_NEVER_SET is not set"),
        "{said}"
    );
    let said = written("urll = \"x\"", local).unwrap_err().to_string();
    assert!(said.contains("policy.toml:6:1"), "{said}");
    let said = PolicyFile::read("no such file").unwrap_err().to_string();
    assert!(said.contains("no such file cannot be read"), "{said}");
    rig.end().await;
}

/// By a policy whose keys are in AWS KMS, with the credentials of the environment and the rights of
/// `deploy/iam/application.json`: its calls are those that are allowed there, and a domain that is
/// not is denied.
#[tokio::test]
async fn by_a_policy_with_keys_in_kms() {
    let Kms {
        double, key, rig, ..
    } = Kms::start().await;
    let endpoint = double.endpoint(HERE);
    let keys = format!("aws_kms = {{ key = \"{key}\", endpoint = \"{endpoint}\" }}");
    written(&rig, "url = \"sqlite://test.db\"", &keys).unwrap();

    double.require_context(&key, &[("fieldseal:domain", "contact")]);
    double.calls().reset();
    let said = said_by(child(&rig)).await;
    assert_eq!(said, "contact: sealed and opened\npayment: denied\n");

    let allowed = include_str!("../../../deploy/iam/application.json");
    let made = double.calls().by_operation();
    assert!(made.len() > 1, "it asked: {made:?}");
    for operation in made.keys() {
        let action = format!("\"kms:{operation}\"");
        assert!(allowed.contains(&action), "{action} is not allowed");
    }
    rig.end().await;
}

/// Keys that are reached alike share what was found, above all the credentials: they are asked for once.
#[tokio::test]
async fn two_keys_in_kms_share_the_credentials() {
    let Kms {
        double,
        key: first,
        rig,
        ..
    } = Kms::start().await;
    let second = double.create_key(HERE);
    let endpoint = double.endpoint(HERE);
    let keys = format!(
        "aws_kms = {{ key = \"{first}\", endpoint = \"{endpoint}\", \
         second_keys = [{{ key = \"{second}\", endpoint = \"{endpoint}\" }}] }}"
    );
    written(&rig, "url = \"sqlite://test.db\"", &keys).unwrap();
    let [asked, program, profile] = ["asked", "program", "profile"].map(|at| rig.database.path(at));
    let answer =
        format!("{{\"Version\":1,\"AccessKeyId\":\"{WORKER}\",\"SecretAccessKey\":\"no secret\"}}");
    let text = format!("echo asked >>'{}'\necho '{answer}'\n", asked.display());
    std::fs::write(&program, text).unwrap();
    let text = format!(
        "[default]\ncredential_process = /bin/sh {}\n",
        program.display()
    );
    std::fs::write(&profile, text).unwrap();

    let mut child = child(&rig);
    child
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_CONFIG_FILE", profile)
        .env("AWS_SHARED_CREDENTIALS_FILE", rig.database.path("none"));
    double.calls().reset();
    let said = said_by(child).await;
    assert_eq!(
        said,
        "contact: sealed and opened\npayment: sealed and opened\n"
    );
    let made = double.calls().by_operation();
    assert!(
        made.contains_key("Encrypt"),
        "the second key is used: {made:?}"
    );
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "asked\n");
    rig.end().await;
}

/// The application that starts by the rig's policy file.
fn child(rig: &Rig) -> Command {
    let mut child = Command::new(env!("CARGO_BIN_EXE_app_start"));
    child
        .arg(rig.database.path("policy.toml"))
        .env("AWS_ACCESS_KEY_ID", WORKER)
        .env("AWS_SECRET_ACCESS_KEY", "no secret")
        .env("AWS_REGION", HERE)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE");
    child
}

async fn said_by(mut child: Command) -> String {
    let output = tokio::task::spawn_blocking(move || child.output().unwrap());
    String::from_utf8(output.await.unwrap().stdout).unwrap()
}

/// A policy with this target and these keys, in the rig's folder.
fn written(rig: &Rig, target: &str, keys: &str) -> Result<PolicyFile, StartError> {
    let path = rig.database.path("policy.toml");
    let text = format!(
        "[source]\nid = \"shop\"\nengine = \"mysql\"\nfiles.dir = \"source\"\n\
         [target]\n{target}\n\
         [keys]\ndeployment = \"{DEPLOYMENT}\"\n{keys}\n\
         [tables.\"shop.people\"]\nkey = {{ id = \"integer\" }}\n\
         [tables.\"shop.people\".columns]\npoints = \"keep\"\n"
    );
    std::fs::write(&path, text).unwrap();
    PolicyFile::read(path)
}

async fn rig_query(rig: &Rig, question: &str) -> i64 {
    let rows = rig.query(question, &[]).await;
    rows[0].int(0).unwrap()
}

/// A database is dropped only when nobody is connected to it.
async fn ends<DB: sqlx::Database>(vault: Vault, pool: Pool<DB>, rig: Rig) {
    drop(vault);
    pool.close().await;
    rig.end().await;
}
