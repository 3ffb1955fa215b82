//! The service: what each request does. Owns its SQL; `super` says for which database it is built.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use fieldseal::{Pii, Vault};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Pool, query, query_as};

use super::{Db, NUMBERED};
use crate::customer::{Customer, SealedCustomer};
use crate::problem::Problem;

#[derive(Clone)]
struct Shop {
    vault: Vault,
    pool: Pool<Db>,
}

pub(crate) async fn router(vault: Vault, url: &str) -> Result<Router, sqlx::Error> {
    let pool = Pool::connect(url).await?;
    let one = get(read).put(update).delete(remove);
    Ok(Router::new()
        .route("/customers", get(page).post(create))
        .route("/customers/search", post(search))
        .route("/customers/{id}", one)
        .with_state(Shop { vault, pool }))
}

async fn create(
    State(shop): State<Shop>,
    Json(mut customer): Json<Customer>,
) -> Result<(StatusCode, Json<Customer>), Problem> {
    customer.id = new_id()?;
    let row = shop.vault.seal(&customer).await?;
    fieldseal::insert(&row)?.execute(&shop.pool).await?;
    Ok((StatusCode::CREATED, Json(customer)))
}

async fn read(State(shop): State<Shop>, Path(id): Path<i64>) -> Result<Json<Customer>, Problem> {
    let row = query_as::<_, SealedCustomer>(sql("SELECT * FROM customers WHERE id = ?"));
    let row = row.bind(id).fetch_optional(&shop.pool).await?;
    Ok(Json(shop.vault.open(row.ok_or(Problem::Missing)?).await?))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

async fn page(
    State(shop): State<Shop>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<Customer>>, Problem> {
    let limit = page.limit.unwrap_or(20).clamp(1, 100);
    let text = sql("SELECT * FROM customers WHERE id > ? ORDER BY id LIMIT ?");
    let rows = query_as::<_, SealedCustomer>(text).bind(page.after).bind(limit);
    let rows = rows.fetch_all(&shop.pool).await?;
    Ok(Json(shop.vault.open_all(rows).await?))
}

/// By POST: an e-mail address in a URL would stand in every proxy's log.
#[derive(Deserialize)]
struct Search {
    email: Pii<String>,
}

async fn search(
    State(shop): State<Shop>,
    Json(search): Json<Search>,
) -> Result<Json<Vec<Customer>>, Problem> {
    let lookup = shop.vault.lookup(Customer::EMAIL_EXACT, search.email).await?;
    let text = format!("SELECT * FROM customers WHERE {} = ? LIMIT 100", lookup.column());
    let rows = query_as(sql(&text)).bind(lookup.value());
    let rows = rows.fetch_all(&shop.pool).await?;
    Ok(Json(shop.vault.open_found(&lookup, rows).await?))
}

async fn update(
    State(shop): State<Shop>,
    Path(id): Path<i64>,
    Json(customer): Json<Customer>,
) -> Result<Json<Customer>, Problem> {
    let customer = Customer { id, ..customer };
    let row = shop.vault.seal(&customer).await?;
    let done = fieldseal::update(&row)?.execute(&shop.pool).await?;
    found(done.rows_affected()).map(|()| Json(customer))
}

async fn remove(State(shop): State<Shop>, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    let done = query(sql("DELETE FROM customers WHERE id = ?")).bind(id);
    let done = done.execute(&shop.pool).await?;
    found(done.rows_affected()).map(|()| StatusCode::NO_CONTENT)
}

const fn found(rows: u64) -> Result<(), Problem> {
    if rows == 0 { Err(Problem::Missing) } else { Ok(()) }
}

/// Known before the row is written, for values are bound to it: 53 random bits, as JavaScript has.
fn new_id() -> Result<i64, sqlx::Error> {
    let random = getrandom::u64().map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))?;
    Ok((random >> 11).cast_signed())
}

/// A statement with the marks that the database wants. It is made of literals and column names.
fn sql(text: &str) -> AssertSqlSafe<String> {
    let numbers = (1..=text.matches('?').count()).filter(|_| NUMBERED);
    let number = |text: String, number| text.replacen('?', &format!("${number}"), 1);
    AssertSqlSafe(numbers.fold(text.to_owned(), number))
}
