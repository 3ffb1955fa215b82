//! One throw-away PostgreSQL: its data folder, its command line, its account.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use crate::failure::{Doing, Result};
use crate::install::{Postgres, Tools};
use crate::process::{Account, output, without_client_settings};
use crate::services::folder::Folder;
use crate::services::launch::Launch;
use crate::services::{CONNECTIONS, Durability, Server, USER};
use crate::stop::Stop;

pub(super) fn start(
    tools: &Tools,
    folder: &Folder,
    password: &str,
    durability: Durability,
    stop: &Stop,
) -> Result<Server> {
    let account = Account::needed("postgres")?;
    let account = account.as_ref();
    let home = folder.for_server("postgres", account)?;
    let setpriv = tools.setpriv.as_deref();
    let data = home.join("data");

    stop.check()?;
    let password_file = home.join("password");
    fs::write(&password_file, password).doing(|| format!("write {}", password_file.display()))?;
    Account::own(account, &password_file)?;
    let mut initdb = Account::command(account, setpriv, &tools.postgres.initdb, None);
    initdb
        .current_dir(folder.path())
        .args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--username", USER])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("--pgdata")
        .arg(&data);
    output(initdb, "make PostgreSQL's data folder")?;

    let command = |port: u16| {
        // SIGINT is its fast shutdown: clients are cut off, data stays whole.
        let mut server = Account::command(account, setpriv, &tools.postgres.server, Some("INT"));
        server
            .current_dir(folder.path())
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", &format!("unix_socket_directories={}", home.display())])
            .args(["-c", &format!("max_connections={CONNECTIONS}")])
            // As DMS asks of a source, and room for the prepared transactions of a test.
            .args([
                "-c",
                "wal_level=logical",
                "-c",
                "max_prepared_transactions=10",
            ]);
        if durability == Durability::Fast {
            server
                .args(["-c", "fsync=off", "-c", "synchronous_commit=off"])
                .args(["-c", "full_page_writes=off"]);
        }
        server
    };
    let data_folder = |port: u16| {
        let statement = "SHOW data_directory";
        ask(&tools.postgres, port, password, statement)
    };
    Launch {
        name: "PostgreSQL",
        version: &tools.postgres.version,
        log: home.join("log"),
        password,
        end_with: Signal::INT,
        command: Box::new(command),
        identity: Box::new(data_folder),
        expected: data.display().to_string(),
    }
    .start(stop)
}

pub(super) fn create_database(tools: &Postgres, server: &Server, name: &str) -> Result<()> {
    let statement = format!("CREATE DATABASE {name}");
    ask(tools, server.port, &server.password, &statement).map(drop)
}

fn ask(tools: &Postgres, port: u16, password: &str, statement: &str) -> Result<String> {
    let mut client = without_client_settings(Command::new(&tools.client));
    client
        .env("PGPASSWORD", password)
        .env("PGCONNECT_TIMEOUT", "5")
        .args([
            "--no-psqlrc",
            "--no-password",
            "--no-align",
            "--tuples-only",
        ])
        .args(["--host=127.0.0.1", &format!("--port={port}")])
        .args([&format!("--username={USER}"), "--dbname=postgres"])
        .args(["--command", statement]);
    output(client, "ask PostgreSQL")
}
