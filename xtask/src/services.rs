//! The servers of one run: started together in a folder of their own, stopped together.
//!
//! Everything is thrown away at the end. A folder left behind by a killed run is removed by the
//! next one, which can tell by the lock its owner held.

mod emulators;
mod folder;
mod home;
mod innodb;
mod launch;
mod mariadb;
mod mysql;
mod postgres;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::emulators::Programs;
use crate::failure::{Doing, Failure, Result};
use crate::install::Tools;
use crate::mysql::{Choice, Mysql, URL as MYSQL_URL};
use crate::process::Group;
use crate::stop::Stop;

use self::emulators::Emulators;
use self::folder::Folder;
use self::home::Run;

/// The one account on every server.
const USER: &str = "fieldseal";

/// The database made for a person's own trials.
const DATABASE: &str = "fieldseal";

/// Where tests find PostgreSQL.
const POSTGRES_URL: &str = "FIELDSEAL_TEST_POSTGRES_URL";

/// How many connections each server takes: tests run side by side, each with a pool of its own.
const CONNECTIONS: u32 = 300;

/// Whether commits are flushed to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Enough as long as only clients are killed, never a server or the machine.
    Fast,
    /// As in production, for measurements.
    Durable,
}

/// The servers, up. Fields are dropped in this order: servers before their folder.
pub(crate) struct Services {
    mariadb: Server,
    postgres: Server,
    mysql: MysqlServer,
    emulators: Emulators,
    _folder: Folder,
}

impl Services {
    pub(crate) fn start(
        tools: &Tools,
        mysql: Choice,
        programs: &Programs,
        durability: Durability,
        stop: &Stop,
    ) -> Result<Self> {
        let folder = Folder::make()?;
        let password = random_hex()?;
        // They come up while the databases make their data folders. Not by threads: a child would
        // get its signal for our death when the thread that started it ends.
        let launches = emulators::launches(programs, tools, &folder)?;
        let begun = emulators::begin(&launches)?;
        let run = Run {
            folder: &folder,
            setpriv: tools.setpriv.as_deref(),
            password: &password,
            durability,
            stop,
        };
        let mariadb = mariadb::start(&tools.mariadb, run)?;
        let postgres = postgres::start(&tools.postgres, run)?;
        let emulators = Emulators::ready(begun, stop)?;
        let mysql = match mysql {
            Choice::Given => MysqlServer::Given,
            Choice::LeftOut(why) => MysqlServer::LeftOut(why),
            Choice::Fetched(mysql) => match mysql::start(&mysql, run) {
                Ok(server) => MysqlServer::Started(mysql, server),
                Err(Failure::Told(why)) => MysqlServer::LeftOut(why),
                Err(stopped @ Failure::Stopped(_)) => return Err(stopped),
            },
        };
        match &mysql {
            MysqlServer::Started(..) => {}
            MysqlServer::Given => println!("xtask: MySQL is the one at {MYSQL_URL}"),
            MysqlServer::LeftOut(why) => println!("xtask: MySQL left out: {why}"),
        }
        Ok(Self {
            mariadb,
            postgres,
            mysql,
            emulators,
            _folder: folder,
        })
    }

    /// Tells a child where the servers are: URLs of an administrator, who makes a database per
    /// test.
    pub(crate) fn tell(&self, command: &mut Command) {
        go_past_proxies(command);
        command.envs(self.urls());
    }

    fn urls(&self) -> Vec<(&'static str, String)> {
        let mut urls = vec![
            (
                "FIELDSEAL_TEST_MARIADB_URL",
                self.mariadb.url("mysql", "mysql"),
            ),
            (POSTGRES_URL, self.postgres.url("postgres", "postgres")),
        ];
        if let MysqlServer::Started(_, server) = &self.mysql {
            urls.push((MYSQL_URL, server.url("mysql", "mysql")));
        }
        urls.extend(self.emulators.urls());
        urls
    }

    /// What a report of the tests must add.
    pub(crate) fn without(&self) -> &'static str {
        match self.mysql {
            MysqlServer::Started(..) | MysqlServer::Given => "",
            MysqlServer::LeftOut(_) => ", MySQL left out (why stands above the tests)",
        }
    }

    /// Makes an empty database on each server and prints how to reach it.
    pub(crate) fn print_how_to_use(&self, tools: &Tools) -> Result<()> {
        let make = format!("CREATE DATABASE {DATABASE}");
        let (maria, postgres) = (&self.mariadb, &self.postgres);
        mariadb::ask(&tools.mariadb, maria.port, &maria.password, &make)?;
        postgres::ask(&tools.postgres, postgres.port, &postgres.password, &make)?;
        println!(
            "\n\
             # A policy names the variable that holds the URL, which holds a password:\n\
             [target]\n\
             url_env = \"FIELDSEAL_TARGET_URL\"\n\n\
             # MariaDB {}\n\
             export FIELDSEAL_TARGET_URL={}\n\
             MYSQL_PWD={} mariadb -h 127.0.0.1 -P {} -u {USER} {DATABASE}\n\n\
             # PostgreSQL {}\n\
             export FIELDSEAL_TARGET_URL={}\n\
             psql {}",
            tools.mariadb.version,
            maria.url("mysql", DATABASE),
            maria.password,
            maria.port,
            tools.postgres.version,
            postgres.url("postgres", DATABASE),
            postgres.url("postgres", DATABASE),
        );
        if let MysqlServer::Started(programs, mysql) = &self.mysql {
            mysql::ask(programs, mysql.port, &mysql.password, &make)?;
            println!(
                "\n# MySQL {}\nexport FIELDSEAL_TARGET_URL={}",
                programs.version,
                mysql.url("mysql", DATABASE),
            );
        }
        println!("\n# for `cargo test` without xtask:");
        for (variable, url) in self.urls() {
            println!("export {variable}={url}");
        }
        println!("\nCtrl-C stops the servers and deletes what they hold.");
        Ok(())
    }
}

/// PostgreSQL without the others, up.
pub(crate) struct PostgresAlone {
    server: Server,
    _folder: Folder,
}

impl PostgresAlone {
    pub(crate) fn start(tools: &Tools, stop: &Stop) -> Result<Self> {
        let folder = Folder::make()?;
        let run = Run {
            folder: &folder,
            setpriv: tools.setpriv.as_deref(),
            password: &random_hex()?,
            durability: Durability::Fast,
            stop,
        };
        Ok(Self {
            server: postgres::start(&tools.postgres, run)?,
            _folder: folder,
        })
    }

    /// As [`Services::tell`].
    pub(crate) fn tell(&self, command: &mut Command) {
        go_past_proxies(command);
        command.env(POSTGRES_URL, self.server.url("postgres", "postgres"));
    }
}

/// The proxy that a person needs to reach the world cannot reach what listens here, which AWS's SDK
/// would ask it for.
fn go_past_proxies(command: &mut Command) {
    let mut names = ["NO_PROXY", "no_proxy"].into_iter();
    let known = names.find_map(|name| std::env::var(name).ok());
    command.env("NO_PROXY", with_this_machine(known.as_deref()));
}

/// A list of hosts without a proxy, and this one.
fn with_this_machine(hosts: Option<&str>) -> String {
    let hosts = hosts.into_iter().filter(|hosts| !hosts.is_empty());
    hosts.chain(["127.0.0.1"]).collect::<Vec<_>>().join(",")
}

/// MySQL, which is not everywhere to be had.
enum MysqlServer {
    Started(Mysql, Server),
    /// The person's own, whose URL the tests inherit.
    Given,
    LeftOut(String),
}

/// One running server.
struct Server {
    // Held for its `Drop`, which ends the server.
    _process: Group,
    port: u16,
    password: String,
}

impl Server {
    fn url(&self, scheme: &str, database: &str) -> String {
        format!(
            "{scheme}://{USER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// A password that nobody else on this machine knows.
fn random_hex() -> Result<String> {
    use std::io::Read;
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .doing(|| "read /dev/urandom".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::with_this_machine;

    #[test]
    fn a_persons_hosts_without_a_proxy_stay() {
        assert_eq!(with_this_machine(None), "127.0.0.1");
        assert_eq!(with_this_machine(Some("")), "127.0.0.1");
        assert_eq!(with_this_machine(Some("intranet")), "intranet,127.0.0.1");
    }
}
