//! The servers of one run: started together in a folder of their own, stopped together.
//!
//! Everything is thrown away at the end. A folder left behind by a killed run is removed by the
//! next one, which can tell by the lock its owner held.

mod folder;
mod mariadb;
mod mysql;
mod postgres;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};
use crate::install::Tools;
use crate::mysql::{Choice, Mysql, URL as MYSQL_URL};
use crate::process::{Group, tail};
use crate::stop::{Stop, TICK};

use self::folder::Folder;

/// The one account on every server.
const USER: &str = "fieldseal";

/// The database made for a person's own trials.
const DATABASE: &str = "fieldseal";

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
    _folder: Folder,
}

impl Services {
    pub(crate) fn start(
        tools: &Tools,
        mysql: Choice,
        durability: Durability,
        stop: &Stop,
    ) -> Result<Self> {
        let folder = Folder::make()?;
        let password = random_hex()?;
        let mariadb = mariadb::start(tools, &folder, &password, durability, stop)?;
        let postgres = postgres::start(tools, &folder, &password, durability, stop)?;
        let mysql = match mysql {
            Choice::Given => MysqlServer::Given,
            Choice::LeftOut(why) => MysqlServer::LeftOut(why),
            Choice::Fetched(mysql) => {
                match mysql::start(&mysql, tools, &folder, &password, durability, stop) {
                    Ok(server) => MysqlServer::Started(mysql, server),
                    Err(Failure::Told(why)) => MysqlServer::LeftOut(why),
                    Err(stopped @ Failure::Stopped(_)) => return Err(stopped),
                }
            }
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
            _folder: folder,
        })
    }

    /// Tells a child where the servers are: URLs of an administrator, who makes a database per
    /// test.
    pub(crate) fn tell(&self, command: &mut Command) {
        command.envs(self.urls());
    }

    fn urls(&self) -> Vec<(&'static str, String)> {
        let mut urls = vec![
            (
                "FIELDSEAL_TEST_MARIADB_URL",
                self.mariadb.url("mysql", "mysql"),
            ),
            (
                "FIELDSEAL_TEST_POSTGRES_URL",
                self.postgres.url("postgres", "postgres"),
            ),
        ];
        if let MysqlServer::Started(_, server) = &self.mysql {
            urls.push((MYSQL_URL, server.url("mysql", "mysql")));
        }
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
        mariadb::create_database(&tools.mariadb, &self.mariadb, DATABASE)?;
        postgres::create_database(&tools.postgres, &self.postgres, DATABASE)?;
        let (maria, postgres) = (&self.mariadb, &self.postgres);
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
            mysql::create_database(programs, mysql, DATABASE)?;
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

/// How one kind of server is started and recognised.
struct Launch<'a> {
    name: &'static str,
    version: &'a str,
    log: PathBuf,
    password: &'a str,
    end_with: rustix::process::Signal,
    /// The server's command line for a port.
    command: &'a dyn Fn(u16) -> Command,
    /// Asks what answers on a port where its data lies; an error while nothing answers.
    data_folder: &'a dyn Fn(u16) -> Result<String>,
    /// Where the data of the server we started lies.
    expected: String,
}

impl Launch<'_> {
    /// Starts the server, on another port if someone takes the free one before it does.
    fn start(&self, stop: &Stop) -> Result<Server> {
        const TRIES: u32 = 3;
        let mut last = None;
        for _ in 0..TRIES {
            match self.start_once(free_port()?, stop) {
                Err(Failure::Told(message)) => last = Some(message),
                other => return other,
            }
        }
        Err(Failure::Told(format!(
            "{} did not start in {TRIES} tries: {}",
            self.name,
            last.unwrap_or_default()
        )))
    }

    fn start_once(&self, port: u16, stop: &Stop) -> Result<Server> {
        const PATIENCE: Duration = Duration::from_secs(60);
        let began = Instant::now();
        let mut command = (self.command)(port);
        let log = fs::File::create(&self.log).doing(|| format!("make {}", self.log.display()))?;
        let log_again = log
            .try_clone()
            .doing(|| format!("share {}", self.log.display()))?;
        command.stdout(log).stderr(log_again);
        let mut process = Group::start(command, self.name, self.end_with)?;
        loop {
            stop.check()?;
            if let Some(status) = process.ended()? {
                return Err(self.failed(&format!("ended ({status})")));
            }
            match (self.data_folder)(port) {
                Ok(folder) if folder == self.expected => break,
                Ok(_) => return Err(self.failed(&format!("lost port {port} to another server"))),
                Err(_) if began.elapsed() > PATIENCE => {
                    return Err(self.failed("does not answer"));
                }
                Err(_) => std::thread::sleep(TICK),
            }
        }
        println!(
            "xtask: {} {} on 127.0.0.1:{port}, process {} ({:.1} s)",
            self.name,
            self.version,
            process.id(),
            began.elapsed().as_secs_f32()
        );
        Ok(Server {
            _process: process,
            port,
            password: self.password.to_owned(),
        })
    }

    fn failed(&self, what: &str) -> Failure {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Failure::Told(format!(
            "{} {what}; its log ends:\n{}",
            self.name,
            tail(&log)
        ))
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// A port nobody listens on just now.
fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .doing(|| "find a free port on 127.0.0.1".to_owned())
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
