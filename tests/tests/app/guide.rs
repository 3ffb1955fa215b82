//! `docs/APPLICATION.md` is true: its Rust is what stands and runs here, line by line, and a database
//! user with exactly the rights of its SQL can do all that a service does, and nothing else.

use chrono::NaiveDate;
use fieldseal::{Cell, Pii, PolicyFile, Vault};
use fieldseal_db::{Bind, Connect, Database, DbErrorKind, Dialect, Sql};
use fieldseal_policy::Policy;
use fieldseal_tests::databases::{Server, run};
use fieldseal_tests::harness::{DEPLOYMENT, Rig};
use sqlx::{Connection as _, MySqlConnection, PgConnection, PgPool};

const GUIDE: &str = include_str!("../../../docs/APPLICATION.md");

#[derive(fieldseal::Sealed)]
#[sealed(
    policy = "../pipeline-config/quickstart.toml",
    table = "shop.customers"
)]
struct Customer {
    id: i64,
    email: Option<Pii<String>>,
    birth_date: Option<Pii<NaiveDate>>,
    loyalty: Option<String>,
}

struct Settings {
    url: String,
    plaintext: bool,
    kms_key: String,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

async fn a_start(settings: &Settings) -> Outcome<Vault> {
    let pool = PgPool::connect(&settings.url).await?;
    let vault = if settings.plaintext {
        Vault::plaintext_pool(&pool).await?
    } else {
        let start = Vault::start("shop-prod").aws_kms(&settings.kms_key);
        start.open_pool(&pool).await?
    };
    pool.close().await;
    Ok(vault)
}

async fn a_start_by_policy(pool: PgPool) -> Outcome<Vault> {
    let policy = PolicyFile::read("pipeline.toml")?;
    let vault = policy.start()?.open_pool(&pool).await?;
    Ok(vault)
}

async fn some_queries(vault: Vault, pool: PgPool, customer: Customer) -> Outcome<Vec<Customer>> {
    let rows = sqlx::query_as::<_, SealedCustomer>("SELECT * FROM customers ORDER BY id LIMIT 20");
    let page: Vec<Customer> = vault.open_all(rows.fetch_all(&pool).await?).await?;

    let row = vault.seal(&customer).await?;
    fieldseal::insert(&row)?.execute(&pool).await?; // or update(&row)
    assert!(page.is_empty());

    let email = customer.email.ok_or("an address")?;
    let lookup = vault.lookup(Customer::EMAIL_EXACT, email).await?;
    let text = format!("SELECT * FROM customers WHERE {} = $1", lookup.column());
    let rows = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(lookup.value())
        .fetch_all(&pool)
        .await?;
    let found: Vec<Customer> = vault.open_found(&lookup, rows).await?;
    pool.close().await;
    Ok(found)
}

fn customer(id: i64) -> Customer {
    Customer {
        id,
        email: Some(Pii::new(format!("ada{id}@example.org"))),
        birth_date: NaiveDate::from_ymd_opt(1815, 12, 10).map(Pii::new),
        loyalty: Some("gold".to_owned()),
    }
}

#[tokio::test]
async fn its_queries_run() {
    let rig = rig(Server::Postgres).await;
    let pool = PgPool::connect(&rig.database.url).await.unwrap();
    let vault = crate::shop::vault(&rig).await;
    let found = some_queries(vault, pool, customer(1)).await.unwrap();
    assert_eq!((found.len(), found[0].id), (1, 1));
    assert_eq!(found[0].loyalty.as_deref(), Some("gold"));
    // There is neither such a policy nor a key service here: each says so, and nothing else.
    let pool = PgPool::connect(&rig.database.url).await.unwrap();
    let said = a_start_by_policy(pool.clone()).await.err().unwrap();
    assert!(
        said.to_string().contains("pipeline.toml cannot be read"),
        "{said}"
    );
    pool.close().await;
    let settings = Settings {
        url: rig.database.url.clone(),
        plaintext: true,
        kms_key: String::new(),
    };
    let said = a_start(&settings).await.err().unwrap().to_string();
    assert!(said.contains("the database holds sealed data"), "{said}");
    rig.end().await;
}

/// Section 3, of queries that nobody changed: who is told, and who finds nothing.
#[tokio::test]
async fn a_sealed_column_asked_in_clear() {
    for server in [Server::Sqlite, Server::Postgres, Server::MariaDb] {
        let rig = rig(server).await;
        let insert = "INSERT INTO customers (id, email) VALUES (1, ?)";
        let sealed = crate::shop::vault(&rig)
            .await
            .seal(&customer(1))
            .await
            .unwrap();
        let Cell::Sealed(Some(email)) = sealed.email else {
            panic!("it is sealed");
        };
        rig.sql(insert, &[Bind::from(email.as_slice())]).await;
        let database = &rig.database.database;
        let literal = "SELECT id FROM customers WHERE email = 'ada1@example.org'";
        let found = database.query(literal, &[]).await.unwrap();
        assert_eq!(found.len(), 0);
        let parameter = "SELECT id FROM customers WHERE email = ?";
        let found = database
            .query(parameter, &["ada1@example.org".into()])
            .await;
        match found {
            Ok(found) => assert!(found.is_empty() && server != Server::Postgres),
            Err(error) => assert_eq!((server, error.code()), (Server::Postgres, Some("42883"))),
        }
        rig.end().await;
    }
}

/// Every block of Rust stands in this file, but for what rustfmt may change.
#[test]
fn its_rust_is_this_files() {
    let here = squeezed(include_str!("guide.rs"));
    let blocks = blocks("rust");
    assert_eq!(blocks.len(), 5, "a new block needs its place here");
    for block in blocks {
        assert!(here.contains(&squeezed(block)), "not in guide.rs:\n{block}");
    }
}

fn squeezed(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    text.replace(",)", ")")
}

/// The guide's blocks of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    let blocks = GUIDE.split(&begin).skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect()
}

/// The rights that the guide lists for this server, for a role of this name, in this database.
fn rights(server: Server, role: &str, database: &str) -> Vec<String> {
    let sql = blocks("sql");
    assert_eq!(sql.len(), 2, "one for PostgreSQL, one for MySQL");
    let text = sql[usize::from(server != Server::Postgres)];
    let lines = text.lines().map(|line| {
        let line = line.trim_end_matches(';').replace("shop_app", role);
        line.replace("shop.", &format!("{database}."))
    });
    lines.collect()
}

/// Nothing of what an application has no business with.
const REFUSED: [&str; 12] = [
    "DELETE FROM fieldseal_data_keys",
    "UPDATE fieldseal_data_keys SET use_limit = 1",
    "UPDATE fieldseal_data_keys SET domain = 'other'",
    "UPDATE fieldseal_key_wraps SET wrapping_key = 'other'",
    "DELETE FROM fieldseal_key_wraps",
    "INSERT INTO fieldseal_meta (id, deployment) VALUES (2, 'other')",
    "UPDATE fieldseal_meta SET deployment = 'other'",
    "DELETE FROM fieldseal_meta",
    "DELETE FROM fieldseal_tables",
    "DELETE FROM fieldseal_quarantine",
    "DROP TABLE customers",
    "CREATE TABLE another (id INTEGER)",
];

macro_rules! rights {
    ($name:ident, $server:expr, $connection:ty, $mark:literal) => {
        #[tokio::test]
        async fn $name() {
            /// All that a service does, by a new process: keys are made, used up and made again.
            async fn serves(rig: &Rig, url: &str, id: i64) -> Outcome<()> {
                let vault = Vault::start(DEPLOYMENT)
                    .root_key_file(rig.database.path("root.key"))
                    .first_block(2)
                    .max_uses(3)
                    .open(url)
                    .await?;
                let mut connection = <$connection>::connect(url).await?;
                let row = vault.seal(&customer(id)).await?;
                fieldseal::insert(&row)?.execute(&mut connection).await?;
                for _ in 0..4 {
                    let row = vault.seal(&customer(id)).await?;
                    fieldseal::update(&row)?.execute(&mut connection).await?;
                }
                assert_eq!(reads(rig, url).await?, 1);
                let delete = concat!("DELETE FROM customers WHERE id = ", $mark);
                sqlx::query(delete)
                    .bind(id)
                    .execute(&mut connection)
                    .await?;
                connection.close().await?;
                Ok(())
            }

            /// How many customers there are, and can be looked up.
            async fn reads(rig: &Rig, url: &str) -> Outcome<usize> {
                let vault = Vault::start(DEPLOYMENT)
                    .root_key_file(rig.database.path("root.key"))
                    .open(url)
                    .await?;
                let mut connection = <$connection>::connect(url).await?;
                let rows = sqlx::query_as::<_, SealedCustomer>("SELECT * FROM customers");
                let rows = rows.fetch_all(&mut connection).await?;
                let all: Vec<Customer> = vault.open_all(rows).await?;
                for customer in &all {
                    let email = customer.email.as_ref().ok_or("an address")?.expose();
                    let lookup = vault
                        .lookup(Customer::EMAIL_EXACT, email.to_uppercase())
                        .await?;
                    let text = concat!("SELECT * FROM customers WHERE email_bidx = ", $mark);
                    let rows = sqlx::query_as(text).bind(lookup.value());
                    let rows = rows.fetch_all(&mut connection).await?;
                    assert_eq!(vault.open_found(&lookup, rows).await?.len(), 1);
                }
                connection.close().await?;
                Ok(all.len())
            }

            let server: Server = $server;
            if !server.is_there() {
                return;
            }
            let rig = rig(server).await;
            let admin = &rig.database.database;
            let role = Role::made(&rig, "app").await;
            let rights = rights(server, &role.name, &role.database);
            assert_eq!(rights.len(), 4);
            run(admin, &texts(&rights)).await;
            serves(&rig, &role.url, 1).await.unwrap();

            // Each of them is needed.
            for right in &rights {
                let without = right.replace("GRANT ", "REVOKE ").replace(" TO ", " FROM ");
                run(admin, &[&without]).await;
                let said = serves(&rig, &role.url, 2).await.err();
                let said = said.unwrap_or_else(|| panic!("not needed: {right}"));
                // What keeps the service from its own table is sqlx's to say.
                assert!(
                    right.contains("customers TO ")
                        || said.to_string().contains("docs/APPLICATION.md, section 5"),
                    "{right}: {said}"
                );
                run(admin, &[right, "DELETE FROM customers"]).await;
            }
            serves(&rig, &role.url, 3).await.unwrap();
            role.is_refused().await;

            // Reading needs SELECT.
            let reader = Role::made(&rig, "reader").await;
            let table = |right: &String| {
                let (_, on) = right.split_once(" ON ").unwrap();
                on.split_once(" TO ").unwrap().0.to_owned()
            };
            let select = rights
                .iter()
                .map(|right| format!("GRANT SELECT ON {} TO {}", table(right), reader.name));
            run(admin, &texts(&select.collect::<Vec<_>>())).await;
            let row = crate::shop::vault(&rig)
                .await
                .seal(&customer(4))
                .await
                .unwrap();
            let mut connection = <$connection>::connect(&rig.database.url).await.unwrap();
            let insert = fieldseal::insert(&row).unwrap();
            insert.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            assert_eq!(reads(&rig, &reader.url).await.unwrap(), 1);
            assert!(serves(&rig, &reader.url, 5).await.is_err());

            role.end(&rig).await;
            reader.end(&rig).await;
            rig.end().await;
        }
    };
}

rights!(its_rights_on_postgres, Server::Postgres, PgConnection, "$1");
rights!(its_rights_on_mariadb, Server::MariaDb, MySqlConnection, "?");
rights!(its_rights_on_mysql, Server::MySql, MySqlConnection, "?");

fn texts(statements: &[String]) -> Vec<&str> {
    statements.iter().map(String::as_str).collect()
}

async fn rig(server: Server) -> Rig {
    let text = include_str!("../../../pipeline-config/quickstart.toml");
    Rig::new(server, Policy::parse(text).unwrap()).await
}

/// A database user without any rights at first.
struct Role {
    name: String,
    url: String,
    database: String,
}

impl Role {
    async fn made(rig: &Rig, name: &str) -> Self {
        let (scheme, rest) = rig.database.url.split_once("://").unwrap();
        let (_, place) = rest.rsplit_once('@').unwrap();
        let (_, database) = place.rsplit_once('/').unwrap();
        // Roles are the server's, not the database's.
        let name = format!("{name}_of_{database}");
        let make = match rig.database.dialect() {
            Dialect::Postgres => format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'"),
            _ => format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
        };
        run(&rig.database.database, &[&make]).await;
        Self {
            url: format!("{scheme}://{name}:secret@{place}"),
            database: database.to_owned(),
            name,
        }
    }

    async fn is_refused(&self) {
        let database = Database::connect(&self.url, Connect::guest(1))
            .await
            .unwrap();
        for statement in REFUSED {
            let refused = database.execute(Sql::from(statement), &[]).await;
            let error = refused
                .err()
                .unwrap_or_else(|| panic!("not refused: {statement}"));
            assert_eq!(error.kind(), DbErrorKind::Privilege, "{statement}: {error}");
        }
        database.close().await;
    }

    async fn end(self, rig: &Rig) {
        let name = &self.name;
        let drop = match rig.database.dialect() {
            Dialect::Postgres => vec![format!("DROP OWNED BY {name}"), format!("DROP ROLE {name}")],
            _ => vec![format!("DROP USER {name}")],
        };
        run(&rig.database.database, &texts(&drop)).await;
    }
}
