//! Progress of long work: a line that renews itself on a terminal, plain log lines elsewhere.
//! Owns how rate and lag are shown; the counters are the pipeline's.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldseal_pipeline::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// How often the line is renewed, and how often a log line is written where there is none.
const REDRAW: Duration = Duration::from_millis(200);
const LOG_EVERY: u32 = 50;

/// Shows a run's progress until it is dropped.
pub(crate) struct Shown {
    task: tokio::task::JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Shown {
    /// Starts showing; `total` bytes, if they are known, make an estimate of the end.
    pub(crate) fn start(progress: Arc<Progress>, total: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(total));
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let mut ticks = 0_u32;
            loop {
                tokio::time::sleep(REDRAW).await;
                ticks = ticks.wrapping_add(1);
                match &drawn {
                    Some(bar) => draw(bar, &progress, started),
                    None if ticks.is_multiple_of(LOG_EVERY) => log(&progress, started),
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
        let bar = io::stderr().is_terminal().then(|| bar(None));
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
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{line}")),
            None => println!("{line}"),
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

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{spinner} {wide_bar} {percent}% {msg}, {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style)
}

fn draw(bar: &ProgressBar, progress: &Progress, started: Instant) {
    bar.set_position(progress.bytes());
    bar.set_message(line(progress, started));
    bar.tick();
}

fn log(progress: &Progress, started: Instant) {
    tracing::info!(
        records = progress.records(),
        applied = progress.applied(),
        quarantined = progress.quarantined(),
        records_per_second = rate(progress, started),
        lag = lag(progress),
        "progress"
    );
}

fn line(progress: &Progress, started: Instant) -> String {
    let stopped = progress
        .shards()
        .values()
        .filter(|shard| shard.stopped.is_some())
        .count();
    let mut line = format!(
        "{} records, {}/s, lag {}",
        progress.records(),
        rate(progress, started),
        lag(progress)
    );
    if progress.quarantined() > 0 {
        line.push_str(&format!(", {} in quarantine", progress.quarantined()));
    }
    if stopped > 0 {
        line.push_str(&format!(", {stopped} shards STOPPED"));
    }
    line
}

/// Records per second since the start.
fn rate(progress: &Progress, started: Instant) -> u64 {
    let millis = u64::try_from(started.elapsed().as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    progress.records().saturating_mul(1000) / millis
}

/// The lag of all shards, in the source's unit.
fn lag(progress: &Progress) -> u64 {
    progress
        .shards()
        .values()
        .filter_map(|shard| shard.lag)
        .sum()
}
