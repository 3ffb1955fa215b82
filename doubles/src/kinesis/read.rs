//! `GetShardIterator` and `GetRecords`.

use std::io::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use super::control::OfStream;
use super::failure::{dry_run, invalid, not_found, throughput, validation};
use super::iterator::{Iterator, expired};
use super::limits::CALLS_PER_SHARD;
use super::sequence::Sequence;
use super::shard::{Shard, ShardId};
use super::{Kinesis, encode};
use crate::faults::Fault;
use crate::wire::Failure;

/// `API_GetRecords`: 10,000 records and 10 MiB a call.
const MAX_RECORDS: usize = 10_000;
const MAX_BYTES: u64 = 10 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetShardIterator {
    #[serde(flatten)]
    stream: OfStream,
    shard_id: String,
    shard_iterator_type: String,
    starting_sequence_number: Option<String>,
    timestamp: Option<f64>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetRecords {
    shard_iterator: String,
    limit: Option<i64>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    dry_run: Option<bool>,
}

/// The part of a shard that one call gives.
struct Slice {
    first: usize,
    end: usize,
    bytes: u64,
}

impl Kinesis {
    pub(super) fn shard_iterator(&self, input: &GetShardIterator) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        let now = self.now();
        let mut streams = self.streams();
        let stream = self.usable(&mut streams, &name)?;
        let created = stream.created;
        let shard = ShardId::parse(&input.shard_id).and_then(|id| stream.shard_mut(id, now));
        let shard = shard.ok_or_else(|| self.no_shard(&input.shard_id, &name))?;
        if self.limited() && !shard.iterators.admit(now, CALLS_PER_SHARD) {
            return Err(self.too_fast(shard, &name));
        }
        let from = self.start(input, shard, &name, now)?;
        if input.dry_run == Some(true) {
            return Err(dry_run());
        }
        let iterator = Iterator {
            shard: shard.id,
            stream: name,
            created,
            from,
            issued: now,
        };
        Ok(json!({ "ShardIterator": iterator.seal() })
            .to_string()
            .into_bytes())
    }

    /// The first count that the iterator shall give (`API_GetShardIterator`: `ShardIteratorType`,
    /// `StartingSequenceNumber`, `Timestamp`; also what a time between or before all records means). A time
    /// to come is refused as reports quote it (harlow/kinesis-consumer issue 116), without the two times.
    /// That each type refuses the other types' parameters is the double's own.
    fn start(
        &self,
        input: &GetShardIterator,
        shard: &Shard,
        name: &str,
        now: u64,
    ) -> Result<u64, Failure> {
        let number = input.starting_sequence_number.as_deref();
        let kind = input.shard_iterator_type.as_str();
        match (kind, number, input.timestamp) {
            ("TRIM_HORIZON", None, None) => Ok(shard.trimmed + 1),
            ("LATEST", None, None) => Ok(shard.tip()),
            ("AT_TIMESTAMP", None, Some(seconds)) => {
                let millis = encode::from_seconds(seconds);
                if millis > now {
                    return Err(invalid(
                        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.",
                    ));
                }
                Ok(shard.since(millis))
            }
            ("AT_SEQUENCE_NUMBER", Some(number), None) => self.known(number, shard, name),
            ("AFTER_SEQUENCE_NUMBER", Some(number), None) => {
                Ok(self.known(number, shard, name)? + 1)
            }
            ("TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP", ..) => Err(invalid(
                "this ShardIteratorType goes without StartingSequenceNumber, and AT_TIMESTAMP with Timestamp",
            )),
            ("AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER", ..) => Err(invalid(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and \
                 StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber.",
            )),
            _ => Err(validation(
                "Value at 'shardIteratorType' failed to satisfy constraint",
            )),
        }
    }

    /// The count of a number that this shard gave out and still has; else `InvalidArgumentException`
    /// (`API_GetShardIterator`, "Errors"). Texts as reports quote them (boto/boto3 issue 1478;
    /// amazon-archives/amazon-kinesis-connectors issue 8, where the number's records were gone).
    fn known(&self, number: &str, shard: &Shard, name: &str) -> Result<u64, Failure> {
        let (id, account) = (shard.id, &self.settings.account);
        let foreign = || {
            invalid(&format!(
                "StartingSequenceNumber {number} used in GetShardIterator on shard {id} in stream {name} \
                 under account {account} is invalid because it did not come from this stream."
            ))
        };
        let sequence = Sequence::parse(number).ok_or_else(foreign)?;
        if sequence.shard != id.0 {
            let other = ShardId(sequence.shard);
            return Err(invalid(&format!(
                "Invalid StartingSequenceNumber. It encodes {other}, while it was used in a call to a shard \
                 with {id}"
            )));
        }
        let trimmed = shard.trimmed > 0 && sequence.count <= shard.trimmed;
        if trimmed || !shard.knows(sequence) {
            return Err(foreign());
        }
        Ok(sequence.count)
    }

    pub(super) fn get_records(&self, input: &GetRecords) -> Result<Vec<u8>, Failure> {
        let limit = read_limit(input.limit)?;
        let now = self.now();
        let mut iterator = Iterator::open(&input.shard_iterator)?;
        if let Some(arn) = &input.stream_arn
            && *arn != self.arn(&iterator.stream)
        {
            return Err(invalid(
                "StreamARN names another stream than the ShardIterator",
            ));
        }
        iterator.check_age(now)?;
        let faults = &self.shared.faults;
        if faults.strike("GetRecords", &Fault::ExpiredIterators(1.0)) {
            return Err(expired(iterator.issued, now));
        }
        let mut streams = self.streams();
        let stream = self.usable(&mut streams, &iterator.stream)?;
        if stream.created != iterator.created {
            return Err(invalid("Invalid ShardIterator."));
        }
        let shard = stream.shard_mut(iterator.shard, now);
        let shard =
            shard.ok_or_else(|| self.no_shard(&iterator.shard.to_string(), &iterator.stream))?;
        let fast = !shard.calls.admit(now, CALLS_PER_SHARD) | !shard.reads.admit(now);
        if self.limited() && fast {
            return Err(self.too_fast(shard, &iterator.stream));
        }
        if input.dry_run == Some(true) {
            return Err(dry_run());
        }
        let empty = faults.strike("GetRecords", &Fault::EmptyReads(1.0));
        let slice = slice(shard, iterator.from, if empty { 0 } else { limit });
        shard.reads.read(slice.bytes);
        iterator.from = slice.next(shard, iterator.from);
        iterator.issued = now;
        // The end: no next iterator, and the children (`API_GetRecords`: `NextShardIterator`,
        // `ChildShards`). It does not say whether the last records and the end come together or apart:
        // that both happen is the double's own.
        let ended = !shard.is_open()
            && slice.end == shard.records.len()
            && (slice.first == slice.end || faults.share(0.5));
        let shard = shard.id;
        let children = stream.children(shard);
        let shard = stream.shard(shard, now).expect("it was just read");
        let children = ended.then_some(children.as_slice());
        Ok(write_answer(shard, &slice, &iterator, children, now))
    }

    fn too_fast(&self, shard: &Shard, name: &str) -> Failure {
        let (id, account) = (shard.id, &self.settings.account);
        throughput(&format!(
            "Rate exceeded for shard {id} in stream {name} under account {account}."
        ))
    }

    fn no_shard(&self, id: &str, name: &str) -> Failure {
        let account = &self.settings.account;
        not_found(&format!(
            "Shard {id} in stream {name} under account {account} does not exist"
        ))
    }
}

fn read_limit(limit: Option<i64>) -> Result<usize, Failure> {
    match limit {
        None => Ok(MAX_RECORDS),
        Some(limit) if limit < 1 => Err(validation(
            "Value at 'limit' failed to satisfy constraint: at least 1",
        )),
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| *limit <= MAX_RECORDS)
            .ok_or_else(|| invalid("Limit is greater than 10,000")),
    }
}

/// What one call gives from this count on: at most `limit` records and 10 MiB, but never nothing for size.
fn slice(shard: &Shard, from: u64, limit: usize) -> Slice {
    let first = shard.find(from);
    let mut slice = Slice {
        first,
        end: first,
        bytes: 0,
    };
    for record in shard.records.range(first..).take(limit) {
        if slice.end > first && slice.bytes + record.bytes > MAX_BYTES {
            break;
        }
        slice.bytes += record.bytes;
        slice.end += 1;
    }
    slice
}

impl Slice {
    /// The count to go on from.
    fn next(&self, shard: &Shard, from: u64) -> u64 {
        match self.end.checked_sub(1).filter(|last| *last >= self.first) {
            Some(last) => shard.records[last].count + 1,
            None => from,
        }
    }
}

/// `children`: only at the end of a closed shard; then there is no next iterator.
fn write_answer(
    shard: &Shard,
    slice: &Slice,
    next: &Iterator,
    children: Option<&[Value]>,
    now: u64,
) -> Vec<u8> {
    // How far the answer is from the tip: the age of the first record it leaves behind.
    let left = shard.records.get(slice.end);
    let behind = left.map_or(0, |record| now.saturating_sub(record.arrived).max(1));
    let mut body = Vec::with_capacity(usize::try_from(slice.bytes * 2).unwrap_or_default() + 512);
    let written = match children {
        Some(children) => {
            let children = Value::from(children);
            write!(
                body,
                "{{\"NextShardIterator\":null,\"ChildShards\":{children}"
            )
        }
        None => write!(body, "{{\"NextShardIterator\":\"{}\"", next.seal()),
    };
    written.expect("a vector takes every byte");
    write!(body, ",\"MillisBehindLatest\":{behind},\"Records\":[").expect("as before");
    for (at, record) in shard.records.range(slice.first..slice.end).enumerate() {
        if at > 0 {
            body.push(b',');
        }
        encode::record(&mut body, shard, record);
    }
    body.extend_from_slice(b"]}");
    body
}
