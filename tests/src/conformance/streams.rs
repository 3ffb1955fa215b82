//! A stream of its own for one conformance test, and the loops that every reader needs.

use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{ChildShard, Shard, ShardIteratorType, StreamStatus};

use crate::aws::{OTHERS, reach};

/// A stream that nobody else uses.
pub(super) struct Stream {
    pub(super) client: Client,
    pub(super) name: String,
}

/// A shard read to its end, or to where it stands still.
pub(super) struct Read {
    pub(super) data: Vec<Vec<u8>>,
    pub(super) numbers: Vec<String>,
    /// Whether the shard said that it has ended.
    pub(super) ended: bool,
    pub(super) children: Vec<ChildShard>,
}

impl Stream {
    pub(super) async fn create(endpoint: &str, what: &str, shards: i32) -> Self {
        let client = Client::new(&reach(endpoint, OTHERS).await);
        let name = format!("conformance-{what}-{}", std::process::id());
        let create = client
            .create_stream()
            .stream_name(&name)
            .shard_count(shards);
        create.send().await.expect("a stream can be made");
        let stream = Self { client, name };
        stream.settle().await;
        stream
    }

    /// Until it is active: every change of a stream goes through `UPDATING`.
    pub(super) async fn settle(&self) {
        // The limit is for a peer that is broken; 20 calls a second are allowed.
        for _ in 0..1_200 {
            let described = self
                .client
                .describe_stream_summary()
                .stream_name(&self.name);
            let described = described.send().await.expect("the stream is there");
            let summary = described.stream_description_summary().expect("a summary");
            if *summary.stream_status() == StreamStatus::Active {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{} does not become active", self.name);
    }

    pub(super) async fn shards(&self) -> Vec<Shard> {
        let listed = self
            .client
            .list_shards()
            .stream_name(&self.name)
            .send()
            .await;
        listed.expect("the shards").shards().to_vec()
    }

    /// Gives the shard and the sequence number.
    pub(super) async fn put(&self, key: &str, hash: Option<u128>, data: &[u8]) -> (String, String) {
        let put = self
            .client
            .put_record()
            .stream_name(&self.name)
            .partition_key(key);
        let put = put.set_explicit_hash_key(hash.map(|hash| hash.to_string()));
        let put = put
            .data(Blob::new(data))
            .send()
            .await
            .expect("the record is taken");
        (put.shard_id().to_owned(), put.sequence_number().to_owned())
    }

    pub(super) async fn iterator(
        &self,
        shard: &str,
        kind: ShardIteratorType,
        number: Option<&str>,
    ) -> String {
        let asked = self
            .client
            .get_shard_iterator()
            .stream_name(&self.name)
            .shard_id(shard);
        let asked = asked.shard_iterator_type(kind);
        let asked = asked.set_starting_sequence_number(number.map(str::to_owned));
        let given = asked.send().await.expect("an iterator");
        given.shard_iterator().expect("an iterator").to_owned()
    }

    pub(super) async fn get(&self, iterator: &str) -> GetRecordsOutput {
        let records = self.client.get_records().shard_iterator(iterator);
        records.send().await.expect("an answer")
    }

    /// Until the shard ends, or nothing is left and the reader is at the tip.
    pub(super) async fn read(&self, shard: &str, mut iterator: String) -> Read {
        let mut read = Read {
            data: Vec::new(),
            numbers: Vec::new(),
            ended: false,
            children: Vec::new(),
        };
        for _ in 0..100 {
            let answer = self.get(&iterator).await;
            for record in answer.records() {
                read.data.push(record.data().as_ref().to_vec());
                read.numbers.push(record.sequence_number().to_owned());
            }
            read.children.extend_from_slice(answer.child_shards());
            let Some(next) = answer.next_shard_iterator() else {
                read.ended = true;
                return read;
            };
            next.clone_into(&mut iterator);
            // Five calls a second are allowed per shard.
            let at_tip = answer.records().is_empty() && answer.millis_behind_latest() == Some(0);
            if at_tip && self.is_open(shard).await {
                return read;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("{shard} gives neither an end nor a tip");
    }

    async fn is_open(&self, shard: &str) -> bool {
        let shards = self.shards().await;
        let shard = shards.iter().find(|listed| listed.shard_id() == shard);
        let range = shard.and_then(Shard::sequence_number_range);
        range.is_none_or(|range| range.ending_sequence_number().is_none())
    }
}

/// Both ends of a shard's hashes.
pub(super) fn range(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range().expect("a range");
    let number = |text: &str| text.parse::<u128>().expect("a decimal number of 128 bits");
    (
        number(range.starting_hash_key()),
        number(range.ending_hash_key()),
    )
}
