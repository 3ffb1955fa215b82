//! What all meters of a process write to and the admin port reads from. Owns the two questions
//! "is it alive" and "is it ready", and the gauges that are put together when they are asked for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fieldseal_pipeline::Progress;
use tokio::time::Instant;

use crate::names::Metric;
use crate::samples::Samples;
use crate::standing::Standing;

/// How long a shard or the target may be silent in a worker that is ready. Longer than the
/// longest wait between two tries of anything, and shorter than an alarm's patience.
pub const QUIET: Duration = Duration::from_secs(60);

/// How long the run may be silent in a process that is alive: it asks for shards every second,
/// and no call of its takes minutes.
const DEAD: Duration = Duration::from_secs(300);

/// The unit of a source's lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LagUnit {
    /// Folders count bytes.
    Bytes,
    /// Kinesis tells milliseconds.
    Milliseconds,
}

/// How much of a data key is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBudget {
    /// The key's id.
    pub key: String,
    /// Seals that the fleet has reserved with it.
    pub reserved: u64,
    /// Seals that it still allows.
    pub left: u64,
}

/// Metrics and readiness of one process.
pub struct Monitor {
    pub(crate) samples: Samples,
    standing: Mutex<Standing>,
    target: Mutex<Option<Instant>>,
    progress: Arc<Progress>,
    since: Instant,
}

impl Monitor {
    /// A monitor of the run that these counters belong to.
    #[must_use]
    pub fn new(progress: Arc<Progress>) -> Arc<Self> {
        Arc::new(Self {
            samples: Samples::default(),
            standing: Mutex::default(),
            target: Mutex::default(),
            progress,
            since: Instant::now(),
        })
    }

    /// The run's counters.
    #[must_use]
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// The target was asked something and has answered, or has not.
    pub fn target_answered(&self, answered: bool) {
        self.samples
            .set(Metric::DatabaseUp, &[], f64::from(u8::from(answered)));
        if answered {
            *lock(&self.target) = Some(Instant::now());
        }
    }

    /// How many records each table holds in quarantine; the empty name is for those of no table
    /// that the policy knows.
    pub fn held(&self, tables: impl IntoIterator<Item = (String, u64)>) {
        let tables = tables.into_iter();
        self.samples.replace(
            Metric::Quarantine,
            tables.map(|(table, count)| (table, count as f64)),
        );
    }

    /// Every data key that can still seal or has sealed.
    pub fn keys(&self, keys: &[KeyBudget]) {
        let of = |number: fn(&KeyBudget) -> u64| {
            keys.iter()
                .map(move |key| (key.key.clone(), number(key) as f64))
        };
        self.samples
            .replace(Metric::KeySeals, of(|key| key.reserved));
        self.samples
            .replace(Metric::KeySealsLeft, of(|key| key.left));
    }

    /// Whether the run still goes round.
    #[must_use]
    pub fn alive(&self) -> bool {
        let last = self.standing().last_asked().unwrap_or(self.since);
        last.elapsed() <= DEAD
    }

    /// What stands against being ready: nothing when every shard is taken and committing and the
    /// target answers.
    #[must_use]
    pub fn against_ready(&self) -> Vec<String> {
        let now = Instant::now();
        let mut against = self.standing().against(&self.stopped(), now, QUIET);
        let answered = *lock(&self.target);
        if answered.is_none_or(|at| now.duration_since(at) > QUIET) {
            against.push("the target does not answer".to_owned());
        }
        against
    }

    /// All metrics as text; `draining` is not ready whatever else holds.
    #[must_use]
    pub fn text(&self, unit: LagUnit, draining: bool) -> String {
        let ready = !draining && self.against_ready().is_empty();
        self.samples
            .set(Metric::Ready, &[], f64::from(u8::from(ready)));
        let states = self.standing().states(&self.stopped());
        for (state, count) in [
            ("reading", states.reading),
            ("stopped", states.stopped),
            ("closed", states.closed),
            ("waiting", states.waiting),
        ] {
            self.samples.set(Metric::Shards, &[state], count as f64);
        }
        self.lags(unit);
        let records = self.progress.records();
        self.samples.set(Metric::Records, &[], records as f64);
        self.samples.text()
    }

    fn lags(&self, unit: LagUnit) {
        let (metric, scale) = match unit {
            LagUnit::Bytes => (Metric::ShardLagBytes, 1.0),
            LagUnit::Milliseconds => (Metric::ShardLagSeconds, 1000.0),
        };
        let standing = self.standing();
        let shards = self.progress.shards();
        let lags = shards
            .into_iter()
            .filter(|(name, _)| !standing.is_closed(name))
            .filter_map(|(name, shard)| Some((name, shard.lag? as f64 / scale)));
        self.samples.replace(metric, lags);
    }

    fn stopped(&self) -> BTreeSet<String> {
        let shards = self.progress.shards().into_iter();
        shards
            .filter(|(_, shard)| shard.stopped.is_some())
            .map(|(name, _)| name)
            .collect()
    }

    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        lock(&self.standing)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fieldseal_pipeline::{Progress, ShardInfo};

    use super::{KeyBudget, LagUnit, Monitor};

    #[tokio::test(start_paused = true)]
    async fn silence_takes_readiness_first_and_life_later() {
        let monitor = Monitor::new(Progress::new());
        let shard = ShardInfo {
            name: "a".to_owned(),
            parents: Vec::new(),
        };
        let now = tokio::time::Instant::now();
        monitor.standing().listed(&[shard]);
        monitor.standing().taken("a", false, now);
        assert_eq!(monitor.against_ready(), ["the target does not answer"]);
        monitor.target_answered(true);
        assert_eq!(monitor.against_ready(), [""; 0]);
        assert!(
            monitor
                .text(LagUnit::Bytes, false)
                .contains("\nfieldseal_ready 1\n")
        );
        assert!(
            monitor
                .text(LagUnit::Bytes, true)
                .contains("\nfieldseal_ready 0\n")
        );
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(monitor.against_ready().len(), 2);
        assert!(monitor.alive());
        tokio::time::advance(Duration::from_secs(240)).await;
        assert!(!monitor.alive());
        monitor.standing().asked(tokio::time::Instant::now());
        assert!(monitor.alive());
    }

    #[tokio::test]
    async fn a_key_that_is_gone_is_no_longer_shown() {
        let monitor = Monitor::new(Progress::new());
        let key = |key: &str| KeyBudget {
            key: key.to_owned(),
            reserved: 4096,
            left: 1000,
        };
        monitor.keys(&[key("aa"), key("bb")]);
        monitor.keys(&[key("bb")]);
        let text = monitor.text(LagUnit::Milliseconds, false);
        assert!(!text.contains("key=\"aa\""), "{text}");
        assert!(
            text.contains("fieldseal_key_seals_left{key=\"bb\"} 1000\n"),
            "{text}"
        );
    }
}
