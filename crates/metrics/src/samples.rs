//! The numbers behind the names, and their text in Prometheus' exposition format 0.0.4. Owns
//! adding, setting and writing; what is counted is said by the callers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::names::{Kind, Metric};

/// Upper bounds in seconds: from a batch of one record into a local file to one that waits for a
/// lock.
const BOUNDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Every number of the process. A lock is taken a few times for each batch of thousands of
/// records, so there is one for all.
#[derive(Default)]
pub(crate) struct Samples(Mutex<BTreeMap<Metric, Family>>);

/// Numbers by the values of their labels.
type Family = BTreeMap<Vec<String>, Sample>;

enum Sample {
    Number(f64),
    Durations(Durations),
}

#[derive(Default)]
struct Durations {
    /// How many were within each bound and above the one before it.
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

impl Samples {
    /// Raises a counter.
    pub(crate) fn add(&self, metric: Metric, labels: &[&str], count: u64) {
        debug_assert_eq!(metric.kind(), Kind::Counter);
        let mut families = self.lock();
        let sample = entry(&mut families, metric, labels, || Sample::Number(0.0));
        if let Sample::Number(number) = sample {
            *number += count as f64;
        }
    }

    /// Puts a gauge, or a counter that somebody else keeps, to a number.
    pub(crate) fn set(&self, metric: Metric, labels: &[&str], to: f64) {
        debug_assert_ne!(metric.kind(), Kind::Histogram);
        let mut families = self.lock();
        *entry(&mut families, metric, labels, || Sample::Number(0.0)) = Sample::Number(to);
    }

    /// Puts all of a gauge with one label: what is not among `numbers` is no longer shown.
    pub(crate) fn replace(&self, metric: Metric, numbers: impl IntoIterator<Item = (String, f64)>) {
        debug_assert_eq!((metric.kind(), metric.labels().len()), (Kind::Gauge, 1));
        let family = numbers
            .into_iter()
            .map(|(label, number)| (vec![label], Sample::Number(number)))
            .collect();
        self.lock().insert(metric, family);
    }

    /// Adds a duration to a histogram.
    pub(crate) fn observe(&self, metric: Metric, took: Duration) {
        debug_assert_eq!(metric.kind(), Kind::Histogram);
        let mut families = self.lock();
        let empty = || Sample::Durations(Durations::default());
        if let Sample::Durations(durations) = entry(&mut families, metric, &[], empty) {
            durations.add(took.as_secs_f64());
        }
    }

    /// All of them as text.
    pub(crate) fn text(&self) -> String {
        let families = self.lock();
        let mut text = String::new();
        for metric in Metric::ALL {
            let (name, kind) = (metric.name(), metric.kind().word());
            let help = metric.help();
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (values, sample) in families.get(&metric).into_iter().flatten() {
                match sample {
                    Sample::Number(number) => {
                        let _ = writeln!(text, "{name}{} {number}", labels(metric, values));
                    }
                    Sample::Durations(durations) => durations.write(name, &mut text),
                }
            }
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Metric, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry<'a>(
    families: &'a mut BTreeMap<Metric, Family>,
    metric: Metric,
    labels: &[&str],
    empty: impl FnOnce() -> Sample,
) -> &'a mut Sample {
    debug_assert_eq!(metric.labels().len(), labels.len());
    let values = labels.iter().map(|&label| label.to_owned()).collect();
    let family = families.entry(metric).or_default();
    family.entry(values).or_insert_with(empty)
}

impl Durations {
    fn add(&mut self, seconds: f64) {
        if let Some(bucket) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    fn write(&self, name: &str, text: &mut String) {
        let mut within = 0;
        for (bound, count) in BOUNDS.iter().zip(self.buckets) {
            within += count;
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {within}");
        }
        let (count, sum) = (self.count, self.sum);
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = write!(text, "{name}_sum {sum}\n{name}_count {count}\n");
    }
}

fn labels(metric: Metric, values: &[String]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = metric
        .labels()
        .iter()
        .zip(values)
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Metric, Samples};

    #[test]
    fn counters_add_and_gauges_are_put() {
        let samples = Samples::default();
        samples.add(Metric::Rows, &["shop.orders", "inserts"], 3);
        samples.add(Metric::Rows, &["shop.orders", "inserts"], 4);
        samples.set(Metric::Ready, &[], 1.0);
        samples.set(Metric::Ready, &[], 0.0);
        let text = samples.text();
        let row = "fieldseal_rows_total{table=\"shop.orders\",outcome=\"inserts\"} 7\n";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("\nfieldseal_ready 0\n"), "{text}");
        assert!(
            text.contains("# TYPE fieldseal_batch_seconds histogram\n"),
            "what was not counted yet is named: {text}"
        );
    }

    #[test]
    fn a_histogram_counts_what_is_within_each_bound() {
        let samples = Samples::default();
        for millis in [5, 6, 400, 60_000] {
            samples.observe(Metric::CommitSeconds, Duration::from_millis(millis));
        }
        let text = samples.text();
        for line in [
            "fieldseal_commit_seconds_bucket{le=\"0.005\"} 1",
            "fieldseal_commit_seconds_bucket{le=\"0.01\"} 2",
            "fieldseal_commit_seconds_bucket{le=\"0.5\"} 3",
            "fieldseal_commit_seconds_bucket{le=\"30\"} 3",
            "fieldseal_commit_seconds_bucket{le=\"+Inf\"} 4",
            "fieldseal_commit_seconds_sum 60.411",
            "fieldseal_commit_seconds_count 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_label_cannot_end_its_line() {
        let samples = Samples::default();
        samples.replace(Metric::ShardLagBytes, [("a\"}\n\\".to_owned(), 1.0)]);
        let line = r#"fieldseal_shard_lag_bytes{shard="a\"}\n\\"} 1"#;
        assert!(samples.text().contains(line), "{}", samples.text());
        samples.replace(Metric::ShardLagBytes, []);
        assert!(!samples.text().contains("shard="));
    }
}
