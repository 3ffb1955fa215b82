//! One throw-away MySQL: its data folder and its command line.

use std::process::Command;

use rustix::process::Signal;

use crate::failure::Result;
use crate::mysql::Mysql;
use crate::process::output;
use crate::services::home::{Home, Run};
use crate::services::innodb;
use crate::services::{Server, option};

pub(super) fn start(mysql: &Mysql, run: Run<'_>) -> Result<Server> {
    // Even if we are root: its programs lie below `target/`, where other accounts often cannot go.
    let home = Home::make(run, "mysql", None)?;
    let mut install = program(mysql, &home, None);
    install
        .arg("--initialize-insecure")
        .arg(option("--datadir", &home.data()));
    output(install, "make MySQL's data folder")?;
    let nobody_else = "ALTER USER 'root'@'localhost' ACCOUNT LOCK;\n";
    let first_words = home.write("init.sql", &innodb::first_words(&home, nobody_else))?;

    let command = |port: u16| {
        let mut server = program(mysql, &home, Some("TERM"));
        innodb::options(&mut server, &home, &first_words, port);
        // Rows in full are its binlog's default.
        server
            .args(["--mysqlx=OFF", "--performance-schema=OFF"])
            .args(["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]);
        server
    };
    let data_folder = |port: u16| ask(mysql, port, run.password, innodb::DATA_FOLDER);
    let name = ("MySQL", mysql.version.as_str());
    home.start(name, Signal::TERM, command, data_folder)
}

/// The server's program among the packages it was unpacked with.
fn program(mysql: &Mysql, home: &Home<'_>, at_our_death: Option<&str>) -> Command {
    let (loader, mysqld) = mysql.program("usr/sbin/mysqld");
    let share = mysql.path("usr/share/mysql");
    let mut command = home.command(&loader, at_our_death);
    command
        .args(&mysqld)
        // Must come first.
        .arg("--no-defaults")
        .arg(option("--basedir", &mysql.path("usr")))
        .arg(option("--lc-messages-dir", &share))
        .arg(option("--character-sets-dir", &share.join("charsets")))
        .arg(option("--plugin-dir", &mysql.path("usr/lib/mysql/plugin")))
        .arg("--secure-file-priv=NULL");
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    command
}

pub(super) fn ask(mysql: &Mysql, port: u16, password: &str, statement: &str) -> Result<String> {
    innodb::ask(mysql.client(), port, password, statement)
}
