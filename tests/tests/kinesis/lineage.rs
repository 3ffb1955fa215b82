//! Shards that split and merge, while they are read and after an old database was restored: each
//! is read behind its parents, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fieldseal_db::Bind;
use fieldseal_doubles::Fault;
use fieldseal_kinesis::{KinesisReader, KinesisSource, Start};
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    BatchLimits, Progress, RecordSource, RunOptions, ShardInfo, SourceError, Target,
};
use fieldseal_store::Store;
use fieldseal_tests::aws::stream::Stream;
use fieldseal_tests::harness::Rig;
use tokio::sync::watch;

use crate::{ids, read_all, rig, rows, write};

#[tokio::test(flavor = "multi_thread")]
async fn splits_and_merges_while_running_lose_nothing_on_a_bad_day() {
    let (stream, rig) = (Stream::start(3).await, rig().await);
    let source = stream.source(Start::TrimHorizon).await;
    let (stop, shutdown) = watch::channel(false);
    let running = tokio::spawn(fieldseal_pipeline::run(
        Arc::new(source),
        Arc::clone(&rig.store),
        Arc::clone(&rig.preparer),
        Progress::new(),
        RunOptions {
            until_idle: false,
            limits: BatchLimits {
                records: 50,
                bytes: 1 << 20,
            },
        },
        shutdown,
    ));
    // The producer retries by itself; duplicates are what it may cause.
    for operation in ["GetRecords", "GetShardIterator", "ListShards"] {
        let faults = stream.double.faults();
        faults.set_for(operation, Fault::ServerErrors(0.05));
        faults.set_for(operation, Fault::Throttling(0.05));
        faults.set_for(operation, Fault::DroppedAfter(0.05));
    }
    stream.double.faults().set(Fault::ExpiredIterators(0.05));
    stream.double.faults().set(Fault::EmptyReads(0.1));
    write(&stream, 1..100).await;
    for round in 1..5 {
        stream.split_first().await;
        write(&stream, round * 100..round * 100 + 50).await;
        stream.merge_first().await;
        write(&stream, round * 100 + 50..(round + 1) * 100).await;
    }
    while rows(&rig).await < 499 {
        assert!(!running.is_finished());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(true).unwrap();
    let summary = running.await.unwrap().unwrap();
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert!(stream.double.calls().failed().len() > 3);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_database_is_restored_across_a_split_and_a_merge() {
    let (stream, rig) = (Stream::start(2).await, rig().await);
    write(&stream, 1..50).await;
    read_all(&stream, &rig).await;
    let yesterday = rig.store.checkpoints().await.unwrap();
    stream.split_first().await;
    write(&stream, 50..100).await;
    stream.merge_first().await;
    stream.merge_first().await;
    write(&stream, 100..150).await;
    read_all(&stream, &rig).await;
    assert_eq!(rows(&rig).await, 149);
    restore(&rig, &yesterday, &BTreeMap::new(), 50).await;
    assert_eq!(rows(&rig).await, 49);
    read_all(&stream, &rig).await;
    assert_eq!(rows(&rig).await, 149);
    // Two shards, one of them split, merged, merged: only the last is open.
    let closed = rig.store.shards().await.unwrap();
    assert_eq!(closed.values().filter(|closed| !**closed).count(), 1);
    rig.end().await;
}

/// Forgets the rows from `first` on, and everything of the shards but these checkpoints.
async fn restore(
    rig: &Rig,
    checkpoints: &[(String, SequenceNumber)],
    closed: &BTreeMap<String, bool>,
    first: u32,
) {
    let database = &rig.database.database;
    database
        .execute("DELETE FROM fieldseal_shards", &[])
        .await
        .unwrap();
    let forget = "DELETE FROM customers WHERE id >= ?";
    let from = [Bind::from(i64::from(first))];
    database.execute(forget, &from).await.unwrap();
    for (shard, sequence) in checkpoints {
        let insert = "INSERT INTO fieldseal_shards (shard, fence, sequence, high, closed) VALUES (?, 9, ?, NULL, ?)";
        let closed = closed.get(shard).is_some_and(|closed| *closed);
        let binds = [
            Bind::from(shard),
            Bind::from(sequence.as_str()),
            Bind::from(i64::from(closed)),
        ];
        database.execute(insert, &binds).await.unwrap();
    }
}

/// A stream that notes every shard that is begun before its parents are applied to their ends.
struct Watched {
    stream: KinesisSource,
    store: Arc<Store>,
    parents: Mutex<BTreeMap<String, Vec<String>>>,
    begun: Arc<Mutex<Vec<(String, bool)>>>,
}

#[async_trait]
impl RecordSource for Watched {
    type Reader = KinesisReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let shards = self.stream.shards().await?;
        let parents = shards.iter().map(|s| (s.name.clone(), s.parents.clone()));
        self.parents.lock().unwrap().extend(parents);
        Ok(shards)
    }

    async fn open(
        &self,
        shard: &str,
        after: &SequenceNumber,
    ) -> Result<KinesisReader, SourceError> {
        let known = self.store.shards().await.unwrap();
        let parents = self.parents.lock().unwrap()[shard].clone();
        let in_order = parents.iter().all(|parent| known[parent]);
        let begun = (shard.to_owned(), in_order);
        self.begun.lock().unwrap().push(begun);
        self.stream.open(shard, after).await
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        self.stream.mark(shard).await
    }

    fn shards_end(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_is_read_in_order_from_any_old_checkpoint() {
    const STEPS: u32 = 12;
    let (stream, rig) = (Stream::start(3).await, rig().await);
    let mut backups = vec![(Vec::new(), BTreeMap::new(), 1)];
    for step in 0..STEPS {
        let first = step * 20 + 1;
        write(&stream, first..first + 10).await;
        // Backups are of moments in the middle of shards.
        if step % 4 == 2 {
            read_all(&stream, &rig).await;
            let checkpoints = rig.store.checkpoints().await.unwrap();
            backups.push((checkpoints, rig.store.shards().await.unwrap(), first + 10));
        }
        write(&stream, first + 10..first + 20).await;
        match step % 3 {
            0 => stream.split_first().await,
            _ => stream.merge_first().await,
        }
        if stream.open_shards().await.len() == 1 {
            stream.split_first().await;
        }
    }
    let all: BTreeSet<u32> = (1..=STEPS * 20).collect();
    for (checkpoints, closed, first) in backups {
        restore(&rig, &checkpoints, &closed, first).await;
        assert_eq!(ids(&rig).await, (1..first).collect());
        let begun = Arc::default();
        let source = Watched {
            stream: stream.source(Start::TrimHorizon).await,
            store: Arc::clone(&rig.store),
            parents: Mutex::default(),
            begun: Arc::clone(&begun),
        };
        let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;
        assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
        assert_eq!(ids(&rig).await, all);
        let begun = begun.lock().unwrap();
        assert!(begun.len() > 4, "{begun:?}");
        assert!(begun.iter().all(|(_, in_order)| *in_order), "{begun:?}");
    }
    rig.end().await;
}
