//! A look-up by a blind index against one by an index over the value in clear: two tables with the
//! same rows on one server, PostgreSQL or MariaDB, one connection, in turns. Owns its tables; the
//! server's scratch database is `databases`'.

use fieldseal::{Cell, Pii, Vault};
use serde_json::{Value, json};
use sqlx::{Connection as _, MySqlConnection, PgConnection, query, query_as, raw_sql};

use super::Pairs;
use super::customer::{Customer, SealedCustomer, id, sealed};
use crate::databases::{Scratch, Server};
use crate::report::{Failure, rounded};
use crate::stopwatch::{Stopwatch, Times, median};
use crate::workload::Personal;

/// Rows of either table, and look-ups of a round.
const ROWS: u64 = 20_000;
const LOOKUPS: u64 = 1_000;
/// Has no divisor in common with `ROWS`, so that neighbours in time are none in the table.
const STRIDE: u64 = 7_919;

/// What is said to one server.
struct Statements {
    tables: &'static str,
    insert: &'static str,
    /// Said one by one: several at once are one transaction, where VACUUM may not be.
    settle: [&'static str; 2],
    in_clear: &'static str,
    by_index: &'static str,
}

const POSTGRES: Statements = Statements {
    tables: "
CREATE TABLE customers_sealed (
    id bigint NOT NULL PRIMARY KEY, full_name bytea, birth_date bytea, email bytea,
    email_bidx bytea, phone bytea, address bytea, notes bytea);
CREATE INDEX ON customers_sealed (email_bidx);
CREATE TABLE customers_plain (
    id bigint NOT NULL PRIMARY KEY, full_name text, birth_date text, email text,
    phone text, address text, notes text);
CREATE INDEX ON customers_plain (email);
",
    insert: "INSERT INTO customers_plain VALUES ($1, $2, $3, $4, $5, $6, $7)",
    settle: [
        "VACUUM ANALYZE customers_sealed",
        "VACUUM ANALYZE customers_plain",
    ],
    in_clear: "SELECT * FROM customers_plain WHERE email = $1",
    by_index: "SELECT * FROM customers_sealed WHERE email_bidx = $1",
};

const MARIADB: Statements = Statements {
    tables: "
CREATE TABLE customers_sealed (
    id bigint NOT NULL PRIMARY KEY, full_name varbinary(300), birth_date varbinary(100),
    email varbinary(300), email_bidx varbinary(16), phone varbinary(300), address varbinary(600),
    notes varbinary(600), INDEX (email_bidx));
CREATE TABLE customers_plain (
    id bigint NOT NULL PRIMARY KEY, full_name varchar(254), birth_date varchar(54),
    email varchar(254), phone varchar(254), address varchar(554), notes varchar(554),
    INDEX (email)) CHARACTER SET utf8mb4;
",
    insert: "INSERT INTO customers_plain VALUES (?, ?, ?, ?, ?, ?, ?)",
    settle: [
        "ANALYZE TABLE customers_sealed",
        "ANALYZE TABLE customers_plain",
    ],
    in_clear: "SELECT * FROM customers_plain WHERE email = ?",
    by_index: "SELECT * FROM customers_sealed WHERE email_bidx = ?",
};

/// A row of `customers_plain`.
type Plain = (i64, String, String, String, String, String, String);

/// A connection of one server: the same statements over each driver's types.
trait Client: Sized {
    async fn open(url: &str) -> sqlx::Result<Self>;
    async fn close(self) -> sqlx::Result<()>;
    /// The same rows into both tables, settled as both are on any day but their first.
    async fn fill(&mut self, rows: &[SealedCustomer]) -> sqlx::Result<()>;
    async fn in_clear(&mut self, email: &str) -> sqlx::Result<Vec<Plain>>;
    async fn by_index(&mut self, index: &Cell<Pii<String>>) -> sqlx::Result<Vec<SealedCustomer>>;
}

macro_rules! client {
    ($connection:ty, $statements:ident) => {
        impl Client for $connection {
            async fn open(url: &str) -> sqlx::Result<Self> {
                <Self as sqlx::Connection>::connect(url).await
            }

            async fn close(self) -> sqlx::Result<()> {
                sqlx::Connection::close(self).await
            }

            async fn fill(&mut self, rows: &[SealedCustomer]) -> sqlx::Result<()> {
                raw_sql($statements.tables).execute(&mut *self).await?;
                let mut transaction = self.begin().await?;
                for row in rows {
                    fieldseal::insert(row)?.execute(&mut *transaction).await?;
                }
                for number in 0..ROWS {
                    let values = Personal::of(number);
                    query($statements.insert)
                        .bind(id(number))
                        .bind(values.name)
                        .bind(values.born)
                        .bind(values.email)
                        .bind(values.phone)
                        .bind(values.address)
                        .bind(values.notes)
                        .execute(&mut *transaction)
                        .await?;
                }
                transaction.commit().await?;
                for statement in $statements.settle {
                    raw_sql(statement).execute(&mut *self).await?;
                }
                Ok(())
            }

            async fn in_clear(&mut self, email: &str) -> sqlx::Result<Vec<Plain>> {
                query_as($statements.in_clear)
                    .bind(email)
                    .fetch_all(self)
                    .await
            }

            async fn by_index(
                &mut self,
                index: &Cell<Pii<String>>,
            ) -> sqlx::Result<Vec<SealedCustomer>> {
                query_as($statements.by_index)
                    .bind(index)
                    .fetch_all(self)
                    .await
            }
        }
    };
}

client!(PgConnection, POSTGRES);
client!(MySqlConnection, MARIADB);

pub(super) async fn in_postgres(vault: &Vault, url: &str, rounds: usize) -> Result<Value, Failure> {
    on_server::<PgConnection>(vault, &Server::postgres(url).await?, rounds).await
}

pub(super) async fn in_mariadb(vault: &Vault, url: &str, rounds: usize) -> Result<Value, Failure> {
    on_server::<MySqlConnection>(vault, &Server::mariadb(url).await?, rounds).await
}

async fn on_server<C: Client>(
    vault: &Vault,
    server: &Server,
    rounds: usize,
) -> Result<Value, Failure> {
    let scratch = Scratch::create(server).await?;
    let figures = in_database::<C>(vault, scratch.url(), rounds).await;
    let removed = scratch.remove().await;
    let mut figures = figures?;
    removed?;
    figures["version"] = json!(server.version);
    Ok(figures)
}

async fn in_database<C: Client>(vault: &Vault, url: &str, rounds: usize) -> Result<Value, Failure> {
    let mut client = C::open(url).await.map_err(|error| failed(&error))?;
    let rows = sealed(vault, 0..ROWS, true).await?;
    client.fill(&rows).await.map_err(|error| failed(&error))?;
    // The statements are prepared, and the server has settled for their plans.
    round(vault, &mut client, &mut Pairs::default()).await?;
    let mut pairs = Pairs::default();
    for _ in 0..rounds * 3 {
        round(vault, &mut client, &mut pairs).await?;
    }
    client.close().await.map_err(|error| failed(&error))?;
    let us = |times: &[Times], of: fn(&Times) -> f64| {
        rounded(median(times.iter().map(of)) * 1e6 / LOOKUPS as f64, 1)
    };
    Ok(json!({
        "rows": ROWS,
        "lookups_per_round": LOOKUPS,
        "rounds": rounds * 3,
        "us_plain": us(&pairs.other, |times| times.wall),
        "us_sealed": us(&pairs.ours, |times| times.wall),
        "client_cpu_us_plain": us(&pairs.other, |times| times.cpu),
        "client_cpu_us_sealed": us(&pairs.ours, |times| times.cpu),
        "sealed_to_plain": pairs.ratio(|times| times.wall),
        "aim": "at most 1.1",
    }))
}

async fn round<C: Client>(vault: &Vault, client: &mut C, pairs: &mut Pairs) -> Result<(), Failure> {
    let (mut ours, mut other) = (Times::default(), Times::default());
    for lookup in 0..LOOKUPS {
        let number = lookup * STRIDE % ROWS;
        let email = Personal::of(number).email;
        // Who comes first changes.
        for in_clear in [lookup % 2 == 0, lookup % 2 == 1] {
            if in_clear {
                let watch = Stopwatch::start();
                let rows = client.in_clear(&email).await;
                let rows = rows.map_err(|error| failed(&error))?;
                let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
                other = other + watch.read();
                expect(&ids, number)?;
            } else {
                let email = Pii::new(email.clone());
                let watch = Stopwatch::start();
                let ids = looked_up(vault, client, email).await?;
                ours = ours + watch.read();
                expect(&ids, number)?;
            }
        }
    }
    pairs.ours.push(ours);
    pairs.other.push(other);
    Ok(())
}

async fn looked_up<C: Client>(
    vault: &Vault,
    client: &mut C,
    email: Pii<String>,
) -> Result<Vec<i64>, Failure> {
    let lookup = vault.lookup(Customer::EMAIL_EXACT, email).await;
    let lookup = lookup.map_err(|error| Failure::of("looking up", &error))?;
    let rows = client.by_index(lookup.value()).await;
    let rows = rows.map_err(|error| failed(&error))?;
    let found = vault.open_found(&lookup, rows).await;
    let found = found.map_err(|error| Failure::of("opening what was found", &error))?;
    Ok(found.iter().map(|customer| customer.id).collect())
}

fn expect(ids: &[i64], number: u64) -> Result<(), Failure> {
    if ids == [id(number)] {
        return Ok(());
    }
    let found = ids.len();
    Err(Failure(format!(
        "{found} rows, or another one, instead of row {number}"
    )))
}

fn failed(error: &sqlx::Error) -> Failure {
    Failure::of("the database of the look-ups", error)
}
