//! Where a stream begins, what a mark does to a shard, and a stream that is denied or gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fieldseal_doubles::Fault;
use fieldseal_kinesis::Start;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::RecordSource;
use fieldseal_tests::aws::WORKER;
use fieldseal_tests::aws::doubles::STREAM;
use fieldseal_tests::aws::stream::Stream;

use crate::{ids, read_all, rig, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_begins_at_a_moment_or_at_a_record() {
    let stream = Stream::start(2).await;
    write(&stream, 1..20).await;
    stream.double.clock().advance(Duration::from_secs(60));
    let moment = i64::try_from(stream.double.clock().now()).unwrap() - 30_000;
    let (shard, record) = write(&stream, 20..21).await;
    write(&stream, 21..40).await;
    let begin = async |start: Start| {
        let rig = rig().await;
        let source = stream.source(start).await;
        let (summary, _) = rig.run_into(source, Arc::clone(&rig.store)).await;
        let begun = ids(&rig).await;
        rig.end().await;
        (begun, summary.stopped)
    };
    let (begun, stopped) = begin(Start::Timestamp(moment)).await;
    assert!(stopped.is_empty(), "{stopped:?}");
    assert_eq!(begun, (20..40).collect());
    // Its own shard from there on, the other one from the oldest record.
    let (begun, stopped) = begin(Start::Sequence(record)).await;
    assert!(stopped.is_empty(), "{stopped:?}");
    assert!(begun.is_superset(&(20..40).collect()), "{begun:?}");
    let skipped: BTreeSet<u32> = (1..20).filter(|id| !begun.contains(id)).collect();
    assert!(
        !skipped.is_empty() && skipped.len() < 19,
        "{shard}: {skipped:?}"
    );
    // A record of no shard: nothing is begun.
    let (begun, stopped) = begin(Start::Sequence(SequenceNumber::from(7))).await;
    assert_eq!((begun.len(), stopped.len()), (0, 2));
    let said: Vec<String> = stopped.values().map(ToString::to_string).collect();
    assert!(
        said.iter().all(|said| said.contains("in no shard")),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_moves_the_checkpoint_of_an_idle_shard_past_it() {
    let (stream, rig) = (Stream::start(2).await, rig().await);
    write(&stream, 1..2).await;
    stream.split_first().await;
    let source = stream.source(Start::TrimHorizon).await;
    let mut marks = BTreeMap::new();
    for shard in source.shards().await.unwrap() {
        let mark = source.mark(&shard.name).await.unwrap();
        marks.insert(shard.name, mark);
    }
    assert_eq!(marks.values().filter(|mark| mark.is_none()).count(), 1);
    read_all(&stream, &rig).await;
    let checkpoints: BTreeMap<String, SequenceNumber> =
        rig.store.checkpoints().await.unwrap().into_iter().collect();
    for (shard, mark) in marks {
        if let Some(mark) = mark {
            assert_eq!(checkpoints[&shard], mark);
        }
    }
    assert!(rig.held().await.is_empty());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_denied_or_gone_is_told_with_what_to_do() {
    let stream = Stream::start(1).await;
    let told = async |name: &str| {
        let connected = stream.connect(name, Start::TrimHorizon).await;
        let failed = connected.err().unwrap();
        assert!(!failed.transient, "{failed}");
        failed.what
    };
    let gone = told("other").await;
    assert!(gone.contains("does not exist"), "{gone}");
    let elsewhere = told("arn:aws:kinesis:us-east-1:123456789012:stream/shop").await;
    assert!(elsewhere.contains("us-east-1"), "{elsewhere}");
    let source = stream.source(Start::TrimHorizon).await;
    let shard = source.shards().await.unwrap().remove(0).name;
    stream.double.faults().set(Fault::Denied(WORKER.to_owned()));
    let denied = told(STREAM).await;
    assert!(denied.contains("may not"), "{denied}");
    let denied = source.open(&shard, &SequenceNumber::start()).await;
    assert!(!denied.err().unwrap().transient);
}
