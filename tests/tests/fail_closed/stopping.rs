//! A shard that stops while its source is away. Owns that the stop is told at once: whoever waits
//! for a source that may never come back would never hear of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fieldseal_model::{Plaintext, SequenceNumber};
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, RecordSource, ShardInfo, ShardReader, SourceError,
    StopReason, StreamRecord,
};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::Rig;
use fieldseal_tests::harness::faults::{ApplyFault, FaultyTarget};

use super::{people, person};

/// One record, then nothing but outages for a while.
#[derive(Clone)]
struct Leaving {
    calls: Arc<AtomicU32>,
    /// How often it is away before it ends; each time it is waited for longer.
    away: u32,
}

impl Leaving {
    fn new(away: u32) -> Self {
        Self {
            calls: Arc::default(),
            away,
        }
    }
}

#[async_trait]
impl RecordSource for Leaving {
    type Reader = Self;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        Ok(vec![ShardInfo {
            name: "s0".to_owned(),
            parents: Vec::new(),
        }])
    }

    async fn open(&self, _: &str, _: &SequenceNumber) -> Result<Self, SourceError> {
        Ok(self.clone())
    }

    async fn mark(&self, _: &str) -> Result<Option<SequenceNumber>, SourceError> {
        Ok(None)
    }
}

#[async_trait]
impl ShardReader for Leaving {
    async fn next(&mut self, _: BatchLimits) -> Result<Fetched, SourceError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if (1..=self.away).contains(&call) {
            return Err(SourceError {
                what: "it is away".to_owned(),
                transient: true,
                lost: false,
            });
        }
        let record = StreamRecord {
            sequence: SequenceNumber::from(1),
            data: Plaintext::new(person(1)),
        };
        let (records, state) = match call {
            0 => (vec![record], ReaderState::More),
            _ => (Vec::new(), ReaderState::Closed),
        };
        Ok(Fetched {
            records,
            state,
            lag: None,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_stops_does_not_wait_for_a_source_that_is_away() {
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    // Minutes of waiting, in which a slow machine can seal one record.
    let away = 20;
    let source = Leaving::new(away);
    let target = FaultyTarget::for_ever(&rig.store, &[ApplyFault::Fatal]);
    let (summary, _) = rig.run_into(source.clone(), target).await;
    assert!(
        matches!(summary.stopped["s0"], StopReason::Target(_)),
        "{:?}",
        summary.stopped
    );
    let calls = source.calls.load(Ordering::SeqCst);
    assert!(
        calls <= away,
        "the source was waited for until it came back"
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_away_for_a_while_is_waited_for() {
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    let source = Leaving::new(6);
    let (summary, progress) = rig.run_into(source.clone(), Arc::clone(&rig.store)).await;
    assert!(summary.finished.contains("s0"), "{:?}", summary.stopped);
    assert_eq!(progress.records(), 1);
    rig.end().await;
}
