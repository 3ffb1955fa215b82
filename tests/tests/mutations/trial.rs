//! One program under test, running while the next one is built. Owns what it is told, and what
//! counts as having noticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::patch::Killer;

/// As many as find every mutation from this seed, with room; on a server, a history takes longer.
const HISTORIES: &str = "2000";
const HISTORIES_ON_A_SERVER: &str = "40";
const SEED: &str = "1";

pub(crate) struct Trial {
    name: String,
    program: PathBuf,
    child: Child,
}

impl Trial {
    pub(crate) fn start(name: &str, killer: &Killer, program: &Path) -> Self {
        let mut command = Command::new(program);
        let histories = if killer.has_a_test_of_its_own() {
            HISTORIES
        } else {
            HISTORIES_ON_A_SERVER
        };
        if let Killer::Test { filter, .. } = killer {
            command.arg(filter);
        }
        let child = command
            .env("FIELDSEAL_HISTORIES", histories)
            .env("FIELDSEAL_SEED", SEED)
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            child,
        }
    }

    /// Whether it passed, and what it printed.
    pub(crate) fn end(self) -> (bool, String) {
        let output = self.child.wait_with_output().unwrap();
        fs::remove_file(&self.program).unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text)
    }

    /// What to say if nobody noticed.
    pub(crate) fn survivor(self) -> Option<String> {
        let name = self.name.clone();
        let (passed, text) = self.end();
        // A test that failed, and not a program that could not run.
        if !passed && text.contains("test result: FAILED") {
            println!("{name}: found");
            None
        } else {
            Some(format!("{name} was not noticed"))
        }
    }
}
