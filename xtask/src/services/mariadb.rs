//! One throw-away MariaDB: its data folder, its command line, its account.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::failure::{Doing, Result};
use crate::install::{Mariadb, Tools};
use crate::process::{Account, output, without_client_settings};
use crate::services::folder::Folder;
use crate::services::launch::Launch;
use crate::services::{CONNECTIONS, Durability, Server, USER, option};
use crate::stop::Stop;

pub(super) fn start(
    tools: &Tools,
    folder: &Folder,
    password: &str,
    durability: Durability,
    stop: &Stop,
) -> Result<Server> {
    let account = Account::needed("mysql")?;
    let account = account.as_ref();
    let home = folder.for_server("mariadb", account)?;
    let setpriv = tools.setpriv.as_deref();
    let data = home.join("data");

    stop.check()?;
    let mut install = Account::command(account, setpriv, &tools.mariadb.install_db, None);
    install
        .current_dir(folder.path())
        .args(["--no-defaults", "--skip-test-db", "--basedir=/usr"])
        // Else it wants this machine's name to be resolved.
        .arg("--skip-name-resolve")
        .arg("--auth-root-authentication-method=normal")
        .arg(option("--datadir", &data));
    output(install, "make MariaDB's data folder")?;
    let first_words = home.join("init.sql");
    write_for(account, &first_words, &init_file(password))?;

    let command = |port: u16| {
        let mut server = Account::command(account, setpriv, &tools.mariadb.server, Some("TERM"));
        server
            .current_dir(folder.path())
            // Must come first.
            .arg("--no-defaults")
            .arg(option("--datadir", &data))
            .arg(option("--socket", &home.join("socket")))
            .arg(option("--pid-file", &home.join("pid")))
            .arg(option("--init-file", &first_words))
            .args([&format!("--port={port}"), "--bind-address=127.0.0.1"])
            .arg("--skip-name-resolve")
            .arg(format!("--max-connections={CONNECTIONS}"))
            .arg("--character-set-server=utf8mb4")
            // MariaDB's own default since 10.2.4, named because Fieldseal requires the strict part.
            .arg(
                "--sql-mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,\
                 NO_ENGINE_SUBSTITUTION",
            )
            // A binlog as DMS asks for it: this server can also stand for a source, and a target
            // in production pays for one too.
            .arg("--server-id=1")
            .arg(option("--log-bin", &data.join("bin")))
            .args(["--binlog-format=ROW", "--binlog-row-image=FULL"])
            .args(["--binlog-row-metadata=FULL", "--gtid-strict-mode=ON"])
            .args(match durability {
                Durability::Fast => ["--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0"],
                Durability::Durable => ["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"],
            });
        server
    };
    let data_folder = |port: u16| {
        let text = ask(&tools.mariadb, port, password, "SELECT @@datadir")?;
        Ok(text.trim_end_matches('/').to_owned())
    };
    Launch {
        name: "MariaDB",
        version: &tools.mariadb.version,
        log: home.join("log"),
        password,
        end_with: Signal::TERM,
        command: Box::new(command),
        identity: Box::new(data_folder),
        expected: data.display().to_string(),
    }
    .start(stop)
}

pub(super) fn create_database(tools: &Mariadb, server: &Server, name: &str) -> Result<()> {
    let statement = format!("CREATE DATABASE {name}");
    ask(tools, server.port, &server.password, &statement).map(drop)
}

/// Run by the server before it takes connections: one account with a password nobody else knows,
/// and no account without one that could be reached over TCP.
fn init_file(password: &str) -> String {
    format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n\
         DROP USER IF EXISTS 'root'@'127.0.0.1';\n\
         DROP USER IF EXISTS 'root'@'::1';\n"
    )
}

fn ask(tools: &Mariadb, port: u16, password: &str, statement: &str) -> Result<String> {
    let mut client = without_client_settings(Command::new(&tools.client));
    client
        .env("MYSQL_PWD", password)
        .args(["--no-defaults", "--protocol=TCP", "--host=127.0.0.1"])
        .args(["--connect-timeout=5", "--batch", "--skip-column-names"])
        .args([format!("--port={port}"), format!("--user={USER}")])
        .args(["--execute", statement]);
    output(client, "ask MariaDB")
}

fn write_for(account: Option<&Account>, path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).doing(|| format!("write {}", path.display()))?;
    Account::own(account, path)
}
