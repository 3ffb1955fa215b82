//! What MariaDB and MySQL have in common: most of a server's options, its account, its client.

use std::path::Path;
use std::process::Command;

use crate::failure::Result;
use crate::process::{output, without_client_settings};
use crate::services::home::Home;
use crate::services::{CONNECTIONS, Durability, USER, option};

/// Asks a server where its data lies.
pub(super) const DATA_FOLDER: &str = "SELECT TRIM(TRAILING '/' FROM @@datadir)";

/// Tells a server where to live, where to listen, and to keep a binlog.
pub(super) fn options(server: &mut Command, home: &Home<'_>, first_words: &Path, port: u16) {
    server
        .arg(option("--datadir", &home.data()))
        .arg(option("--socket", &home.path("socket")))
        .arg(option("--pid-file", &home.path("pid")))
        .arg(option("--init-file", first_words))
        .args([&format!("--port={port}"), "--bind-address=127.0.0.1"])
        .arg("--skip-name-resolve")
        .arg(format!("--max-connections={CONNECTIONS}"))
        // A binlog as DMS asks for it: this server can also stand for a source, and a target in
        // production pays for one too.
        .arg("--server-id=1")
        .arg(option("--log-bin", &home.data().join("bin")))
        .arg("--binlog-row-metadata=FULL")
        .args(match home.run.durability {
            Durability::Fast => ["--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0"],
            Durability::Durable => ["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"],
        });
}

/// Run by the server before it takes connections: one account with a password nobody else knows;
/// `nobody_else` shuts out those without one.
pub(super) fn first_words(home: &Home<'_>, nobody_else: &str) -> String {
    let password = home.run.password;
    format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n\
         {nobody_else}"
    )
}

/// Asks the server on this port by its client.
pub(super) fn ask(client: Command, port: u16, password: &str, statement: &str) -> Result<String> {
    let mut client = without_client_settings(client);
    client
        .env("MYSQL_PWD", password)
        .args(["--no-defaults", "--protocol=TCP", "--host=127.0.0.1"])
        .args(["--connect-timeout=5", "--batch", "--skip-column-names"])
        .args([format!("--port={port}"), format!("--user={USER}")])
        .args(["--execute", statement]);
    output(client, "ask the server")
}
