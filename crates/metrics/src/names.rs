//! The names of all metrics: the one list that the text, the page `docs/METRICS.md` and its test
//! are made from. Owns names, kinds and label names; counts nothing.

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Records committed.
    Records,
    /// Outcomes of rows by table.
    Rows,
    /// Columns that the policy does not list.
    UnlistedColumns,
    /// Records that are held.
    Quarantine,
    /// From fetched to committed.
    BatchSeconds,
    /// One transaction of the target.
    CommitSeconds,
    /// How far a shard of a stream is behind.
    ShardLagSeconds,
    /// How far a shard of a folder is behind.
    ShardLagBytes,
    /// Shards by state.
    Shards,
    /// Fetches that failed.
    SourceErrors,
    /// Seals reserved with a key.
    KeySeals,
    /// Seals that a key still allows.
    KeySealsLeft,
    /// Calls of the key service.
    KeyCalls,
    /// Tries that the target made necessary.
    DatabaseRetries,
    /// Whether the target answers.
    DatabaseUp,
    /// Whether the worker is ready.
    Ready,
}

/// What a metric's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, from 0 at the start of the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Durations in seconds, by buckets.
    Histogram,
}

impl Kind {
    /// The word of Prometheus' text format.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 16] = [
        Self::Records,
        Self::Rows,
        Self::UnlistedColumns,
        Self::Quarantine,
        Self::BatchSeconds,
        Self::CommitSeconds,
        Self::ShardLagSeconds,
        Self::ShardLagBytes,
        Self::Shards,
        Self::SourceErrors,
        Self::KeySeals,
        Self::KeySealsLeft,
        Self::KeyCalls,
        Self::DatabaseRetries,
        Self::DatabaseUp,
        Self::Ready,
    ];

    /// Its name, with the units and suffixes that Prometheus asks for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// What its number means.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.row().1
    }

    /// The names of its labels.
    #[must_use]
    pub const fn labels(self) -> &'static [&'static str] {
        self.row().2
    }

    /// One line of help.
    #[must_use]
    pub const fn help(self) -> &'static str {
        self.row().3
    }

    const fn row(self) -> (&'static str, Kind, &'static [&'static str], &'static str) {
        use Kind::{Counter, Gauge, Histogram};
        match self {
            Self::Records => (
                "fieldseal_records_total",
                Counter,
                &[],
                "Records committed by this process.",
            ),
            Self::Rows => (
                "fieldseal_rows_total",
                Counter,
                &["table", "outcome"],
                "What became of the changes in batches committed by this process.",
            ),
            Self::UnlistedColumns => (
                "fieldseal_unlisted_columns_total",
                Counter,
                &["table"],
                "Columns in records that the policy does not list.",
            ),
            Self::Quarantine => (
                "fieldseal_quarantine_records",
                Gauge,
                &["table"],
                "Records held in quarantine now, by anyone.",
            ),
            Self::BatchSeconds => (
                "fieldseal_batch_seconds",
                Histogram,
                &[],
                "From the answer of a fetch to the commit of all it brought.",
            ),
            Self::CommitSeconds => (
                "fieldseal_commit_seconds",
                Histogram,
                &[],
                "One transaction that applied a batch, from its beginning to its commit.",
            ),
            Self::ShardLagSeconds => (
                "fieldseal_shard_lag_seconds",
                Gauge,
                &["shard"],
                "MillisBehindLatest of the last fetch that is applied, in seconds: how far behind the \
                 shard's tip it ended; 0 at the tip.",
            ),
            Self::ShardLagBytes => (
                "fieldseal_shard_lag_bytes",
                Gauge,
                &["shard"],
                "Bytes between what is applied of a file and its end.",
            ),
            Self::Shards => ("fieldseal_shards", Gauge, &["state"], "Shards by state."),
            Self::SourceErrors => (
                "fieldseal_source_errors_total",
                Counter,
                &["shard"],
                "Fetches from a shard that failed.",
            ),
            Self::KeySeals => (
                "fieldseal_key_seals_reserved",
                Gauge,
                &["key"],
                "Seals that the fleet has reserved with a data key.",
            ),
            Self::KeySealsLeft => (
                "fieldseal_key_seals_left",
                Gauge,
                &["key"],
                "Seals that a data key still allows.",
            ),
            Self::KeyCalls => (
                "fieldseal_key_calls_total",
                Counter,
                &["operation", "outcome"],
                "Calls of the key service (AWS KMS or the root key file).",
            ),
            Self::DatabaseRetries => (
                "fieldseal_database_retries_total",
                Counter,
                &["operation"],
                "Statements and transactions of the target that failed for a passing reason.",
            ),
            Self::DatabaseUp => (
                "fieldseal_database_up",
                Gauge,
                &[],
                "1 if the target answered the last question, which is asked every ten seconds.",
            ),
            Self::Ready => (
                "fieldseal_ready",
                Gauge,
                &[],
                "1 if GET /ready would answer 200.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Kind, Metric};

    /// The rows of the page's first table: name, kind and labels.
    fn page() -> BTreeSet<(String, String, String)> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md");
        let page = std::fs::read_to_string(path).unwrap();
        // The other table says what to alarm on.
        let (first, _) = page.split_once("\n## ").unwrap();
        first
            .lines()
            .filter(|line| line.starts_with("| `fieldseal_"))
            .map(|line| {
                let mut cells = line.trim_matches('|').split('|');
                let mut cell = || cells.next().unwrap().trim().replace('`', "");
                (cell(), cell(), cell())
            })
            .collect()
    }

    #[test]
    fn the_page_names_every_metric_and_no_other() {
        let known: BTreeSet<_> = Metric::ALL
            .iter()
            .map(|metric| {
                let labels = match metric.labels() {
                    [] => "–".to_owned(),
                    labels => labels.join(", "),
                };
                let kind = metric.kind().word().to_owned();
                (metric.name().to_owned(), kind, labels)
            })
            .collect();
        assert_eq!(known, page());
        assert_eq!(known.len(), Metric::ALL.len(), "a metric stands there once");
    }

    #[test]
    fn names_say_what_they_count() {
        for metric in Metric::ALL {
            let total = metric.name().ends_with("_total");
            assert_eq!(total, metric.kind() == Kind::Counter, "{metric:?}");
        }
    }

    /// A label of any other name must be thought about first: no data may be in one.
    #[test]
    fn labels_are_of_a_few_kinds() {
        for metric in Metric::ALL {
            for label in metric.labels() {
                let known = ["table", "outcome", "shard", "key", "operation", "state"];
                assert!(known.contains(label), "{label}");
            }
        }
    }
}
