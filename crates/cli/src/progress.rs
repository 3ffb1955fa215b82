//! Progress of long work: a line that renews itself on a terminal, plain log lines elsewhere.
//! Owns how rate and lag are shown; the counters are the pipeline's.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldseal_metrics::LagUnit;
use fieldseal_pipeline::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::Failure;
use crate::print::{bytes, counted, say};

/// How often the line is renewed, and how often a log line is written where there is none.
const REDRAW: Duration = Duration::from_millis(200);
const LOG_EVERY: u32 = 50;

/// The unit that is shown in larger ones where there are many.
pub(crate) const BYTES: &str = "bytes";

/// Shows a run's progress until it is dropped.
pub(crate) struct Shown {
    task: tokio::task::JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Shown {
    /// Starts showing a run that begins with `shards` of them: how far it is behind can be told
    /// once each of them has been read from.
    pub(crate) fn start(progress: Arc<Progress>, shards: usize, unit: LagUnit) -> Self {
        let bar = io::stderr().is_terminal().then(bar);
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let mut ticks = 0_u32;
            loop {
                tokio::time::sleep(REDRAW).await;
                ticks = ticks.wrapping_add(1);
                match &drawn {
                    Some(bar) => {
                        bar.set_message(line(&progress, shards, unit, started.elapsed()));
                        bar.tick();
                    }
                    None if ticks.is_multiple_of(LOG_EVERY) => {
                        log(&progress, shards, unit, started.elapsed());
                    }
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
    /// How many there are in all, where that is known.
    all: Option<u64>,
    /// Work has a rate, waiting has none.
    rated: bool,
    started: Instant,
    bar: Option<ProgressBar>,
    /// When a count above 0 was last drawn on a terminal.
    drawn: Option<Instant>,
    logged: Instant,
}

impl Counting {
    /// Starts showing work, of which nothing is done yet.
    pub(crate) fn start(doing: &str, unit: &'static str) -> Self {
        let (bar, now) = (io::stderr().is_terminal().then(bar), Instant::now());
        Self {
            doing: doing.to_owned(),
            unit,
            all: None,
            rated: true,
            started: now,
            bar,
            drawn: None,
            logged: now,
        }
    }

    /// The same for waiting: its count says nothing of how fast it goes.
    pub(crate) fn waiting(doing: &str, unit: &'static str) -> Self {
        let mut counting = Self::start(doing, unit);
        counting.rated = false;
        counting
    }

    /// The same for work that prints as it goes: nothing where its output is seen to grow.
    pub(crate) fn unless_seen(doing: &str, unit: &'static str) -> Option<Self> {
        (!io::stdout().is_terminal()).then(|| Self::start(doing, unit))
    }

    /// So many of so many are done.
    pub(crate) fn reached_of(&mut self, count: u64, all: u64) {
        self.all = Some(all);
        self.reached(count);
    }

    /// So many are done.
    pub(crate) fn reached(&mut self, count: u64) {
        if let Some(bar) = &self.bar {
            if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
                // Nothing done says nothing of how long it takes: what comes next is drawn at once.
                self.drawn = (count > 0).then(Instant::now);
                bar.set_message(self.line(count));
                bar.tick();
            }
        } else if self.logged.elapsed() >= REDRAW * LOG_EVERY {
            self.logged = Instant::now();
            tracing::info!(
                done = count,
                of = self.all,
                unit = self.unit,
                per_second = self.rated.then(|| self.per_second(count)),
                seconds_left = self.seconds_left(count),
                "{}",
                self.doing
            );
        }
    }

    fn line(&self, count: u64) -> String {
        let amount = |count| match self.unit {
            BYTES => bytes(count),
            _ => count.to_string(),
        };
        let mut line = format!("{}: {}", self.doing, amount(count));
        if self.unit != BYTES {
            line.push_str(&format!(" {}", self.unit));
        }
        if self.rated {
            line.push_str(&format!(", {}/s", amount(self.per_second(count))));
        }
        if let Some(seconds) = self.seconds_left(count) {
            line.push_str(&format!(", {seconds} s left"));
        }
        line
    }

    fn per_second(&self, count: u64) -> u64 {
        per_second(count, self.started.elapsed())
    }

    /// How long the rest takes at the rate so far, also where that is less than one a second; `None`
    /// where it is not known, or at the end.
    fn seconds_left(&self, count: u64) -> Option<u64> {
        let rest = self.all?.checked_sub(count).filter(|rest| *rest > 0)?;
        let millis = u128::from(rest) * self.started.elapsed().as_millis();
        let millis = millis.checked_div(u128::from(count))?;
        u64::try_from(millis / 1_000).ok()
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

fn log(progress: &Progress, shards: usize, unit: LagUnit, elapsed: Duration) {
    let lag = lag(progress, shards);
    tracing::info!(
        records = progress.records(),
        applied = progress.applied(),
        quarantined = progress.quarantined(),
        records_per_second = per_second(progress.records(), elapsed),
        lag_bytes = lag.as_ref().and_then(|lag| lag.bytes(unit)),
        lag_ms = lag.as_ref().and_then(|lag| lag.millis(unit)),
        seconds_left = lag.and_then(|lag| left(lag.bytes(unit)?, progress, elapsed)),
        "progress"
    );
}

fn line(progress: &Progress, shards: usize, unit: LagUnit, elapsed: Duration) -> String {
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
    if let Some(lag) = lag(progress, shards) {
        line.push_str(", ");
        line.push_str(&lag.text(unit));
        let rest = lag.bytes(unit).filter(|lag| *lag > 0);
        if let Some(seconds) = rest.and_then(|lag| left(lag, progress, elapsed)) {
            line.push_str(&format!(", {seconds} s left"));
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

/// How far the shards are behind, in the source's unit.
struct Lag {
    sum: u64,
    most: u64,
}

impl Lag {
    fn of(shards: &[u64]) -> Self {
        Self {
            sum: shards.iter().sum(),
            most: shards.iter().copied().max().unwrap_or_default(),
        }
    }

    /// Bytes of all shards add up.
    fn bytes(&self, unit: LagUnit) -> Option<u64> {
        (unit == LagUnit::Bytes).then_some(self.sum)
    }

    /// Time passes for all shards at once: the one that is most behind counts.
    fn millis(&self, unit: LagUnit) -> Option<u64> {
        (unit == LagUnit::Milliseconds).then_some(self.most)
    }

    fn text(&self, unit: LagUnit) -> String {
        match (self.bytes(unit), self.millis(unit)) {
            (Some(sum @ 1..), _) => format!("{} behind", bytes(sum)),
            (_, Some(millis @ 1..1_000)) => format!("{millis} ms behind"),
            (_, Some(millis @ 1_000..)) => format!("{} s behind", millis / 1_000),
            _ => "caught up".to_owned(),
        }
    }
}

/// `None` until as many shards as there were at the start have told.
fn lag(progress: &Progress, shards: usize) -> Option<Lag> {
    let told = progress.shards();
    let lags: Vec<u64> = told.values().filter_map(|shard| shard.lag).collect();
    (lags.len() >= shards).then(|| Lag::of(&lags))
}

/// How many seconds the lag takes at the rate so far.
fn left(lag: u64, progress: &Progress, elapsed: Duration) -> Option<u64> {
    lag.checked_div(per_second(progress.bytes(), elapsed))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use fieldseal_metrics::LagUnit;

    use super::{BYTES, Counting, Lag};

    const HOUR: Duration = Duration::from_secs(3_600);

    /// A count that began an hour ago, without a terminal.
    fn counting(mut counting: Counting) -> Counting {
        counting.bar = None;
        counting.started = an_hour_ago();
        counting.logged = an_hour_ago();
        counting
    }

    fn an_hour_ago() -> Instant {
        let then = Instant::now().checked_sub(HOUR);
        then.expect("the clock goes back below the machine's start")
    }

    /// What is logged meanwhile.
    fn logged(work: impl FnOnce()) -> String {
        let mut lines = tempfile::tempfile().expect("a temporary file");
        let writer = lines.try_clone().expect("a second handle");
        let subscriber = tracing_subscriber::fmt()
            .with_writer(Arc::new(writer))
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        let mut text = String::new();
        lines.rewind().expect("a file");
        lines.read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn without_a_terminal_a_count_is_a_plain_log_line() {
        let mut work = counting(Counting::start("searching", BYTES));
        let line = logged(|| work.reached_of(7_300_000, 14_500_000));
        // The hour may have become a little longer.
        for part in [
            " INFO searching done=7300000 of=14500000 unit=\"bytes\" per_second=20",
            " seconds_left=35",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(!line.contains(['\x1b', '\r']), "{line:?}");

        let mut work = counting(Counting::start("sweeping", "rows"));
        let line = logged(|| work.reached(7_300_000));
        let begins = " INFO sweeping done=7300000 unit=\"rows\" per_second=20";
        assert!(line.starts_with(begins), "{line}");
        assert!(!line.contains("left"), "it is not known: {line}");

        let mut slow = counting(Counting::start("comparing", "tables"));
        let line = logged(|| slow.reached_of(2, 4));
        assert!(line.contains("per_second=0 seconds_left=360"), "{line}");

        let mut waiting = counting(Counting::waiting("waiting", "shards"));
        let line = logged(|| waiting.reached(3));
        assert_eq!(line, " INFO waiting done=3 unit=\"shards\"\n");
    }

    #[test]
    fn log_lines_come_at_intervals() {
        let mut work = counting(Counting::start("sweeping", "rows"));
        let begun = work.logged;
        let lines = logged(|| {
            work.reached(1);
            assert!(work.logged > begun, "the next interval has begun");
            // It has not passed, however slow the machine is.
            work.logged += HOUR;
            work.reached(2);
            work.logged = an_hour_ago();
            work.reached(3);
        });
        let done: Vec<&str> = lines
            .split(' ')
            .filter(|w| w.starts_with("done="))
            .collect();
        assert_eq!(done, ["done=1", "done=3"], "{lines}");
    }

    #[test]
    fn the_lag_has_its_sources_unit() {
        for (shards, unit, text) in [
            (&[30, 40][..], LagUnit::Bytes, "70 bytes behind"),
            (&[0, 0], LagUnit::Bytes, "caught up"),
            (&[700, 3_400], LagUnit::Milliseconds, "3 s behind"),
            (&[700, 0], LagUnit::Milliseconds, "700 ms behind"),
            (&[0, 0], LagUnit::Milliseconds, "caught up"),
        ] {
            assert_eq!(Lag::of(shards).text(unit), text);
        }
    }
}
