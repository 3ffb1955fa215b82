//! The public emulators of AWS services: how each is started, and how it is known that what answers
//! is the one we started. Nobody else can listen on a port that it listens on, and it writes into a
//! log of its own when it does (the scripts in `xtask/emulators` see to that, and to loopback only).

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::emulators::{KINESALITE, KINESIS_LOCAL, MOTO, Programs};
use crate::failure::{Doing, Failure, Result};
use crate::install::Tools;
use crate::process::Account;
use crate::services::Server;
use crate::services::folder::Folder;
use crate::services::launch::{Begun, Launch};
use crate::stop::Stop;

/// The emulators, up.
pub(super) struct Emulators([Server; 3]);

/// Where tests find each, in the order of [`launches`].
const URLS: [&str; 3] = [
    "FIELDSEAL_TEST_KINESALITE_URL",
    "FIELDSEAL_TEST_KINESIS_LOCAL_URL",
    "FIELDSEAL_TEST_MOTO_URL",
];

/// How each is started.
pub(super) fn launches<'a>(
    programs: &'a Programs,
    tools: &'a Tools,
    folder: &Folder,
) -> Result<[Launch<'a>; 3]> {
    let launch = |name, version, command: Box<dyn Fn(u16) -> Command + 'a>| {
        let log = folder.for_server(name, None)?.join("log");
        Ok(Launch {
            name,
            version,
            log: log.clone(),
            password: "",
            end_with: Signal::TERM,
            command,
            identity: Box::new(move |port| running(&log, port)),
            expected: RUNNING.to_owned(),
        })
    };
    let ours =
        move |program| Account::command(None, tools.setpriv.as_deref(), program, Some("TERM"));
    let node = move || {
        let mut node = ours(&tools.node.node);
        node.arg("--require").arg(programs.script("loopback.js"));
        node
    };
    let kinesalite = move |port: u16| {
        let mut command = node();
        command
            .arg(programs.script("kinesalite.js"))
            .current_dir(programs.modules())
            .env("PORT", port.to_string());
        command
    };
    let kinesis_local = move |port: u16| {
        let mut command = node();
        // It looks for a file of its own in the folder it is started in.
        command
            .arg("main.js")
            .current_dir(programs.modules().join("node_modules/kinesis-local"))
            .env("KINESIS_MOCK_PLAIN_PORT", port.to_string())
            // Any free one: nobody uses it.
            .env("KINESIS_MOCK_TLS_PORT", "0")
            .env("SHARD_LIMIT", "1000")
            .env("LOG_LEVEL", "WARN");
        command
    };
    let moto = move |port: u16| {
        let mut command = ours(programs.moto());
        command
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(port.to_string());
        command
    };
    Ok([
        launch("kinesalite", KINESALITE, Box::new(kinesalite))?,
        launch("kinesis-local", KINESIS_LOCAL, Box::new(kinesis_local))?,
        launch("moto", MOTO, Box::new(moto))?,
    ])
}

/// Starts them all.
pub(super) fn begin<'a>(launches: &'a [Launch<'a>; 3]) -> Result<[Begun<'a>; 3]> {
    let [kinesalite, kinesis_local, moto] = launches;
    Ok([kinesalite.begin()?, kinesis_local.begin()?, moto.begin()?])
}

impl Emulators {
    /// Waits for them all.
    pub(super) fn ready(begun: [Begun<'_>; 3], stop: &Stop) -> Result<Self> {
        let [kinesalite, kinesis_local, moto] = begun;
        Ok(Self([
            kinesalite.ready(stop)?,
            kinesis_local.ready(stop)?,
            moto.ready(stop)?,
        ]))
    }

    pub(super) fn urls(&self) -> impl Iterator<Item = (&'static str, String)> {
        let url = |server: &Server| format!("http://127.0.0.1:{}", server.port);
        URLS.into_iter().zip(self.0.iter().map(url))
    }
}

/// What each of them writes into its log.
const RUNNING: &str = "Running on http://127.0.0.1:";

/// Whether the server that writes this log listens on this port.
fn running(log: &Path, port: u16) -> Result<String> {
    let text = fs::read_to_string(log).doing(|| format!("read {}", log.display()))?;
    let ports = text.lines().filter_map(|line| line.split_once(RUNNING));
    let mut ports = ports.map(|(_, rest)| rest.trim_end());
    if ports.any(|found| found == port.to_string()) {
        Ok(RUNNING.to_owned())
    } else {
        Err(Failure::told("it does not listen yet"))
    }
}
