//! The real binary on a stage. Owns how it is started, and that nothing but its environment tells
//! it who it is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::aws::{REGION, WORKER};
use crate::harness::binary;

/// How the binary is started.
pub struct Worker {
    folder: PathBuf,
    url: String,
    logs: u32,
}

impl Worker {
    pub(super) fn new(folder: &Path, url: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            url: url.to_owned(),
            logs: 0,
        }
    }

    /// The binary with these arguments behind `fieldseal`, the policy added.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary::path());
        command
            .args(args)
            .arg("--config")
            .arg(self.folder.join("pipeline.toml"))
            .env("FIELDSEAL_TEST_TARGET", &self.url)
            .env("AWS_ACCESS_KEY_ID", WORKER)
            .env("AWS_SECRET_ACCESS_KEY", "no secret")
            .env("AWS_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_PROFILE")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts the service, with all it says in a new file of the stage's folder.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(&mut self, args: &[&str], level: &str) -> Child {
        self.logs += 1;
        let log = File::create(self.log_path()).expect("a file for the log");
        let again = log.try_clone().expect("a file for the log");
        self.command(args)
            .env("FIELDSEAL_LOG", level)
            .stdout(again)
            .stderr(log)
            .spawn()
            .expect("the binary starts")
    }

    /// What the last one has said, its end.
    #[must_use]
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join(format!("worker-{}.log", self.logs))
    }
}
