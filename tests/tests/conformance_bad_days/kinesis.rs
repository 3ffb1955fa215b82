//! Kinesis: retention, limits, closed shards, and what goes wrong on a stream.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::operation::put_records::PutRecordsOutput;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Shard, ShardIteratorType};
use fieldseal_doubles::{Fault, KinesisDouble, KinesisSettings};

use crate::{HERE, ME, THERE, code, config};

const STREAM: &str = "shop";
const SHARD: &str = "shardId-000000000000";

/// A stream of one shard, on a clock that stands still.
async fn kinesis() -> (KinesisDouble, Client) {
    let double = KinesisDouble::start(KinesisSettings::default()).expect("a port");
    double.clock().hold();
    double.create_stream(STREAM, 1);
    let client = Client::new(&config(&double.endpoint(), HERE, ME).await);
    (double, client)
}

async fn put(client: &Client, data: &[u8]) -> String {
    let put = client.put_record().stream_name(STREAM).partition_key("key");
    let put = put.data(Blob::new(data)).send().await.expect("it is taken");
    put.sequence_number().to_owned()
}

async fn iterator(client: &Client, number: Option<&str>) -> Result<String, Option<String>> {
    let kind = match number {
        Some(_) => ShardIteratorType::AfterSequenceNumber,
        None => ShardIteratorType::TrimHorizon,
    };
    let asked = client
        .get_shard_iterator()
        .stream_name(STREAM)
        .shard_id(SHARD);
    let asked = asked
        .shard_iterator_type(kind)
        .set_starting_sequence_number(number.map(str::to_owned));
    match asked.send().await {
        Ok(given) => Ok(given.shard_iterator().expect("an iterator").to_owned()),
        Err(error) => Err(error.code().map(str::to_owned)),
    }
}

/// How many records, or the error's code.
async fn get(client: &Client, iterator: &str) -> Result<usize, Option<String>> {
    match client.get_records().shard_iterator(iterator).send().await {
        Ok(answer) => Ok(answer.records().len()),
        Err(error) => Err(error.code().map(str::to_owned)),
    }
}

/// Puts a record of each number below a hundred, in one call.
async fn put_hundred(client: &Client) -> PutRecordsOutput {
    let entry = |at: u8| {
        let entry = PutRecordsRequestEntry::builder().partition_key("key");
        entry.data(Blob::new([at])).build().expect("a whole entry")
    };
    let entries = (0..100).map(entry).collect();
    let put = client.put_records().stream_name(STREAM);
    let put = put.set_records(Some(entries)).send().await;
    put.expect("the call is taken")
}

async fn shards(client: &Client) -> Vec<Shard> {
    let listed = client.list_shards().stream_name(STREAM).send().await;
    listed.expect("they are listed").shards().to_vec()
}

#[tokio::test]
async fn latency_delays_the_answers_it_is_set_for() {
    let (double, client) = kinesis().await;
    put(&client, b"x").await;
    let iterator = iterator(&client, None).await.unwrap();
    let late = Fault::Latency(Duration::from_secs(1));
    double.faults().set_for("GetRecords", late);
    let early = tokio::time::timeout(Duration::from_millis(500), get(&client, &iterator));
    assert!(early.await.is_err(), "it is answered at once");
    assert_eq!(get(&client, &iterator).await, Ok(1));
    put(&client, b"y").await;
}

#[tokio::test]
async fn an_iterator_lives_five_minutes() {
    let (double, client) = kinesis().await;
    put(&client, b"x").await;
    let iterator = iterator(&client, None).await.unwrap();
    double.clock().advance(Duration::from_secs(300));
    assert_eq!(get(&client, &iterator).await, Ok(1));
    double.clock().advance(Duration::from_secs(1));
    assert_eq!(
        get(&client, &iterator).await,
        code("ExpiredIteratorException")
    );
}

#[tokio::test]
async fn what_is_older_than_the_retention_is_gone() {
    let (double, client) = kinesis().await;
    let old = put(&client, b"old").await;
    let hour = Duration::from_secs(3600);
    double.clock().advance(hour * 20);
    let new = put(&client, b"new").await;
    let started = iterator(&client, Some(&old)).await.unwrap();
    assert_eq!(get(&client, &started).await, Ok(1));
    double.clock().advance(hour * 4 + Duration::from_secs(1));
    assert_eq!(
        iterator(&client, Some(&old)).await,
        code("InvalidArgumentException")
    );
    assert!(iterator(&client, Some(&new)).await.is_ok());
    let horizon = iterator(&client, None).await.unwrap();
    assert_eq!(get(&client, &horizon).await, Ok(1));
    assert_eq!(double.stored(STREAM), Some(1));
}

#[tokio::test]
async fn ten_mebibytes_are_followed_by_five_seconds_of_refusals() {
    let (double, client) = kinesis().await;
    let most = vec![0; (1 << 20) - 3];
    for _ in 0..11 {
        put(&client, &most).await;
        double.clock().advance(Duration::from_secs(1));
    }
    let iterator = iterator(&client, None).await.unwrap();
    assert_eq!(get(&client, &iterator).await, Ok(10));
    double.clock().advance(Duration::from_millis(4990));
    let refused = code("ProvisionedThroughputExceededException");
    assert_eq!(get(&client, &iterator).await, refused);
    double.clock().advance(Duration::from_millis(10));
    assert_eq!(get(&client, &iterator).await, Ok(10));
    let larger = client
        .put_record()
        .stream_name(STREAM)
        .partition_key("key!");
    let larger = larger.data(Blob::new(most)).send().await;
    assert_eq!(larger.unwrap_err().code(), Some("InvalidArgumentException"));
}

#[tokio::test]
async fn a_closed_shard_goes_with_its_last_record() {
    let (double, client) = kinesis().await;
    put(&client, b"x").await;
    let split = client
        .split_shard()
        .stream_name(STREAM)
        .shard_to_split(SHARD);
    split.new_starting_hash_key("5").send().await.unwrap();
    assert_eq!(shards(&client).await.len(), 3);
    double.clock().advance(Duration::from_secs(24 * 3600 + 1));
    let left = shards(&client).await;
    assert_eq!(left.len(), 2);
    let parents: Vec<_> = left.iter().map(Shard::parent_shard_id).collect();
    assert_eq!(
        parents,
        [Some(SHARD); 2],
        "the parent is named although it is gone"
    );
    assert_eq!(
        iterator(&client, None).await,
        code("ResourceNotFoundException")
    );
}

#[tokio::test]
async fn records_are_put_twice_and_in_another_order() {
    let (double, client) = kinesis().await;
    double.faults().set(Fault::DuplicatedPuts(0.5));
    double.faults().set(Fault::ReorderedPuts(1.0));
    let put = put_hundred(&client).await;
    assert_eq!(put.failed_record_count(), Some(0));
    double.faults().clear();
    let iterator = iterator(&client, None).await.unwrap();
    let read = client
        .get_records()
        .shard_iterator(iterator)
        .send()
        .await
        .unwrap();
    let data: Vec<u8> = read
        .records()
        .iter()
        .map(|record| record.data().as_ref()[0])
        .collect();
    let once: BTreeSet<u8> = data.iter().copied().collect();
    assert!(once.iter().copied().eq(0..100));
    assert!((120..180).contains(&data.len()), "{}", data.len());
    assert!(!data[..100].is_sorted(), "the seed gave the same order");
    // Each answer still belongs to its entry.
    for (at, entry) in put.records().iter().enumerate() {
        let found = read
            .records()
            .iter()
            .find(|r| Some(r.sequence_number()) == entry.sequence_number());
        assert_eq!(usize::from(found.unwrap().data().as_ref()[0]), at);
    }
}

#[tokio::test]
async fn entries_fail_alone() {
    let (double, client) = kinesis().await;
    double
        .faults()
        .next("PutRecords", Fault::FailedEntries(0.5), 1);
    let put = put_hundred(&client).await;
    let failed = put
        .records()
        .iter()
        .filter(|entry| entry.error_code().is_some())
        .count();
    assert!((30..70).contains(&failed), "{failed}");
    assert_eq!(put.failed_record_count(), i32::try_from(failed).ok());
    assert_eq!(double.stored(STREAM), Some(100 - failed));
    let again = put_hundred(&client).await;
    assert_eq!(again.failed_record_count(), Some(0), "it was for one call");
}

#[tokio::test]
async fn a_cut_connection_does_not_say_whether_the_record_was_taken() {
    let (double, client) = kinesis().await;
    let send = || {
        client
            .put_record()
            .stream_name(STREAM)
            .partition_key("k")
            .data(Blob::new(*b"x"))
            .send()
    };
    double
        .faults()
        .next("PutRecord", Fault::DroppedBefore(1.0), 1);
    assert!(send().await.unwrap_err().as_service_error().is_none());
    assert_eq!(double.stored(STREAM), Some(0));
    double
        .faults()
        .next("PutRecord", Fault::DroppedAfter(1.0), 1);
    assert!(send().await.unwrap_err().as_service_error().is_none());
    assert_eq!(double.stored(STREAM), Some(1));
    assert_eq!(double.calls().of("PutRecord"), 2);
    let dropped = ("PutRecord".to_owned(), "Dropped".to_owned());
    assert_eq!(double.calls().failed().get(&dropped), Some(&2));
}

#[tokio::test]
async fn every_fault_has_its_name() {
    let (double, client) = kinesis().await;
    put(&client, b"x").await;
    let iterator = iterator(&client, None).await.unwrap();
    for (fault, name) in [
        (Fault::ServerErrors(1.0), "InternalFailure"),
        (
            Fault::Throttling(1.0),
            "ProvisionedThroughputExceededException",
        ),
        (Fault::ExpiredIterators(1.0), "ExpiredIteratorException"),
        (Fault::Denied(ME.into()), "AccessDeniedException"),
    ] {
        double.faults().set_for("GetRecords", fault);
        assert_eq!(get(&client, &iterator).await, code(name));
        double.faults().clear();
        double.clock().advance(Duration::from_secs(1));
    }
    double.faults().set(Fault::EmptyReads(1.0));
    let empty = client
        .get_records()
        .shard_iterator(&iterator)
        .send()
        .await
        .unwrap();
    assert!(empty.records().is_empty());
    assert!(
        empty.millis_behind_latest() > Some(0),
        "it says that there is more"
    );
    double.faults().clear();
    assert_eq!(
        get(&client, empty.next_shard_iterator().unwrap()).await,
        Ok(1)
    );
    double.faults().set(Fault::Outage);
    assert_eq!(get(&client, &iterator).await, Err(None));
}

#[tokio::test]
async fn who_signs_for_another_region_is_refused() {
    let double = KinesisDouble::start(KinesisSettings::default()).unwrap();
    double.create_stream(STREAM, 1);
    let client = Client::new(&config(&double.endpoint(), THERE, ME).await);
    let told = client
        .describe_stream_summary()
        .stream_name(STREAM)
        .send()
        .await;
    assert_eq!(told.unwrap_err().code(), Some("InvalidSignatureException"));
}
