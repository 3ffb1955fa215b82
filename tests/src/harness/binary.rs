//! The binary itself. Owns finding it; `cargo xtask test` builds it first.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fieldseal_db::{Connect, Database, Dialect, Sql};
use fieldseal_policy::Policy;

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
