//! How one server is started and recognised: on a free port, asked who it is until it answers, and
//! started again on another port when somebody else took the first.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};
use crate::process::{Group, tail};
use crate::services::Server;
use crate::stop::{Stop, TICK};

/// How one kind of server is started and recognised.
pub(super) struct Launch<'a> {
    pub(super) name: &'static str,
    pub(super) version: &'a str,
    pub(super) log: PathBuf,
    pub(super) password: &'a str,
    pub(super) end_with: rustix::process::Signal,
    /// The server's command line for a port.
    pub(super) command: Box<dyn Fn(u16) -> Command + 'a>,
    /// Asks what answers on a port for something that only the server we started says; an error
    /// while nothing answers.
    pub(super) identity: Box<dyn Fn(u16) -> Result<String> + 'a>,
    /// What the server we started says.
    pub(super) expected: String,
}

/// A server that was started and has not answered yet.
pub(super) struct Begun<'a> {
    launch: &'a Launch<'a>,
    process: Group,
    port: u16,
    began: Instant,
}

impl Launch<'_> {
    /// Starts the server and waits for it.
    pub(super) fn start(&self, stop: &Stop) -> Result<Server> {
        self.begin()?.ready(stop)
    }

    /// Starts the server.
    pub(super) fn begin(&self) -> Result<Begun<'_>> {
        let port = free_port()?;
        let mut command = (self.command)(port);
        let log = fs::File::create(&self.log).doing(|| format!("make {}", self.log.display()))?;
        let log_again = log
            .try_clone()
            .doing(|| format!("share {}", self.log.display()))?;
        command.stdout(log).stderr(log_again);
        Ok(Begun {
            launch: self,
            process: Group::start(command, self.name, self.end_with)?,
            port,
            began: Instant::now(),
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

impl Begun<'_> {
    /// Waits for the server; starts it on another port if someone took the free one before it did.
    pub(super) fn ready(self, stop: &Stop) -> Result<Server> {
        const TRIES: u32 = 3;
        let launch = self.launch;
        let mut last = match self.ready_once(stop) {
            Err(Failure::Told(message)) => message,
            other => return other,
        };
        for _ in 1..TRIES {
            match launch.begin()?.ready_once(stop) {
                Err(Failure::Told(message)) => last = message,
                other => return other,
            }
        }
        Err(Failure::Told(format!(
            "{} did not start in {TRIES} tries: {last}",
            launch.name
        )))
    }

    fn ready_once(mut self, stop: &Stop) -> Result<Server> {
        const PATIENCE: Duration = Duration::from_secs(180);
        let (launch, port) = (self.launch, self.port);
        // Others may have been waited for since it began.
        let asked = Instant::now();
        loop {
            stop.check()?;
            if let Some(status) = self.process.ended()? {
                return Err(launch.failed(&format!("ended ({status})")));
            }
            match (launch.identity)(port) {
                Ok(identity) if identity == launch.expected => break,
                Ok(_) => {
                    return Err(launch.failed(&format!("lost port {port} to another server")));
                }
                Err(_) if asked.elapsed() > PATIENCE => {
                    return Err(launch.failed("does not answer"));
                }
                Err(_) => std::thread::sleep(TICK),
            }
        }
        println!(
            "xtask: {} {} on 127.0.0.1:{port}, process {} ({:.1} s)",
            launch.name,
            launch.version,
            self.process.id(),
            self.began.elapsed().as_secs_f32()
        );
        Ok(Server {
            _process: self.process,
            port,
            password: launch.password.to_owned(),
        })
    }
}

/// A port nobody listens on just now.
fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .doing(|| "find a free port on 127.0.0.1".to_owned())
}
