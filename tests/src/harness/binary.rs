//! The binary itself. Owns finding it, which `cargo xtask test` builds first, and ending it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use fieldseal_db::{Connect, Database, Dialect, Sql};
use fieldseal_policy::Policy;
use rustix::process::{Pid, Signal, kill_process};

/// Runs `fieldseal` in a folder with every level logged.
///
/// # Panics
/// If the binary is not there, or does not run: a test is never skipped.
#[must_use]
pub fn fieldseal(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(path());
    command
        .current_dir(folder)
        .env("FIELDSEAL_LOG", "trace")
        .args(args);
    command.output().expect("the binary runs")
}

/// Makes the tables that `policy` asks for in the SQLite file at `path`, which is there.
///
/// # Panics
/// If the policy has a mistake or the tables cannot be made.
pub async fn make_tables(policy: &str, path: &Path) {
    let policy = Policy::parse(policy).expect("it has no mistake");
    let script = fieldseal_store::create_tables(&policy, Dialect::Sqlite, None);
    let script = Sql::dynamic(script.expect("it can be spelled"));
    let url = format!("sqlite://{}", path.display());
    let database = Database::connect(&url, Connect::default()).await;
    let database = database.expect("it is there");
    let done = database.execute_script(script).await;
    done.expect("the tables can be made");
    database.close().await;
}

/// The binary that `cargo xtask test` has built, or the one beside this test.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn path() -> PathBuf {
    let named = std::env::var_os("FIELDSEAL_TEST_BINARY").map(PathBuf::from);
    let beside = || {
        let test = std::env::current_exe().expect("a test has a path");
        let folder = test.parent().and_then(Path::parent);
        folder.expect("tests lie in `deps`").join("fieldseal")
    };
    let binary = named.unwrap_or_else(beside);
    assert!(
        binary.is_file(),
        "{} is not there: run the tests by `cargo xtask test`, which builds it",
        binary.display()
    );
    binary
}

/// A process that is ended with its test, also with one that fails.
pub struct Running(Child);

impl Running {
    /// Starts it, with its log thrown away.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let child = command.stderr(Stdio::null()).spawn();
        Self(child.expect("the binary starts"))
    }

    /// Whether it has not ended yet.
    ///
    /// # Panics
    /// If that cannot be told.
    pub fn goes_on(&mut self) -> bool {
        let ended = self.0.try_wait().expect("it is a child of this process");
        ended.is_none()
    }

    /// Tells it to end; answers its exit code.
    ///
    /// # Panics
    /// If it cannot be told.
    pub fn ends(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("it is there");
        let ended = self.0.wait().expect("it is a child of this process");
        ended.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
