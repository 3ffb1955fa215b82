//! What developers and CI run: `cargo xtask test`, `cargo xtask services`, `cargo xtask try-aws`.
//!
//! This package owns the servers and emulators that tests and trials need: it installs or fetches
//! them, starts throw-away instances on loopback, and stops what it started whatever happens. It
//! knows nothing of Fieldseal's code and tests nothing itself; `cargo test` does.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a developer's tool: it prints, and it waits by the wall clock"
)]

mod emulators;
mod failure;
mod install;
mod mysql;
mod process;
mod python;
mod services;
mod stop;
mod test;
mod try_aws;
mod workspace;

use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::services::{Durability, Services};
use crate::stop::Stop;
use crate::workspace::Workspace;

const HELP: &str = "\
cargo xtask test [--durable] [-- ARGS]
    Installs what is missing (MariaDB, PostgreSQL, Python's venv, Node; below target/: emulators
    of Kinesis and KMS), starts the servers on free ports of 127.0.0.1, runs every test, and stops
    the servers again.
    MySQL is fetched into target/mysql and started too, where it can be had; tests say when they
    leave it out. One of your own: FIELDSEAL_TEST_MYSQL_URL=mysql://admin:password@host:port/mysql,
    none at all: FIELDSEAL_TEST_MYSQL_URL= (set to nothing).
    ARGS go to `cargo test`: `cargo xtask test -- -p fieldseal-store name_of_a_test`.

cargo xtask services [--durable]
    Starts the same servers for use by hand, prints how to reach them, and waits for Ctrl-C.

cargo xtask try-aws [-- ROWS]
    The demo's shop (20000 rows) as a stream: starts the doubles of Kinesis and KMS, PostgreSQL,
    and a producer that splits and merges shards while it puts records; runs the worker, with its
    progress; opens every row at the end and compares it. Ends with 0 only if all of it holds.

--durable
    The servers flush every commit to disk. Slower; the tests do not need it, measurements may.

Exit code: that of the tests; 1 if something could not be set up; 2 for a wrong command line;
128 + the signal's number after a signal.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match Command::parse(&arguments) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("xtask: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&command) {
        Ok(code) => code,
        Err(Failure::Stopped(signal)) => {
            eprintln!("xtask: stopped by signal {signal}");
            ExitCode::from(128_u8.saturating_add(signal))
        }
        Err(Failure::Told(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Help => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { durability, args } => {
            test::run(&Workspace::find()?, &Stop::listen()?, *durability, args)
        }
        Command::TryAws { args } => try_aws::run(&Workspace::find()?, &Stop::listen()?, args),
        Command::Services { durability } => {
            let stop = Stop::listen()?;
            let tools = install::ensure(&stop)?;
            let workspace = Workspace::find()?;
            let programs = emulators::ensure(&workspace, &tools, &stop)?;
            let mysql = mysql::choose(&workspace, &stop)?;
            let services = Services::start(&tools, mysql, &programs, *durability, &stop)?;
            services.print_how_to_use(&tools)?;
            stop.wait();
            println!("xtask: stopping");
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[derive(Debug, PartialEq)]
enum Command {
    Help,
    Test {
        durability: Durability,
        args: Vec<String>,
    },
    Services {
        durability: Durability,
    },
    TryAws {
        args: Vec<String>,
    },
}

impl Command {
    fn parse(arguments: &[String]) -> std::result::Result<Self, String> {
        let (ours, args) = match arguments.iter().position(|argument| argument == "--") {
            Some(at) => (&arguments[..at], arguments[at + 1..].to_vec()),
            None => (arguments, Vec::new()),
        };
        let mut durability = Durability::Fast;
        let mut verb = None;
        for argument in ours {
            match argument.as_str() {
                "--durable" => durability = Durability::Durable,
                "-h" | "--help" => verb = Some("help"),
                word if verb.is_none() => verb = Some(word),
                extra => {
                    return Err(format!(
                        "unexpected argument {extra}; what is meant for cargo test stands behind --"
                    ));
                }
            }
        }
        match verb {
            Some("test") => Ok(Self::Test { durability, args }),
            Some("services") if args.is_empty() => Ok(Self::Services { durability }),
            Some("services") => Err("services takes no arguments behind --".to_owned()),
            Some("try-aws") => Ok(Self::TryAws { args }),
            Some("help") => Ok(Self::Help),
            Some(other) => Err(format!("no command {other}")),
            None => Err("say which command".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Durability};

    fn parse(line: &str) -> Result<Command, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Command::parse(&words)
    }

    #[test]
    fn command_lines() {
        assert_eq!(
            parse("test --durable -- -p fieldseal-model -- --nocapture"),
            Ok(Command::Test {
                durability: Durability::Durable,
                args: ["-p", "fieldseal-model", "--", "--nocapture"]
                    .map(str::to_owned)
                    .to_vec(),
            })
        );
        assert_eq!(
            parse("services"),
            Ok(Command::Services {
                durability: Durability::Fast
            })
        );
        assert_eq!(
            parse("try-aws -- 400"),
            Ok(Command::TryAws {
                args: vec!["400".to_owned()]
            })
        );
        assert_eq!(parse("test --help"), Ok(Command::Help));
        for bad in ["", "toast", "test fieldseal-model", "services -- x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
