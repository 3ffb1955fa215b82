//! One throw-away MariaDB: its data folder, its command line, its account.

use std::process::Command;

use rustix::process::Signal;

use crate::failure::Result;
use crate::install::Mariadb;
use crate::process::{Account, output};
use crate::services::home::{Home, Run};
use crate::services::innodb;
use crate::services::{Server, option};

pub(super) fn start(mariadb: &Mariadb, run: Run<'_>) -> Result<Server> {
    let home = Home::make(run, "mariadb", Account::needed("mysql")?)?;
    let mut install = home.command(&mariadb.install_db, None);
    install
        .args(["--no-defaults", "--skip-test-db", "--basedir=/usr"])
        // Else it wants this machine's name to be resolved.
        .arg("--skip-name-resolve")
        .arg("--auth-root-authentication-method=normal")
        .arg(option("--datadir", &home.data()));
    output(install, "make MariaDB's data folder")?;
    // No account without a password that could be reached over TCP.
    let nobody_else = "DROP USER IF EXISTS 'root'@'127.0.0.1';\n\
                       DROP USER IF EXISTS 'root'@'::1';\n";
    let first_words = home.write("init.sql", &innodb::first_words(&home, nobody_else))?;

    let command = |port: u16| {
        let mut server = home.command(&mariadb.server, Some("TERM"));
        // Must come first.
        server.arg("--no-defaults");
        innodb::options(&mut server, &home, &first_words, port);
        server
            .arg("--character-set-server=utf8mb4")
            // MariaDB's own default since 10.2.4, named because Fieldseal requires the strict part.
            .arg(
                "--sql-mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,\
                 NO_ENGINE_SUBSTITUTION",
            )
            .args(["--binlog-format=ROW", "--binlog-row-image=FULL"])
            .arg("--gtid-strict-mode=ON");
        server
    };
    let data_folder = |port: u16| ask(mariadb, port, run.password, innodb::DATA_FOLDER);
    let name = ("MariaDB", mariadb.version.as_str());
    home.start(name, Signal::TERM, command, data_folder)
}

pub(super) fn ask(mariadb: &Mariadb, port: u16, password: &str, statement: &str) -> Result<String> {
    innodb::ask(Command::new(&mariadb.client), port, password, statement)
}
