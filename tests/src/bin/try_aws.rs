//! `cargo xtask try-aws`: the demo's shop over the doubles of Kinesis and KMS into PostgreSQL, by
//! the real binary, while the stream is split and merged. Ends with every row opened and compared,
//! and with 0 only if all of it holds.
//!
//! Argument: how many rows the shop has.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for people: it tells and takes the time"
)]

use std::io::IsTerminal as _;
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use fieldseal_demo::Report;
use fieldseal_doubles::Calls;
use fieldseal_tests::aws::doubles::{Doubles, SHARDS, STREAM};
use fieldseal_tests::aws::producer::{Producer, counted};
use fieldseal_tests::aws::shop::Shop;
use fieldseal_tests::aws::{Compared, Lines, OTHERS, Stage};
use fieldseal_tests::databases::Server;
use fieldseal_tests::random::Random;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

const ROWS: u64 = 20_000;

/// How often shards are split or merged while the records are put.
const RESHARDS: usize = 12;

const SEED: u64 = 0x5348_4f50;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let rows = std::env::args().nth(1).map(|rows| rows.parse());
    let Ok(rows) = rows.unwrap_or(Ok(ROWS)) else {
        println!("usage: cargo xtask try-aws [ROWS]");
        return ExitCode::from(2);
    };
    if show(rows).await {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn show(rows: u64) -> bool {
    let mut random = Random::from_seed(SEED);
    let doubles = Doubles::start(SEED);
    println!(
        "Kinesis on {}, the stream {STREAM} with {SHARDS} shards; KMS on {}, keys in two regions",
        doubles.kinesis.endpoint(),
        doubles.peers().kms
    );
    println!("making a shop of {rows} rows, and what AWS DMS would write of it …");
    let shop = Shop::open(rows, SEED);
    let stage = Stage::set(Server::Postgres, doubles.peers(), Lines::default()).await;
    println!(
        "putting {} records by PutRecords, splitting and merging shards; sealing them into PostgreSQL …\n",
        shop.records.len()
    );
    let began = Instant::now();
    let mut service = shown(&stage, &["run"]);
    let endpoint = doubles.kinesis.endpoint();
    let mut producer = Producer::connect(&endpoint, OTHERS, STREAM).await;
    let (mut splits, mut merges) = (0_u32, 0_u32);
    for part in shop.records.chunks(shop.records.len() / RESHARDS) {
        producer.put(part).await;
        match producer.reshard(&mut random).await {
            "split" => splits += 1,
            _ => merges += 1,
        }
    }
    let put = began.elapsed();
    let drained = drain(&mut service).await;
    let rest = shown(&stage, &["run", "--until-idle"]).wait().await;
    let rest = rest.expect("the binary ends");
    let took = began.elapsed();

    println!("\nopening every row and comparing it with the shop …");
    let shards = counted(&producer.shards().await);
    let findings = Findings {
        ended: [drained, rest],
        compared: stage.compare(&shop.scenario.truth).await,
        quarantined: stage.quarantined().await,
        searched: stage.search(&shop.scenario.needles).await,
        shop,
    };
    println!(
        "\n{} shards were split and {merges} times two were merged: {} are open of {} there ever were",
        splits, shards.0, shards.1
    );
    println!(
        "records: {} put in {:.1} s, all sealed after {:.1} s",
        findings.shop.records.len(),
        put.as_secs_f64(),
        took.as_secs_f64()
    );
    told("Kinesis", doubles.kinesis.calls());
    told("KMS", doubles.kms.calls());
    let holds = findings.tell();
    stage.end().await;
    holds
}

/// What a service was asked, and how often it refused: by its own limits, since nothing else goes
/// wrong here.
fn told(service: &str, calls: &Calls) {
    let counted = |(what, count): (String, u64)| format!("{count} {what}");
    let asked: Vec<String> = calls.by_operation().into_iter().map(counted).collect();
    println!("{service} was asked: {}", asked.join(", "));
    let failed = calls.failed().into_iter();
    let failed = failed.map(|((operation, code), count)| (format!("{operation} ({code})"), count));
    let failed: Vec<String> = failed.map(counted).collect();
    if !failed.is_empty() {
        println!("{service} refused: {}", failed.join(", "));
    }
}

/// The binary with its progress on our standard error: a line that renews itself on a terminal,
/// which nothing but an error may break, and log lines elsewhere.
fn shown(stage: &Stage, args: &[&str]) -> Child {
    let terminal = std::io::stderr().is_terminal();
    let level = if terminal { "error" } else { "info" };
    let mut command = stage.worker.command(args);
    let started = command.env("FIELDSEAL_LOG", level).spawn();
    started.expect("the binary starts")
}

/// Asks the service to end, as ECS does before it kills.
async fn drain(service: &mut Child) -> ExitStatus {
    const PATIENCE: Duration = Duration::from_secs(30);
    let pid = service.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM).expect("it is ours");
    }
    let ended = tokio::time::timeout(PATIENCE, service.wait()).await;
    ended.expect("it drains").expect("it can be waited for")
}

struct Findings {
    /// The service that was told to end, and the run that read the rest.
    ended: [ExitStatus; 2],
    compared: Compared,
    quarantined: u64,
    searched: Report,
    shop: Shop,
}

impl Findings {
    /// Says what holds and what does not; whether all of it holds.
    fn tell(&self) -> bool {
        let scenario = &self.shop.scenario;
        let planted = scenario.needles.len();
        let claims = [
            (
                self.ended.iter().all(ExitStatus::success),
                format!(
                    "the service drained on SIGTERM ({}), another run read the rest ({})",
                    self.ended[0], self.ended[1]
                ),
            ),
            (
                self.compared.holds() && self.compared.equal == scenario.truth.rows(),
                self.compared.to_string(),
            ),
            (
                self.quarantined == scenario.quarantined,
                format!(
                    "{} records in quarantine (the broken one, and the one with an unlisted column)",
                    self.quarantined
                ),
            ),
            (
                self.searched.hits == 0 && planted > 0 && self.shop.found == planted,
                format!(
                    "{planted} planted values: {} hits in {} bytes of tables, logs and files; {} found in the records",
                    self.searched.hits, self.searched.bytes, self.shop.found
                ),
            ),
        ];
        println!();
        for (holds, claim) in &claims {
            println!("{} {claim}", if *holds { "ok    " } else { "FAILED" });
        }
        claims.iter().all(|(holds, _)| *holds)
    }
}
