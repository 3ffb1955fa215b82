//! The binary `fieldseal`: wiring, signals, progress, output. Owns what a person types and sees;
//! every decision is made in the crates below it.

#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "this is the wiring: it prints, and it is where the wall clock comes in"
)]

mod admin;
mod args;
mod clock;
mod commands;
mod config;
mod exit;
mod logging;
mod print;
mod progress;
mod signals;
mod source;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::exit::Exit;

/// Cells are many and small: with glibc's allocator, a third of the worker's time goes there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    logging::start(&args);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("fieldseal: threads could not be started: {error}");
            return Exit::Failed.into();
        }
    };
    let outcome = runtime.block_on(run(&args));
    // A blocking read of a terminal must not hold the process up.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("fieldseal: {failure}");
            failure.exit.into()
        }
    }
}

async fn run(args: &Args) -> Result<Exit, exit::Failure> {
    match &args.command {
        Command::Demo(options) => commands::demo::demo(options).await,
        Command::Inspect(options) => commands::inspect::inspect(options),
        Command::Schema(options) => commands::schema::schema(options).await,
        Command::Migrate(options) => commands::migrate::migrate(options).await,
        Command::Check(options) => commands::check::check(options).await,
        Command::Run(options) => commands::run::run(options).await,
        Command::Health(options) => commands::health::health(options).await,
        Command::Status(options) => commands::status::status(options).await,
        Command::Quarantine(command) => commands::quarantine::quarantine(command).await,
        Command::Generation(command) => commands::generation::generation(command).await,
        Command::Epoch(command) => commands::epoch::epoch(command).await,
        Command::Open(options) => commands::open::open(options).await,
    }
}
