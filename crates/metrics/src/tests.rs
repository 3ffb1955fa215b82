//! The meters around stand-ins for the ports: what the page promises is really counted. That the lags
//! are, the binary's own tests show, since only a run knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_envelope::{DataKey, Purpose, WrapContext};
use fieldseal_keys::{KeyProvider, ProviderError, WrappingKey};
use fieldseal_model::{Plaintext, SequenceNumber};
use fieldseal_pipeline::{
    BatchLimits, Committed, Fetched, Labels, Progress, ReaderState, RecordSource, SealedBatch,
    ShardInfo, ShardReader, ShardState, SourceError, StreamRecord, TableLayout, TableOutcome,
    Target, TargetColumn, TargetError,
};

use crate::{
    KeyBudget, LagUnit, MeteredBatch, MeteredProvider, MeteredSource, MeteredTarget, Metric,
    Monitor,
};

const SHARD: &str = "shard-1";

/// One shard; a fetch from it fails, the next one brings a record.
struct Source;

struct Reader {
    has_failed: bool,
}

#[async_trait]
impl RecordSource for Source {
    type Reader = Reader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        Ok(vec![ShardInfo {
            name: SHARD.to_owned(),
            parents: Vec::new(),
        }])
    }

    async fn open(&self, _: &str, _: &SequenceNumber) -> Result<Reader, SourceError> {
        Ok(Reader { has_failed: false })
    }

    async fn mark(&self, _: &str) -> Result<Option<SequenceNumber>, SourceError> {
        Ok(None)
    }
}

#[async_trait]
impl ShardReader for Reader {
    async fn next(&mut self, _: BatchLimits) -> Result<Fetched, SourceError> {
        if !std::mem::replace(&mut self.has_failed, true) {
            return Err(SourceError {
                what: "throttled".to_owned(),
                transient: true,
                lost: false,
            });
        }
        let record = StreamRecord {
            sequence: 7.into(),
            data: Plaintext::new(b"planted".to_vec()),
        };
        Ok(fetched(vec![record]))
    }
}

fn fetched(records: Vec<StreamRecord>) -> Fetched {
    Fetched {
        records,
        state: ReaderState::More,
        lag: None,
    }
}

/// Gives way once to whoever asks for its shards, and applies everything else.
struct Database;

#[async_trait]
impl Target for Database {
    type Ready = ();

    async fn describe(&self, _: &[TableLayout]) -> Result<Vec<Vec<TargetColumn>>, TargetError> {
        Ok(Vec::new())
    }

    async fn shards(&self) -> Result<BTreeMap<String, bool>, TargetError> {
        Err(TargetError::Transient("a deadlock".to_owned()))
    }

    async fn add_shards(&self, _: &[String]) -> Result<(), TargetError> {
        Ok(())
    }

    async fn take_shard(&self, _: &str, _: &[String]) -> Result<ShardState, TargetError> {
        Ok(ShardState {
            fence: 1,
            checkpoint: SequenceNumber::start(),
            high: None,
            closed: false,
            end_seen: None,
        })
    }

    async fn labels(&self, _: &str) -> Result<Labels, TargetError> {
        Err(TargetError::Fatal("nobody asks".to_owned()))
    }

    fn ready(&self, _: SealedBatch) -> Self::Ready {}

    async fn apply(&self, _: &()) -> Result<Committed, TargetError> {
        let outcome = |table, outcome, count| TableOutcome {
            table,
            outcome,
            count,
        };
        Ok(Committed::after_commit(2).with_outcomes(vec![
            outcome(Some(0), "inserts", 2),
            outcome(None, "ignored", 1),
            outcome(Some(0), "unlisted_columns", 1),
        ]))
    }

    async fn try_out(&self, _: &()) -> Result<(), TargetError> {
        Ok(())
    }

    async fn close_shard(&self, _: &str, _: i64) -> Result<(), TargetError> {
        Ok(())
    }
}

/// A key service that refuses in each of its ways.
struct Keys([WrappingKey; 1]);

#[async_trait]
impl KeyProvider for Keys {
    fn wrapping_keys(&self) -> &[WrappingKey] {
        &self.0
    }

    async fn generate(&self, _: &WrapContext) -> Result<(DataKey, Vec<u8>), ProviderError> {
        Err(ProviderError::Unavailable {
            reason: "throttled".to_owned(),
        })
    }

    async fn wrap(&self, _: &WrapContext, _: &DataKey) -> Result<Vec<u8>, ProviderError> {
        Ok(Vec::new())
    }

    async fn unwrap(
        &self,
        _: &WrapContext,
        _: &WrappingKey,
        _: &[u8],
    ) -> Result<DataKey, ProviderError> {
        Err(ProviderError::Denied {
            reason: "no grant".to_owned(),
        })
    }
}

async fn use_source(monitor: &Arc<Monitor>) {
    let source = MeteredSource::new(Source, Arc::clone(monitor));
    source.shards().await.unwrap();
    let start = SequenceNumber::start();
    let mut reader = source.open(SHARD, &start).await.unwrap();
    let limits = BatchLimits {
        records: 1,
        bytes: 1,
    };
    assert!(reader.next(limits).await.is_err());
    assert!(reader.next(limits).await.is_ok());
}

async fn use_target(monitor: &Arc<Monitor>) -> MeteredTarget<Database> {
    let tables = vec!["shop.orders".to_owned()];
    let target = MeteredTarget::new(Arc::new(Database), tables, Arc::clone(monitor));
    assert!(target.shards().await.is_err());
    target.take_shard(SHARD, &[]).await.unwrap();
    target
}

async fn use_keys(monitor: &Arc<Monitor>) {
    let keys = Keys(["local:one".parse().unwrap()]);
    let keys = MeteredProvider::new(Arc::new(keys), Arc::clone(monitor));
    let context = WrapContext {
        deployment: "test".to_owned(),
        domain: "contact".parse().unwrap(),
        purpose: Purpose::Seal,
    };
    assert!(keys.generate(&context).await.is_err());
    let key = DataKey::generate().unwrap();
    keys.wrap(&context, &key).await.unwrap();
    let name = &keys.wrapping_keys()[0];
    assert!(keys.unwrap(&context, name, &[]).await.is_err());
}

#[tokio::test]
async fn what_the_page_promises_is_counted() {
    let monitor = Monitor::new(Progress::new());
    let target = use_target(&monitor).await;
    use_source(&monitor).await;
    let batch = MeteredBatch {
        inner: (),
        behind: Some((SHARD.to_owned(), 7.into())),
    };
    let committed = target.apply(&batch).await.unwrap();
    assert_eq!(committed.applied(), 2);
    use_keys(&monitor).await;
    monitor.target_answered(true);
    monitor.held([("shop.orders".to_owned(), 3)]);
    monitor.keys(&[KeyBudget {
        key: "aa".to_owned(),
        reserved: 4096,
        left: 1000,
    }]);
    let text = monitor.text(LagUnit::Milliseconds, false);
    for metric in Metric::ALL {
        let is_lag = matches!(metric, Metric::ShardLagSeconds | Metric::ShardLagBytes);
        let is_told = text.lines().any(|line| line.starts_with(metric.name()));
        assert_eq!(is_told, !is_lag, "{metric:?} in {text}");
    }
    for line in [
        "fieldseal_rows_total{table=\"shop.orders\",outcome=\"inserts\"} 2",
        "fieldseal_rows_total{table=\"\",outcome=\"ignored\"} 1",
        "fieldseal_unlisted_columns_total{table=\"shop.orders\"} 1",
        "fieldseal_source_errors_total{shard=\"shard-1\"} 1",
        "fieldseal_database_retries_total{operation=\"shards\"} 1",
        "fieldseal_key_calls_total{operation=\"generate\",outcome=\"unavailable\"} 1",
        "fieldseal_key_calls_total{operation=\"wrap\",outcome=\"ok\"} 1",
        "fieldseal_key_calls_total{operation=\"unwrap\",outcome=\"denied\"} 1",
        "fieldseal_batch_seconds_count 1",
        "fieldseal_commit_seconds_count 1",
        "fieldseal_shards{state=\"reading\"} 1",
        "fieldseal_quarantine_records{table=\"shop.orders\"} 3",
        "fieldseal_ready 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(!text.contains("planted"), "a value: {text}");
}
