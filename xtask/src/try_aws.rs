//! `cargo xtask try-aws`: builds the binary and the show, starts PostgreSQL, and lets the show do
//! the rest (`tests/src/bin/try_aws.rs`).

use std::process::{Command, ExitCode};

use rustix::process::Signal;

use crate::failure::Result;
use crate::install;
use crate::process::Group;
use crate::services::PostgresAlone;
use crate::stop::Stop;
use crate::test::exit_code;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, stop: &Stop, args: &[String]) -> Result<ExitCode> {
    let tools = install::ensure(stop)?;
    println!("xtask: building");
    let mut build = workspace.cargo();
    // With `--workspace`, as the tests are: the same features, so nothing is built twice.
    build.args(["build", "--workspace", "--locked"]);
    build.args(["--bin", "fieldseal", "--bin", "try_aws"]);
    let status = Group::start(build, "cargo build", Signal::TERM)?.wait(stop)?;
    if !status.success() {
        return Ok(exit_code(status));
    }
    let postgres = PostgresAlone::start(&tools, stop)?;
    let programs = workspace.target().join("debug");
    let mut show = Command::new(programs.join("try_aws"));
    postgres.tell(&mut show);
    show.args(args)
        .env("FIELDSEAL_TEST_BINARY", programs.join("fieldseal"));
    let status = Group::start(show, "the show", Signal::TERM)?.wait(stop)?;
    println!("xtask: stopping PostgreSQL");
    Ok(exit_code(status))
}
