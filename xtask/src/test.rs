//! `cargo xtask test`: the servers, then every test, then the servers away again.

use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

use rustix::process::Signal;

use crate::emulators;
use crate::failure::Result;
use crate::install;
use crate::mysql;
use crate::process::Group;
use crate::python;
use crate::services::{Durability, Services};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// The package whose tests start the `fieldseal` binary by path (those of the binary's own package
/// are told by cargo).
const NEEDS_BINARY: &str = "fieldseal-tests";

/// The independent reader over every vector; run whenever all tests are.
const CHECK_VECTORS: &str = "tests/python/check_vectors.py";

pub(crate) fn run(
    workspace: &Workspace,
    stop: &Stop,
    durability: Durability,
    args: &[String],
) -> Result<ExitCode> {
    let began = Instant::now();
    let tools = install::ensure(stop)?;
    let python = python::ensure(workspace, &python::READER, &tools.python, stop)?;
    let programs = emulators::ensure(workspace, &tools, stop)?;
    let mysql = mysql::choose(workspace, stop)?;
    stop.check()?;

    // Built before the servers are up: they would only wait.
    let packages = Packages::named_in(args);
    if packages.include(NEEDS_BINARY) {
        println!("xtask: building the fieldseal binary");
        let mut build = workspace.cargo();
        // With `--workspace`, as the tests are: the same features, so nothing is built twice.
        build.args(["build", "--workspace", "--locked", "--bin", "fieldseal"]);
        let status = Group::start(build, "cargo build", Signal::TERM)?.wait(stop)?;
        if !status.success() {
            return Ok(exit_code(status));
        }
    }

    // Before the servers as well: it takes a second and needs none.
    let vectors = if args.is_empty() {
        println!("xtask: python {CHECK_VECTORS}");
        let mut check = Command::new(&python);
        check.current_dir(workspace.root()).arg(CHECK_VECTORS);
        Some(Group::start(check, "the vector check", Signal::TERM)?.wait(stop)?)
    } else {
        None
    };

    let services = Services::start(&tools, mysql, &programs, durability, stop)?;
    let mut tests = workspace.cargo();
    // One run tells every failure, not the first one's package only.
    tests.args(["test", "--locked", "--no-fail-fast"]);
    if packages == Packages::All {
        tests.arg("--workspace");
    }
    tests.args(args);
    services.tell(&mut tests);
    tests.env("FIELDSEAL_TEST_PYTHON", &python).env(
        "FIELDSEAL_TEST_BINARY",
        workspace.target().join("debug").join("fieldseal"),
    );
    println!("xtask: {}", shown(&tests));
    let status = Group::start(tests, "cargo test", Signal::TERM)?.wait(stop)?;

    println!("xtask: stopping the servers");
    let without = services.without();
    drop(services);
    let failed = [("tests", Some(status)), (CHECK_VECTORS, vectors)]
        .into_iter()
        .find_map(|(name, status)| Some((name, status.filter(|status| !status.success())?)));
    let seconds = began.elapsed().as_secs();
    match failed {
        None => {
            println!("xtask: passed after {seconds} s{without}");
            Ok(ExitCode::SUCCESS)
        }
        Some((name, status)) => {
            println!("xtask: {name} failed after {seconds} s{without}");
            Ok(exit_code(status))
        }
    }
}

/// Which packages the arguments for `cargo test` pick.
#[derive(Debug, PartialEq)]
enum Packages {
    All,
    Named(Vec<String>),
}

impl Packages {
    fn named_in(args: &[String]) -> Self {
        let mut named = Vec::new();
        // What stands behind `--` is for the test programs.
        let mut args = args.iter().take_while(|argument| *argument != "--");
        while let Some(argument) = args.next() {
            if argument == "-p" || argument == "--package" {
                named.extend(args.next().cloned());
            } else if let Some(name) = argument
                .strip_prefix("--package=")
                .or_else(|| argument.strip_prefix("-p"))
            {
                named.push(name.to_owned());
            }
        }
        if named.is_empty() {
            Self::All
        } else {
            Self::Named(named)
        }
    }

    fn include(&self, package: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name == package),
        }
    }
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    format!("cargo {}", words.join(" "))
}

/// The child's own exit code; one that died of a signal counts as failed.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    match status.code().map(u8::try_from) {
        Some(Ok(code)) => ExitCode::from(code),
        Some(Err(_)) | None => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::Packages;

    fn packages(line: &str) -> Packages {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Packages::named_in(&words)
    }

    #[test]
    fn packages_are_found_in_every_spelling() {
        assert_eq!(packages("some_test -- -p x"), Packages::All);
        assert!(packages("").include("anything"));
        for line in ["-p a", "-pa", "--package a t", "--package=a", "-p b -p a"] {
            assert!(packages(line).include("a"), "{line}");
            assert!(!packages(line).include("c"), "{line}");
        }
    }
}
