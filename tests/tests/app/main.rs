//! The crate that applications link, over real databases: rows that the pipeline sealed are opened
//! by it, rows that it sealed are opened by `fieldseal open`'s reader, and what is not right is
//! refused with an error that says so and shows no value.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

/// A test on each server, named after it. The body gets the server, and the type of its
/// connections, by names of its own choice.
macro_rules! on_every_server {
    (|$server:ident, $connection:ident| $body:block) => {
        on_every_server!(on_sqlite, Sqlite, SqliteConnection, $server, $connection, $body);
        on_every_server!(on_postgres, Postgres, PgConnection, $server, $connection, $body);
        on_every_server!(on_mariadb, MariaDb, MySqlConnection, $server, $connection, $body);
        on_every_server!(on_mysql, MySql, MySqlConnection, $server, $connection, $body);
    };
    ($name:ident, $kind:ident, $driver:ident, $server:ident, $connection:ident, $body:block) => {
        #[tokio::test]
        async fn $name() {
            type $connection = sqlx::$driver;
            let $server = fieldseal_tests::databases::Server::$kind;
            if $server.is_there() $body
        }
    };
}

mod as_before;
mod bad_values;
mod both_ways;
mod bound;
#[cfg(target_os = "linux")]
mod clock;
mod escaped_bytes;
mod everything;
mod guide;
mod key_service;
mod known;
mod lost_keys;
mod new_keys;
mod one_writer;
mod own_types;
mod plaintext;
mod python;
mod shop;
mod start;
mod uuids;
mod vectors;
mod wide_numbers;
