//! One throw-away MySQL: its data folder and its command line.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use crate::failure::{Doing, Result};
use crate::install::Tools;
use crate::mysql::Mysql;
use crate::process::{Account, output, without_client_settings};
use crate::services::folder::Folder;
use crate::services::launch::Launch;
use crate::services::{CONNECTIONS, Durability, Server, USER, option};
use crate::stop::Stop;

pub(super) fn start(
    mysql: &Mysql,
    tools: &Tools,
    folder: &Folder,
    password: &str,
    durability: Durability,
    stop: &Stop,
) -> Result<Server> {
    // Even if we are root: its programs lie below `target/`, where other accounts often cannot go.
    let home = folder.for_server("mysql", None)?;
    let setpriv = tools.setpriv.as_deref();
    let data = home.join("data");
    let (loader, mysqld) = mysql.program("usr/sbin/mysqld");
    let common = |mut command: Command| {
        command
            .current_dir(folder.path())
            .args(&mysqld)
            // Must come first.
            .arg("--no-defaults")
            .arg(option("--basedir", &mysql.path("usr")))
            .arg(option("--lc-messages-dir", &mysql.path("usr/share/mysql")))
            .arg(option(
                "--character-sets-dir",
                &mysql.path("usr/share/mysql/charsets"),
            ))
            .arg(option("--plugin-dir", &mysql.path("usr/lib/mysql/plugin")))
            .arg(option("--datadir", &data))
            .arg("--secure-file-priv=NULL");
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        command
    };

    stop.check()?;
    let mut install = common(Account::command(None, setpriv, &loader, None));
    install.arg("--initialize-insecure");
    output(install, "make MySQL's data folder")?;
    let first_words = home.join("init.sql");
    fs::write(&first_words, init_file(password))
        .doing(|| format!("write {}", first_words.display()))?;

    let command = |port: u16| {
        let mut server = common(Account::command(None, setpriv, &loader, Some("TERM")));
        server
            .arg(option("--socket", &home.join("socket")))
            .arg(option("--pid-file", &home.join("pid")))
            .arg(option("--init-file", &first_words))
            .args([&format!("--port={port}"), "--bind-address=127.0.0.1"])
            .args([
                "--mysqlx=OFF",
                "--skip-name-resolve",
                "--performance-schema=OFF",
            ])
            .arg(format!("--max-connections={CONNECTIONS}"))
            // As a source for DMS would have it; rows in full are its default.
            .arg("--server-id=1")
            .arg(option("--log-bin", &data.join("bin")))
            .args(["--binlog-row-metadata=FULL", "--gtid-mode=ON"])
            .arg("--enforce-gtid-consistency=ON")
            .args(match durability {
                Durability::Fast => ["--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0"],
                Durability::Durable => ["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"],
            });
        server
    };
    let data_folder = |port: u16| {
        let text = ask(mysql, port, password, "SELECT @@datadir")?;
        Ok(text.trim_end_matches('/').to_owned())
    };
    Launch {
        name: "MySQL",
        version: &mysql.version,
        log: home.join("log"),
        password,
        end_with: Signal::TERM,
        command: Box::new(command),
        identity: Box::new(data_folder),
        expected: data.display().to_string(),
    }
    .start(stop)
}

pub(super) fn create_database(mysql: &Mysql, server: &Server, name: &str) -> Result<()> {
    let statement = format!("CREATE DATABASE {name}");
    ask(mysql, server.port, &server.password, &statement).map(drop)
}

/// Run by the server before it takes connections: one account with a password nobody else knows,
/// and none without.
fn init_file(password: &str) -> String {
    format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n\
         ALTER USER 'root'@'localhost' ACCOUNT LOCK;\n"
    )
}

fn ask(mysql: &Mysql, port: u16, password: &str, statement: &str) -> Result<String> {
    let mut client = without_client_settings(mysql.client());
    client
        .env("MYSQL_PWD", password)
        .args(["--no-defaults", "--protocol=TCP", "--host=127.0.0.1"])
        .args(["--connect-timeout=5", "--batch", "--skip-column-names"])
        .args([format!("--port={port}"), format!("--user={USER}")])
        .args(["--execute", statement]);
    output(client, "ask MySQL")
}
