//! Progress of long work: a line that renews itself on a terminal, plain log lines elsewhere.
//! Owns how rate and lag are shown; the counters are the pipeline's.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldseal_pipeline::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::Failure;
use crate::print::{bytes, counted, say};

/// How often the line is renewed, and how often a log line is written where there is none.
const REDRAW: Duration = Duration::from_millis(200);
const LOG_EVERY: u32 = 50;

/// Shows a run's progress until it is dropped.
pub(crate) struct Shown {
    task: tokio::task::JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Shown {
    /// Starts showing a run that begins with `shards` of them: how far it is behind can be told
    /// once each of them has been read from.
    pub(crate) fn start(progress: Arc<Progress>, shards: usize) -> Self {
        let bar = io::stderr().is_terminal().then(bar);
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let mut ticks = 0_u32;
            loop {
                tokio::time::sleep(REDRAW).await;
                ticks = ticks.wrapping_add(1);
                match &drawn {
                    Some(bar) => draw(bar, &progress, shards, started),
                    None if ticks.is_multiple_of(LOG_EVERY) => log(&progress, shards, started),
                    None => {}
                }
            }
        });
        Self { task, bar }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Shows how far a command has come that counts by itself, until it is dropped.
pub(crate) struct Counting {
    doing: String,
    unit: &'static str,
    bar: Option<ProgressBar>,
    logged: Instant,
}

impl Counting {
    /// Starts showing nothing yet.
    pub(crate) fn start(doing: &str, unit: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(bar);
        Self {
            doing: doing.to_owned(),
            unit,
            bar,
            logged: Instant::now(),
        }
    }

    /// So many are done.
    pub(crate) fn reached(&mut self, count: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {count} {}", self.doing, self.unit));
            bar.tick();
        } else if self.logged.elapsed() >= REDRAW * LOG_EVERY {
            self.logged = Instant::now();
            tracing::info!(done = count, unit = self.unit, "{}", self.doing);
        }
    }

    /// Prints a line to standard output, beside the one that renews itself.
    pub(crate) fn say(&self, line: &str) -> Result<(), Failure> {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new_spinner().with_style(style)
}

fn draw(bar: &ProgressBar, progress: &Progress, shards: usize, started: Instant) {
    bar.set_message(line(progress, shards, started.elapsed()));
    bar.tick();
}

fn log(progress: &Progress, shards: usize, started: Instant) {
    let elapsed = started.elapsed();
    let lag = lag(progress, shards);
    tracing::info!(
        records = progress.records(),
        applied = progress.applied(),
        quarantined = progress.quarantined(),
        records_per_second = per_second(progress.records(), elapsed),
        lag_bytes = lag,
        seconds_left = lag.and_then(|lag| left(lag, progress, elapsed)),
        "progress"
    );
}

fn line(progress: &Progress, shards: usize, elapsed: Duration) -> String {
    let stopped = progress
        .shards()
        .values()
        .filter(|shard| shard.stopped.is_some())
        .count() as u64;
    let mut line = format!(
        "{} records, {}/s",
        progress.records(),
        per_second(progress.records(), elapsed)
    );
    match lag(progress, shards) {
        None => {}
        Some(0) => line.push_str(", caught up"),
        Some(lag) => {
            line.push_str(&format!(", {} behind", bytes(lag)));
            if let Some(seconds) = left(lag, progress, elapsed) {
                line.push_str(&format!(", {seconds} s left"));
            }
        }
    }
    if progress.quarantined() > 0 {
        line.push_str(&format!(", {} in quarantine", progress.quarantined()));
    }
    if stopped > 0 {
        line.push_str(&format!(", {} STOPPED", counted(stopped, "shard")));
    }
    line
}

/// A count per second since the start.
fn per_second(count: u64, elapsed: Duration) -> u64 {
    let millis = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    count.saturating_mul(1000) / millis
}

/// The bytes that all shards are behind; `None` until as many shards as there were at the start
/// have told.
fn lag(progress: &Progress, shards: usize) -> Option<u64> {
    let told = progress.shards();
    let lags: Vec<u64> = told.values().filter_map(|shard| shard.lag).collect();
    (lags.len() >= shards).then(|| lags.iter().sum())
}

/// How many seconds the lag takes at the rate so far.
fn left(lag: u64, progress: &Progress, elapsed: Duration) -> Option<u64> {
    lag.checked_div(per_second(progress.bytes(), elapsed))
}
