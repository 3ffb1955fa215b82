//! What is asked of whoever plays Kinesis: hashes, sequence numbers, iterators, lineage, pages, limits.

use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    PutRecordsRequestEntry, ScalingType, Shard, ShardFilter, ShardFilterType, ShardIteratorType,
};

use super::Capabilities;
use super::streams::{Stream, range};

/// Everything that the peer can do, one part after the other.
///
/// # Panics
/// Where the peer does not do as AWS's pages say.
pub async fn kinesis(endpoint: &str, can: Capabilities) {
    hashes_and_numbers(endpoint).await;
    iterators(endpoint).await;
    what_is_not_there(endpoint, can).await;
    lineage(endpoint, can).await;
    if can.list_shards_pages {
        pages_and_filters(endpoint).await;
    }
    if can.update_shard_count {
        scaling(endpoint).await;
    }
    if can.limits {
        write_limit(endpoint).await;
        read_limit(endpoint).await;
    }
}

/// `API_CreateStream`, `API_PutRecord`: ranges that cover 128 bits, MD5 or an explicit hash, and numbers
/// that grow.
async fn hashes_and_numbers(endpoint: &str) {
    let stream = Stream::create(endpoint, "hashes", 3).await;
    let shards = stream.shards().await;
    let ranges: Vec<_> = shards.iter().map(range).collect();
    assert_eq!(ranges[0].0, 0);
    assert_eq!(ranges[2].1, u128::MAX);
    assert!(
        ranges.windows(2).all(|two| two[0].1 + 1 == two[1].0),
        "{ranges:?}"
    );
    for (shard, (first, last)) in shards.iter().zip(&ranges) {
        for hash in [*first, *last] {
            let (put_to, _) = stream.put("any", Some(hash), b"x").await;
            assert_eq!(put_to, shard.shard_id(), "hash {hash}");
        }
    }
    // RFC 1321, A.5: MD5("a") = 0cc175b9c0f1b6a831c399e269772661, which is in the first third.
    let (put_to, _) = stream.put("a", None, b"x").await;
    assert_eq!(put_to, shards[0].shard_id());

    let entries: Vec<_> = (0..20).map(|at: u8| entry(at, ranges[1].0)).collect();
    let put = stream
        .client
        .put_records()
        .stream_name(&stream.name)
        .set_records(Some(entries));
    let put = put.send().await.expect("the records are taken");
    assert_eq!(put.failed_record_count(), Some(0));
    assert_eq!(put.records().len(), 20);
    let start = stream
        .iterator(shards[1].shard_id(), ShardIteratorType::TrimHorizon, None)
        .await;
    let read = stream.read(shards[1].shard_id(), start).await;
    assert_eq!(read.data.len(), 22);
    assert!(
        read.numbers.iter().all(|number| number.len() == 56),
        "{:?}",
        read.numbers
    );
    assert!(
        read.numbers.windows(2).all(|two| two[0] < two[1]),
        "{:?}",
        read.numbers
    );
    let told = put
        .records()
        .iter()
        .filter_map(|entry| entry.sequence_number());
    assert!(told.eq(read.numbers[2..].iter().map(String::as_str)));
}

/// `API_GetShardIterator`: each type gives what it says.
async fn iterators(endpoint: &str) {
    let stream = Stream::create(endpoint, "iterators", 1).await;
    let shard = stream.shards().await[0].shard_id().to_owned();
    let latest = stream
        .iterator(&shard, ShardIteratorType::Latest, None)
        .await;
    let mut numbers = Vec::new();
    for at in 0..4_u8 {
        numbers.push(stream.put("key", None, &[at]).await.1);
    }
    let at = stream
        .iterator(
            &shard,
            ShardIteratorType::AtSequenceNumber,
            Some(&numbers[1]),
        )
        .await;
    assert_eq!(stream.get(&at).await.records().len(), 3);
    let after = ShardIteratorType::AfterSequenceNumber;
    let after = stream.iterator(&shard, after, Some(&numbers[1])).await;
    let answer = stream.get(&after).await;
    assert_eq!(answer.records()[0].sequence_number(), numbers[2]);
    assert_eq!(answer.millis_behind_latest(), Some(0));
    let answer = stream.get(&latest).await;
    assert_eq!(
        answer.records().len(),
        4,
        "LATEST holds its place from when it was given"
    );
    let arrived = answer.records()[0].approximate_arrival_timestamp();
    let asked = stream
        .client
        .get_shard_iterator()
        .stream_name(&stream.name)
        .shard_id(&shard);
    let asked = asked.shard_iterator_type(ShardIteratorType::AtTimestamp);
    let asked = asked
        .set_timestamp(arrived.copied())
        .send()
        .await
        .expect("an iterator");
    let iterator = asked.shard_iterator().expect("an iterator");
    assert_eq!(stream.get(iterator).await.records().len(), 4);
    let limited = stream
        .client
        .get_records()
        .shard_iterator(latest)
        .limit(1)
        .send()
        .await;
    assert_eq!(limited.expect("an answer").records().len(), 1);
}

/// The errors' names, and that the SDK can read them.
async fn what_is_not_there(endpoint: &str, can: Capabilities) {
    let stream = Stream::create(endpoint, "absent", 1).await;
    let described = stream
        .client
        .describe_stream_summary()
        .stream_name("absent")
        .send()
        .await;
    let code = described.expect_err("it is not there");
    assert_eq!(code.code(), Some("ResourceNotFoundException"));
    let asked = |shard: &str, number: Option<&str>| {
        let asked = stream
            .client
            .get_shard_iterator()
            .stream_name(&stream.name)
            .shard_id(shard);
        let asked = asked.shard_iterator_type(ShardIteratorType::AtSequenceNumber);
        asked
            .set_starting_sequence_number(number.map(str::to_owned))
            .send()
    };
    let zero = "0".repeat(55);
    let missing = asked("shardId-000000000099", Some(&format!("4{zero}"))).await;
    assert_eq!(
        missing.expect_err("no such shard").code(),
        Some("ResourceNotFoundException")
    );
    let none = asked("shardId-000000000000", None).await;
    assert_eq!(
        none.expect_err("no number").code(),
        Some("InvalidArgumentException")
    );
    if can.foreign_iterators {
        let foreign = stream
            .client
            .get_records()
            .shard_iterator("AAAA")
            .send()
            .await;
        let foreign = foreign.expect_err("no iterator");
        assert_eq!(foreign.code(), Some("InvalidArgumentException"));
    }
    let taken = stream
        .client
        .create_stream()
        .stream_name(&stream.name)
        .shard_count(1)
        .send()
        .await;
    assert_eq!(
        taken.expect_err("it exists").code(),
        Some("ResourceInUseException")
    );
}

/// `API_SplitShard`, `API_MergeShards`, `API_Shard`: children know their parents, parents end.
async fn lineage(endpoint: &str, can: Capabilities) {
    let stream = Stream::create(endpoint, "lineage", 1).await;
    let parent = stream.shards().await.remove(0);
    let (_, before) = stream.put("key", None, b"before").await;
    let middle = 1_u128 << 127;
    let split = stream.client.split_shard().stream_name(&stream.name);
    let split = split
        .shard_to_split(parent.shard_id())
        .new_starting_hash_key(middle.to_string());
    split.send().await.expect("the shard can be split");
    stream.settle().await;
    let shards = stream.shards().await;
    let children: Vec<&Shard> = shards
        .iter()
        .filter(|shard| shard.parent_shard_id().is_some())
        .collect();
    assert_eq!(children.len(), 2);
    assert_eq!(range(children[0]), (0, middle - 1));
    assert_eq!(range(children[1]), (middle, u128::MAX));
    assert!(
        children
            .iter()
            .all(|child| child.parent_shard_id() == Some(parent.shard_id()))
    );

    let start = stream
        .iterator(parent.shard_id(), ShardIteratorType::TrimHorizon, None)
        .await;
    let read = stream.read(parent.shard_id(), start).await;
    assert_eq!(read.data, [b"before"]);
    assert!(read.ended, "a closed shard ends");
    if can.child_shards {
        let told: Vec<&str> = read
            .children
            .iter()
            .map(aws_sdk_kinesis::types::ChildShard::shard_id)
            .collect();
        let listed: Vec<&str> = children.iter().map(|shard| shard.shard_id()).collect();
        assert_eq!(told, listed);
        assert!(
            read.children
                .iter()
                .all(|child| child.parent_shards() == [parent.shard_id()])
        );
    }
    let (put_to, after) = stream.put("key", Some(0), b"after").await;
    assert_eq!(put_to, children[0].shard_id());
    assert!(before < after, "a child's numbers follow its parent's");

    let merge = stream.client.merge_shards().stream_name(&stream.name);
    let merge = merge.shard_to_merge(children[0].shard_id());
    let merge = merge
        .adjacent_shard_to_merge(children[1].shard_id())
        .send()
        .await;
    merge.expect("the shards can be merged");
    stream.settle().await;
    let shards = stream.shards().await;
    let merged = shards
        .iter()
        .find(|shard| shard.adjacent_parent_shard_id().is_some());
    let merged = merged.expect("a shard with two parents");
    assert_eq!(range(merged), (0, u128::MAX));
    assert_eq!(merged.parent_shard_id(), Some(children[0].shard_id()));
    assert_eq!(
        merged.adjacent_parent_shard_id(),
        Some(children[1].shard_id())
    );
}

/// `API_ListShards`, `API_ShardFilter`.
async fn pages_and_filters(endpoint: &str) {
    let stream = Stream::create(endpoint, "pages", 4).await;
    let shards = stream.shards().await;
    let split = stream.client.split_shard().stream_name(&stream.name);
    let split = split
        .shard_to_split(shards[0].shard_id())
        .new_starting_hash_key("1000");
    split.send().await.expect("the shard can be split");
    stream.settle().await;
    let all: Vec<String> = stream
        .shards()
        .await
        .iter()
        .map(|s| s.shard_id().to_owned())
        .collect();
    assert_eq!(all.len(), 6);

    let first = stream
        .client
        .list_shards()
        .stream_name(&stream.name)
        .max_results(4)
        .send()
        .await;
    let first = first.expect("a page");
    let token = first.next_token().expect("more is there");
    let second = stream
        .client
        .list_shards()
        .next_token(token)
        .send()
        .await
        .expect("a page");
    assert!(second.next_token().is_none());
    let pages = first.shards().iter().chain(second.shards());
    assert!(
        pages
            .map(Shard::shard_id)
            .eq(all.iter().map(String::as_str))
    );

    let open = ShardFilter::builder()
        .r#type(ShardFilterType::AtLatest)
        .build()
        .expect("a filter");
    let open = stream
        .client
        .list_shards()
        .stream_name(&stream.name)
        .shard_filter(open);
    let open = open.send().await.expect("the open shards");
    assert_eq!(open.shards().len(), 5);
    let after = ShardFilter::builder()
        .r#type(ShardFilterType::AfterShardId)
        .shard_id(&all[3]);
    let after = after.build().expect("a filter");
    let after = stream
        .client
        .list_shards()
        .stream_name(&stream.name)
        .shard_filter(after);
    let after = after.send().await.expect("the later shards");
    assert!(
        after
            .shards()
            .iter()
            .map(Shard::shard_id)
            .eq(all[4..].iter().map(String::as_str))
    );
}

/// `API_UpdateShardCount`: even ranges again.
async fn scaling(endpoint: &str) {
    let stream = Stream::create(endpoint, "scaling", 2).await;
    let update = stream.client.update_shard_count().stream_name(&stream.name);
    let update = update
        .target_shard_count(4)
        .scaling_type(ScalingType::UniformScaling);
    update.send().await.expect("the stream can be scaled");
    stream.settle().await;
    let shards = stream.shards().await;
    let ended = |shard: &&Shard| {
        shard
            .sequence_number_range()
            .is_some_and(|range| range.ending_sequence_number().is_none())
    };
    let mut open: Vec<_> = shards.iter().filter(ended).map(range).collect();
    open.sort_unstable();
    assert_eq!(open.len(), 4);
    assert_eq!((open[0].0, open[3].1), (0, u128::MAX));
    assert!(
        open.windows(2).all(|two| two[0].1 + 1 == two[1].0),
        "{open:?}"
    );
    let quarter = 1_u128 << 126;
    // kinesis-local divides 2^128 - 1: a hash more or less is no matter.
    let even = |(first, last): &(u128, u128)| (last - first).abs_diff(quarter) < 8;
    assert!(open.iter().all(even), "{open:?}");
}

/// `API_PutRecords`: 1,000 records a second and shard; what is over fails alone.
async fn write_limit(endpoint: &str) {
    let stream = Stream::create(endpoint, "writes", 1).await;
    let mut failed = 0;
    // Ten calls of 500 records at once: more than any second bears.
    let mut puts = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let entries: Vec<_> = (0..500).map(|_| entry(0, 0)).collect();
        let put = stream
            .client
            .put_records()
            .stream_name(&stream.name)
            .set_records(Some(entries));
        puts.spawn(put.send());
    }
    for put in puts.join_all().await {
        let put = put.expect("the call succeeds");
        let refused = put
            .records()
            .iter()
            .filter(|entry| entry.error_code().is_some());
        let refused: Vec<_> = refused.collect();
        assert_eq!(put.failed_record_count(), i32::try_from(refused.len()).ok());
        for entry in &refused {
            assert_eq!(
                entry.error_code(),
                Some("ProvisionedThroughputExceededException")
            );
            assert!(entry.sequence_number().is_none());
        }
        failed += refused.len();
    }
    assert!(failed > 0, "5,000 records passed at once");
}

/// `API_GetRecords`: five calls a second and shard.
async fn read_limit(endpoint: &str) {
    let stream = Stream::create(endpoint, "reads", 1).await;
    let once = aws_sdk_kinesis::config::retry::RetryConfig::disabled();
    let config = stream
        .client
        .config()
        .to_builder()
        .retry_config(once)
        .build();
    let client = aws_sdk_kinesis::Client::from_conf(config);
    let shard = stream.shards().await[0].shard_id().to_owned();
    let start = stream
        .iterator(&shard, ShardIteratorType::TrimHorizon, None)
        .await;
    let mut codes = Vec::new();
    for _ in 0..50 {
        if let Err(error) = client.get_records().shard_iterator(&start).send().await {
            codes.push(error.code().map(str::to_owned));
        }
    }
    let refused = Some("ProvisionedThroughputExceededException".to_owned());
    assert!(!codes.is_empty(), "fifty calls passed at once");
    assert!(codes.iter().all(|code| *code == refused), "{codes:?}");
}

fn entry(data: u8, hash: u128) -> PutRecordsRequestEntry {
    let entry = PutRecordsRequestEntry::builder().partition_key("key");
    let entry = entry
        .explicit_hash_key(hash.to_string())
        .data(Blob::new([data]));
    entry.build().expect("a whole entry")
}
