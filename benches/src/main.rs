//! Measurements: sealing, preparing, databases, memory, Kinesis, KMS, an application. Never part of the tests.
//!
//! This package owns the workload and the ceilings it is measured against. It holds no product
//! code: what it measures is called as the binary calls it. `README.md` says what each figure
//! means and what it leaves out.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool: the report goes to standard output, progress to standard error"
)]

mod app;
mod args;
mod databases;
mod kinesis;
mod kms;
mod memory;
mod null;
mod preparing;
mod report;
mod sealing;
mod stopwatch;
mod workload;

use std::process::ExitCode;

use crate::args::{Args, Bench, HELP};
use crate::report::Failure;

/// As the binary `fieldseal` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("benches: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("benches: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    if args.bench == Bench::MemoryChild {
        return runtime.block_on(memory::child(args));
    }
    if args.bench == Bench::KinesisChild {
        return runtime.block_on(kinesis::child(args));
    }
    let mut figures = serde_json::Map::new();
    let wanted = |bench| args.bench == bench || args.bench == Bench::All;
    if wanted(Bench::Seal) {
        figures.insert("seal".to_owned(), sealing::measure(args)?);
    }
    if wanted(Bench::Prepare) {
        let prepare = runtime.block_on(preparing::measure(args))?;
        figures.insert("prepare".to_owned(), prepare);
    }
    if wanted(Bench::Databases) {
        let databases = runtime.block_on(databases::measure(args))?;
        figures.insert("databases".to_owned(), databases);
    }
    if wanted(Bench::Memory) {
        figures.insert("memory".to_owned(), memory::measure(args)?);
    }
    if wanted(Bench::Kinesis) {
        let kinesis = runtime.block_on(kinesis::measure(args))?;
        figures.insert("kinesis".to_owned(), kinesis);
    }
    if wanted(Bench::Kms) {
        let kms = runtime.block_on(kms::measure(args))?;
        figures.insert("kms".to_owned(), kms);
    }
    if wanted(Bench::App) {
        let app = runtime.block_on(app::measure(args))?;
        figures.insert("app".to_owned(), app);
    }
    report::write(args, &figures)
}
