//! A look-up by a blind index against one by an index over the value in clear: two tables with the
//! same rows on one PostgreSQL server, one connection, in turns. Owns its tables; the server's scratch
//! database is `databases`'.

use fieldseal::{Pii, Vault};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, query, query_as, raw_sql};

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

const TABLES: &str = "
CREATE TABLE customers_sealed (
    id bigint NOT NULL PRIMARY KEY, full_name bytea, birth_date bytea, email bytea,
    email_bidx bytea, phone bytea, address bytea, notes bytea);
CREATE INDEX ON customers_sealed (email_bidx);
CREATE TABLE customers_plain (
    id bigint NOT NULL PRIMARY KEY, full_name text, birth_date text, email text,
    phone text, address text, notes text);
CREATE INDEX ON customers_plain (email);
";

/// A row of `customers_plain`.
type Plain = (i64, String, String, String, String, String, String);

pub(super) async fn measure(vault: &Vault, url: &str, rounds: usize) -> Result<Value, Failure> {
    let server = Server::postgres(url).await?;
    let scratch = Scratch::create(&server).await?;
    let figures = in_database(vault, scratch.url(), rounds).await;
    let removed = scratch.remove().await;
    let mut figures = figures?;
    removed?;
    figures["version"] = json!(server.version);
    Ok(figures)
}

async fn in_database(vault: &Vault, url: &str, rounds: usize) -> Result<Value, Failure> {
    let connection = PgConnection::connect(url).await;
    let mut connection = connection.map_err(|error| failed(&error))?;
    fill(vault, &mut connection).await?;
    // The statements are prepared, and the server has settled for their plans.
    round(vault, &mut connection, &mut Pairs::default()).await?;
    let mut pairs = Pairs::default();
    for _ in 0..rounds * 3 {
        round(vault, &mut connection, &mut pairs).await?;
    }
    connection.close().await.map_err(|error| failed(&error))?;
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

/// The same rows into both tables.
async fn fill(vault: &Vault, connection: &mut PgConnection) -> Result<(), Failure> {
    let rows = sealed(vault, 0..ROWS, true).await?;
    let filled = async {
        raw_sql(TABLES).execute(&mut *connection).await?;
        let mut transaction = connection.begin().await?;
        for row in &rows {
            fieldseal::insert(row)?.execute(&mut *transaction).await?;
        }
        for number in 0..ROWS {
            let values = Personal::of(number);
            query("INSERT INTO customers_plain VALUES ($1, $2, $3, $4, $5, $6, $7)")
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
        // Settled tables, as both are on any day but their first.
        let settle = raw_sql("VACUUM ANALYZE customers_sealed");
        settle.execute(&mut *connection).await?;
        let settle = raw_sql("VACUUM ANALYZE customers_plain");
        settle.execute(&mut *connection).await
    };
    let filled: Result<_, sqlx::Error> = filled.await;
    filled.map(drop).map_err(|error| failed(&error))
}

async fn round(
    vault: &Vault,
    connection: &mut PgConnection,
    pairs: &mut Pairs,
) -> Result<(), Failure> {
    let (mut ours, mut other) = (Times::default(), Times::default());
    for lookup in 0..LOOKUPS {
        let number = lookup * STRIDE % ROWS;
        let email = Personal::of(number).email;
        // Who comes first changes.
        for in_clear in [lookup % 2 == 0, lookup % 2 == 1] {
            if in_clear {
                let watch = Stopwatch::start();
                let ids = plain(connection, &email).await?;
                other = other + watch.read();
                expect(&ids, number)?;
            } else {
                let email = Pii::new(email.clone());
                let watch = Stopwatch::start();
                let ids = by_index(vault, connection, email).await?;
                ours = ours + watch.read();
                expect(&ids, number)?;
            }
        }
    }
    pairs.ours.push(ours);
    pairs.other.push(other);
    Ok(())
}

async fn plain(connection: &mut PgConnection, email: &str) -> Result<Vec<i64>, Failure> {
    let rows = query_as::<_, Plain>("SELECT * FROM customers_plain WHERE email = $1");
    let rows = rows.bind(email).fetch_all(connection).await;
    let rows = rows.map_err(|error| failed(&error))?;
    Ok(rows.iter().map(|row| row.0).collect())
}

async fn by_index(
    vault: &Vault,
    connection: &mut PgConnection,
    email: Pii<String>,
) -> Result<Vec<i64>, Failure> {
    let lookup = vault.lookup(Customer::EMAIL_EXACT, email).await;
    let lookup = lookup.map_err(|error| Failure::of("looking up", &error))?;
    let rows = query_as("SELECT * FROM customers_sealed WHERE email_bidx = $1");
    let rows: Result<Vec<SealedCustomer>, _> =
        rows.bind(lookup.value()).fetch_all(connection).await;
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
