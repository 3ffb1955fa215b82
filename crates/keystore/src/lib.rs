//! The key store in a database: [`DbKeyStore`] is the `KeyStore` of `fieldseal-keys` on SQLite,
//! PostgreSQL, MySQL and MariaDB.
//!
//! This crate owns the SQL and the tables `fieldseal_meta`, `fieldseal_data_keys`,
//! `fieldseal_key_wraps`, `fieldseal_indexes` and `fieldseal_layout`, whose scripts it embeds
//! ([`migrations()`]). It knows no key: it stores wraps and hands them back, and what they are
//! worth is decided by the keyring.

mod data_keys;
mod database;
mod lines;
mod migrations;

pub use database::DbKeyStore;
pub use migrations::migrations;
