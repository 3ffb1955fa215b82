//! A folder in which the real binary is called: a policy whose records come from a stream on this
//! machine, and a migrated SQLite file as its target. Owns the policy's text, and that nothing but
//! the environment tells the binary who it is; the stream is the test's.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::aws::doubles::STREAM;
use crate::aws::{REGION, WORKER};
use crate::harness::binary;

/// The one table of the policy.
pub const TABLE: &str = "shop.orders";

/// The policy, the target and whatever the binary makes beside them.
pub struct Folder {
    dir: TempDir,
}

impl Folder {
    /// Reads the stream [`STREAM`] at `endpoint`; `keys` are lines of `[keys]`, and further
    /// sections behind them.
    ///
    /// # Panics
    /// If the binary does not migrate the target.
    #[must_use]
    pub fn new(endpoint: &str, keys: &str) -> Self {
        let policy = format!(
            r#"
[source]
id = "shop"
engine = "mysql"
[source.kinesis]
stream = "{STREAM}"
region = "{REGION}"
endpoint = "{endpoint}"
[target]
url = "sqlite://target.db"
[tables."{TABLE}"]
key = {{ id = "integer" }}
[tables."{TABLE}".columns]
note = {{ seal = "contact", kind = "text" }}
[keys]
deployment = "test"
{keys}
"#
        );
        let dir = TempDir::new().expect("a folder of its own");
        let folder = Self { dir };
        fs::write(folder.policy(), policy).expect("the policy is written");
        folder.ends(&["migrate"], 0);
        folder
    }

    /// What stands here under this name.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The policy's file.
    #[must_use]
    pub fn policy(&self) -> PathBuf {
        self.path("policy.toml")
    }

    /// Makes the target's tables as `schema` prints them.
    ///
    /// # Panics
    /// If they cannot be made.
    pub async fn make_tables(&self) {
        let policy = fs::read_to_string(self.policy()).expect("the policy is there");
        binary::make_tables(&policy, &self.path("target.db")).await;
    }

    /// The binary with these arguments, in the folder.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary::path());
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("FIELDSEAL_CONFIG", "policy.toml")
            .env("AWS_ACCESS_KEY_ID", WORKER)
            .env("AWS_SECRET_ACCESS_KEY", "no secret")
            .args(args);
        command
    }

    /// Calls the binary, which must end with this code; answers what it said on standard output
    /// and on standard error.
    ///
    /// # Panics
    /// If it ends with another code.
    pub fn ends(&self, args: &[&str], code: i32) -> [String; 2] {
        let output = self.command(args).output().expect("the binary runs");
        let [out, err] = [output.stdout, output.stderr]
            .map(|text| String::from_utf8(text).expect("the binary prints UTF-8"));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
        [out, err]
    }
}
