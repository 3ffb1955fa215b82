//! The binary itself. Owns finding it; `cargo xtask test` builds it first.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

/// The binary that `cargo xtask test` has built, or the one beside this test.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn path() -> PathBuf {
    if let Some(path) = std::env::var_os("FIELDSEAL_TEST_BINARY") {
        return path.into();
    }
    let own = std::env::current_exe().expect("the test knows its own path");
    let path = own
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("fieldseal"));
    let path = path.filter(|path| path.exists());
    path.expect("the binary is there: run the tests by `cargo xtask test`, which builds it")
}
