//! One throw-away PostgreSQL: its data folder, its command line, its account.

use std::process::Command;

use rustix::process::Signal;

use crate::failure::Result;
use crate::install::Postgres;
use crate::process::{Account, output, without_client_settings};
use crate::services::home::{Home, Run};
use crate::services::{CONNECTIONS, Durability, Server, USER};

pub(super) fn start(postgres: &Postgres, run: Run<'_>) -> Result<Server> {
    let home = Home::make(run, "postgres", Account::needed("postgres")?)?;
    let mut initdb = home.command(&postgres.initdb, None);
    initdb
        .args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--username", USER])
        .arg("--pwfile")
        .arg(home.write("password", run.password)?)
        .arg("--pgdata")
        .arg(home.data());
    output(initdb, "make PostgreSQL's data folder")?;

    let sockets = format!("unix_socket_directories={}", home.folder.display());
    let command = |port: u16| {
        // SIGINT is its fast shutdown: clients are cut off, data stays whole.
        let mut server = home.command(&postgres.server, Some("INT"));
        server
            .arg("-D")
            .arg(home.data())
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", &sockets])
            .args(["-c", &format!("max_connections={CONNECTIONS}")])
            // As DMS asks of a source, and room for the prepared transactions of a test.
            .args(["-c", "wal_level=logical"])
            .args(["-c", "max_prepared_transactions=10"]);
        if run.durability == Durability::Fast {
            server
                .args(["-c", "fsync=off", "-c", "synchronous_commit=off"])
                .args(["-c", "full_page_writes=off"]);
        }
        server
    };
    let data_folder = |port: u16| ask(postgres, port, run.password, "SHOW data_directory");
    let name = ("PostgreSQL", postgres.version.as_str());
    home.start(name, Signal::INT, command, data_folder)
}

pub(super) fn ask(
    postgres: &Postgres,
    port: u16,
    password: &str,
    statement: &str,
) -> Result<String> {
    let mut client = without_client_settings(Command::new(&postgres.client));
    client
        .env("PGPASSWORD", password)
        .env("PGCONNECT_TIMEOUT", "5")
        .args(["--no-psqlrc", "--no-password"])
        .args(["--no-align", "--tuples-only"])
        .args(["--host=127.0.0.1", &format!("--port={port}")])
        .args([&format!("--username={USER}"), "--dbname=postgres"])
        .args(["--command", statement]);
    output(client, "ask PostgreSQL")
}
