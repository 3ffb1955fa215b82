//! Programs under test, each running while the next one is built. Owns what they are told, and
//! what counts as having noticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::copy::Copy;
use crate::patch::Killer;

/// As many as find every mutation from this seed, with room; on a server, a history takes longer.
const HISTORIES: &str = "2000";
const HISTORIES_ON_A_SERVER: &str = "40";
const SEED: &str = "1";

/// What a program must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Some test of it fails.
    Fails,
    /// There is a test, and all pass.
    Passes,
}

/// One program after the other.
pub(crate) struct Trials<'a> {
    copy: &'a Copy,
    running: Option<Trial>,
    failures: Vec<String>,
}

impl<'a> Trials<'a> {
    pub(crate) const fn over(copy: &'a Copy) -> Self {
        Self {
            copy,
            running: None,
            failures: Vec::new(),
        }
    }

    /// Builds what the copy holds now while the last program runs, and starts it after that one.
    pub(crate) fn add(&mut self, name: &str, killer: &Killer, expected: Expected) {
        let built = self.copy.build(name, killer);
        self.wait();
        match built {
            Ok(program) => self.running = Some(Trial::start(name, killer, &program, expected)),
            Err(text) => {
                let failure = format!("{name} does not compile:\n{text}");
                self.failures.push(failure);
            }
        }
    }

    /// What was not as expected.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.wait();
        self.failures
    }

    fn wait(&mut self) {
        self.failures
            .extend(self.running.take().and_then(Trial::failure));
    }
}

struct Trial {
    name: String,
    killer: Killer,
    expected: Expected,
    program: PathBuf,
    child: Child,
}

impl Trial {
    fn start(name: &str, killer: &Killer, program: &Path, expected: Expected) -> Self {
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
            killer: killer.clone(),
            expected,
            program: program.to_owned(),
            child,
        }
    }

    /// What to say if it did not do as expected.
    fn failure(self) -> Option<String> {
        let output = self.child.wait_with_output().unwrap();
        fs::remove_file(&self.program).unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let (name, passed) = (&self.name, output.status.success());
        match self.expected {
            // A test that failed, and not a program that could not run.
            Expected::Fails if !passed && text.contains("test result: FAILED") => {
                println!("{name}: found");
                None
            }
            Expected::Fails => Some(format!("{name} was not noticed")),
            Expected::Passes if passed && !text.contains("ok. 0 passed") => None,
            Expected::Passes => Some(format!(
                "without any mutation, {:?} must pass:\n{text}",
                self.killer
            )),
        }
    }
}
