//! Connections to SQLite, PostgreSQL and MySQL/MariaDB, and nothing about what is in them.
//!
//! This crate owns pools, transactions (READ COMMITTED, or `BEGIN IMMEDIATE` on SQLite), binds,
//! rows, migrations' bookkeeping and dynamic SQL. It is the only crate that names sqlx:
//! a sqlx error's `Debug` can hold cell values (PostgreSQL's DETAIL quotes the key), so every
//! error leaves here as a [`DbError`], which has a class and a code and no text of the server's.
//!
//! It does not know what Fieldseal stores: no table name stands here but the migrations' own.
//!
//! SQL is written once, with `?` for parameters; [`Sql`] spells them `$1…` for PostgreSQL.

mod bind;
mod database;
mod error;
mod migrate;
mod packet;
mod row;
mod sql;
mod transaction;
mod url;

pub use bind::{Bind, Encoded};
pub use database::{Connect, Database, Dialect};
pub use error::{DbError, DbErrorKind};
pub use migrate::{Migration, pending_migrations, run_migrations};
pub use row::Row;
pub use sql::{Sql, quote};
pub use transaction::Transaction;
pub use url::redact_url;
