//! Connections to SQLite, PostgreSQL and MySQL/MariaDB, and nothing about what is in them.
//!
//! This crate owns pools, transactions (READ COMMITTED, or `BEGIN IMMEDIATE` on SQLite), binds,
//! rows, migrations' bookkeeping, dynamic SQL and the shape of findings. It is the only crate that names sqlx:
//! a sqlx error's `Debug` can hold cell values (PostgreSQL's DETAIL quotes the key), so every
//! error leaves here as a [`DbError`], which has a class and a code and no text of the server's.
//!
//! It does not know what Fieldseal stores: no table name stands here but the migrations' own.
//!
//! Each driver has a feature: `sqlite`, `postgres`, `mysql`. A [`Database`] is connected to by its
//! URL, or made from an application's pool, whose way of connecting its own connections follow.
//!
//! SQL is written once, with `?` for parameters; [`Sql`] spells them `$1…` for PostgreSQL.

// With fewer drivers some arms cannot be reached, and some helpers have nobody to help.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(
        dead_code,
        irrefutable_let_patterns,
        unreachable_code,
        unreachable_patterns,
        unused_imports,
        unused_variables
    )
)]

mod bind;
mod database;
mod error;
mod finding;
mod lender;
mod migrate;
mod packet;
mod pool;
mod row;
mod sql;
mod tls;
mod transaction;
mod url;

pub use bind::{Bind, Encoded};
pub use database::{Connect, Database, Dialect};
pub use error::{DbError, DbErrorKind};
pub use finding::{Finding, Severity};
pub use migrate::{Migration, pending_migrations, run_migrations};
pub use row::Row;
pub use sql::{Sql, quote};
pub use tls::insisting_on_tls;
pub use transaction::Transaction;
pub use url::redact_url;
