//! A producer as DMS is one: PutRecords in large calls, failed entries put again, and a stream whose
//! shards are split and merged under it. Owns retrying; the order of one key's records is kept by
//! the records' own positions, not by this producer.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Shard};

use crate::aws::reach;
use crate::aws::shop::Record;
use crate::random::Random;

/// Entries of one call.
const CALL: usize = 200;

/// How often one call, or one change of shards, is tried.
const TRIES: u32 = 600;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Puts records on one stream.
pub struct Producer {
    pub(super) client: Client,
    stream: String,
    /// The binlog file of the last record put.
    binlog: Option<String>,
}

impl Producer {
    /// For the stream `stream` at `endpoint`.
    pub async fn connect(endpoint: &str, who: &str, stream: &str) -> Self {
        Self {
            client: Client::new(&reach(endpoint, who).await),
            stream: stream.to_owned(),
            binlog: None,
        }
    }

    /// Puts records, in calls of so many; returns when all are on the stream.
    ///
    /// A call is ended where a new binlog file begins. Entries of one call may be stored in any
    /// order, and those that failed come after others: a change must not come behind one of a
    /// later file, which is how a source that was set back looks.
    ///
    /// # Panics
    /// If a call fails for too long.
    pub async fn put(&mut self, records: &[Record]) {
        let mut from = 0;
        while from < records.len() {
            let mut to = from;
            while to < records.len() && to - from < CALL {
                let binlog = &records[to].binlog;
                let turns = binlog.is_some() && self.binlog.is_some() && *binlog != self.binlog;
                if turns && to > from {
                    break;
                }
                if binlog.is_some() {
                    self.binlog.clone_from(binlog);
                }
                to += 1;
            }
            self.put_call(&records[from..to]).await;
            from = to;
        }
    }

    async fn put_call(&self, records: &[Record]) {
        let mut entries: Vec<PutRecordsRequestEntry> = records.iter().map(entry).collect();
        for _ in 0..TRIES {
            let put = self.client.put_records().stream_name(&self.stream);
            // After an error nobody knows what was stored: all is put again, as DMS does.
            if let Ok(answer) = put.set_records(Some(entries.clone())).send().await {
                let results = answer.records();
                let failed = entries.iter().zip(results);
                let failed = failed.filter(|(_, result)| result.error_code().is_some());
                entries = failed.map(|(entry, _)| entry.clone()).collect();
                if entries.is_empty() {
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("records cannot be put on the stream {}", self.stream);
    }

    /// Splits a shard, or merges two that lie side by side. Says which.
    ///
    /// # Panics
    /// If the stream cannot be changed for too long.
    pub async fn reshard(&self, random: &mut Random) -> &'static str {
        for _ in 0..TRIES {
            let open = self.open_shards().await;
            // Around eight, so that neither runs out.
            let split = open.len() < 2 || (open.len() < 12 && random.below(2) == 0);
            let at = usize::try_from(random.below(open.len() as u64)).unwrap_or_default();
            let done = if split {
                self.split(&open[at]).await
            } else {
                let at = at.min(open.len() - 2);
                self.merge(&open[at], &open[at + 1]).await
            };
            // Told to have failed, it may still have been done: the next list shows.
            if done {
                return if split { "split" } else { "merge" };
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("the stream {} cannot be changed", self.stream);
    }

    /// Splits a shard in the middle; answers whether that is known to be done.
    pub(super) async fn split(&self, shard: &Shard) -> bool {
        let (start, end) = range(shard);
        let middle = start + (end - start) / 2 + 1;
        let split = self.client.split_shard().stream_name(&self.stream);
        let split = split
            .shard_to_split(shard.shard_id())
            .new_starting_hash_key(middle.to_string());
        split.send().await.is_ok()
    }

    /// Merges neighbours; answers whether that is known to be done.
    pub(super) async fn merge(&self, left: &Shard, right: &Shard) -> bool {
        let merge = self.client.merge_shards().stream_name(&self.stream);
        let merge = merge
            .shard_to_merge(left.shard_id())
            .adjacent_shard_to_merge(right.shard_id());
        merge.send().await.is_ok()
    }

    /// By hash range, which they divide without a gap.
    pub(super) async fn open_shards(&self) -> Vec<Shard> {
        let mut open = self.shards().await;
        open.retain(|shard| {
            let range = shard.sequence_number_range();
            range.is_some_and(|range| range.ending_sequence_number().is_none())
        });
        open.sort_by_key(|shard| range(shard).0);
        open
    }

    /// Every shard there is or was.
    ///
    /// # Panics
    /// If they cannot be listed for too long.
    pub async fn shards(&self) -> Vec<Shard> {
        let (mut shards, mut token) = (Vec::new(), None::<String>);
        for _ in 0..TRIES {
            // A stream may only be named on the first page.
            let list = match &token {
                Some(token) => self.client.list_shards().next_token(token),
                None => self.client.list_shards().stream_name(&self.stream),
            };
            match list.send().await {
                Ok(page) => {
                    shards.extend(page.shards.unwrap_or_default());
                    match page.next_token {
                        Some(next) => token = Some(next),
                        None => return shards,
                    }
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        panic!("the shards of {} cannot be listed", self.stream);
    }
}

/// How many shards are open, and how many there ever were.
#[must_use]
pub fn counted(shards: &[Shard]) -> (usize, usize) {
    let parents: BTreeSet<&str> = shards
        .iter()
        .flat_map(|shard| [shard.parent_shard_id(), shard.adjacent_parent_shard_id()])
        .flatten()
        .collect();
    let open = shards
        .iter()
        .filter(|shard| !parents.contains(shard.shard_id()));
    (open.count(), shards.len())
}

fn entry(record: &Record) -> PutRecordsRequestEntry {
    PutRecordsRequestEntry::builder()
        .partition_key(&record.partition_key)
        .data(Blob::new(record.data.clone()))
        .build()
        .expect("both are given")
}

fn range(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range().expect("a shard has a range");
    let number = |text: &str| text.parse().expect("128 bits in decimal");
    (
        number(range.starting_hash_key()),
        number(range.ending_hash_key()),
    )
}
