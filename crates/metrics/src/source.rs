//! Around a source: which shards it lists, what its fetches bring and when. Owns measuring;
//! answers and errors pass through unchanged.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{BatchLimits, Fetched, RecordSource, ShardInfo, ShardReader, SourceError};
use tokio::time::Instant;

use crate::monitor::Monitor;
use crate::names::Metric;

/// A source that is measured.
pub struct MeteredSource<S> {
    inner: S,
    monitor: Arc<Monitor>,
}

impl<S> MeteredSource<S> {
    /// Measures `inner`.
    pub const fn new(inner: S, monitor: Arc<Monitor>) -> Self {
        Self { inner, monitor }
    }
}

#[async_trait]
impl<S: RecordSource> RecordSource for MeteredSource<S> {
    type Reader = MeteredReader<S::Reader>;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        self.monitor.standing().asked(Instant::now());
        let shards = self.inner.shards().await?;
        self.monitor.standing().listed(&shards);
        Ok(shards)
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<Self::Reader, SourceError> {
        self.open_seen(shard, after, None).await
    }

    async fn open_seen(
        &self,
        shard: &str,
        after: &SequenceNumber,
        age: Option<Duration>,
    ) -> Result<Self::Reader, SourceError> {
        let inner = self.inner.open_seen(shard, after, age).await?;
        Ok(MeteredReader {
            inner,
            shard: shard.to_owned(),
            monitor: Arc::clone(&self.monitor),
        })
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        self.inner.mark(shard).await
    }

    fn shards_end(&self) -> bool {
        self.inner.shards_end()
    }
}

/// A reader that is measured.
pub struct MeteredReader<R> {
    inner: R,
    shard: String,
    monitor: Arc<Monitor>,
}

#[async_trait]
impl<R: ShardReader> ShardReader for MeteredReader<R> {
    async fn due(&mut self) {
        self.inner.due().await;
    }

    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let fetched = self.inner.next(limits).await;
        match &fetched {
            Ok(fetched) => {
                let last = fetched.records.last().map(|record| &record.sequence);
                let mut standing = self.monitor.standing();
                standing.fetched(&self.shard, last, Instant::now());
            }
            Err(_) => {
                let labels = [self.shard.as_str()];
                self.monitor.samples.add(Metric::SourceErrors, &labels, 1);
            }
        }
        fetched
    }
}
