//! The scripts that make the key store's tables. Owns which scripts there are; running them
//! belongs to `fieldseal-db`.

use fieldseal_db::{Dialect, Migration};

macro_rules! scripts {
    ($dialect:literal) => {
        &[Migration {
            name: "keystore/0001",
            script: include_str!(concat!(
                "../../../migrations/keystore/",
                $dialect,
                "/0001_keys.sql"
            )),
        }]
    };
}

/// The migrations of the key store for a dialect, in order.
#[must_use]
pub const fn migrations(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        Dialect::Sqlite => scripts!("sqlite"),
        Dialect::Postgres => scripts!("postgres"),
        Dialect::MySql => scripts!("mysql"),
    }
}
