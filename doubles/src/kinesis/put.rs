//! `PutRecord` and `PutRecords`: where a record goes, what a shard takes, and what fails alone.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::OfStream;
use super::failure::{dry_run, invalid, throughput, validation};
use super::shard::Record;
use super::stream::Stream;
use super::{Kinesis, encode};
use crate::faults::Fault;
use crate::wire::Failure;

/// `API_PutRecords`: up to 500 records and 10 MiB a call.
const MAX_ENTRIES: usize = 500;
const MAX_CALL: u64 = 10 << 20;
/// `API_UpdateMaxRecordSize`: 1 MiB unless the stream says more, data and partition key together.
pub(super) const MAX_RECORD: u64 = 1 << 20;
/// `API_PutRecord`: a partition key has 1 to 256 characters.
const MAX_KEY: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecord<'a> {
    #[serde(borrow, flatten)]
    entry: Entry<'a>,
    #[serde(flatten)]
    stream: OfStream,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecords<'a> {
    #[serde(borrow)]
    records: Vec<Entry<'a>>,
    #[serde(flatten)]
    stream: OfStream,
    dry_run: Option<bool>,
}

/// `API_PutRecordsRequestEntry`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
    explicit_hash_key: Option<String>,
}

/// An entry whose own fields are in order.
struct Checked<'a> {
    entry: &'a Entry<'a>,
    hash: u128,
    bytes: u64,
}

impl Kinesis {
    pub(super) fn put_record(&self, input: &PutRecord<'_>) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        let checked = input.entry.check()?;
        let mut streams = self.streams();
        let stream = self.usable(&mut streams, &name)?;
        if input.dry_run == Some(true) {
            return Err(dry_run());
        }
        let encryption = encode::encryption_type(stream.key.is_some());
        let mut answer = self.store(&name, stream, &checked)?;
        answer["EncryptionType"] = json!(encryption);
        Ok(answer.to_string().into_bytes())
    }

    /// Entries fail alone; the call succeeds (`API_PutRecords`).
    pub(super) fn put_records(&self, input: &PutRecords<'_>) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        if !(1..=MAX_ENTRIES).contains(&input.records.len()) {
            let what = "Value at 'records' failed to satisfy constraint: 1 to 500 members";
            return Err(validation(what));
        }
        let checked: Result<Vec<_>, _> = input.records.iter().map(Entry::check).collect();
        let checked = checked?;
        if checked.iter().map(|entry| entry.bytes).sum::<u64>() > MAX_CALL {
            return Err(invalid("Records size exceeds 10 MiB limit"));
        }
        let mut streams = self.streams();
        let stream = self.usable(&mut streams, &name)?;
        if input.dry_run == Some(true) {
            return Err(dry_run());
        }
        let results = self.store_all(&name, stream, &checked);
        let failed = results
            .iter()
            .filter(|result| result.get("ErrorCode").is_some())
            .count();
        let answer = json!({
            "FailedRecordCount": failed,
            "Records": results,
            "EncryptionType": encode::encryption_type(stream.key.is_some()),
        });
        Ok(answer.to_string().into_bytes())
    }

    fn store_all(&self, name: &str, stream: &mut Stream, entries: &[Checked<'_>]) -> Vec<Value> {
        const OPERATION: &str = "PutRecords";
        let faults = &self.shared.faults;
        let mut order: Vec<usize> = (0..entries.len()).collect();
        if faults.strike(OPERATION, &Fault::ReorderedPuts(1.0)) {
            faults.shuffle(&mut order);
        }
        let (fails, doubles) = (Fault::FailedEntries(1.0), Fault::DuplicatedPuts(1.0));
        let failing = faults.rate(OPERATION, &fails);
        let doubled = faults.rate(OPERATION, &doubles);
        let mut results = vec![Value::Null; entries.len()];
        let mut again = Vec::new();
        for at in order {
            results[at] = if faults.strike_entry(OPERATION, &fails, failing) {
                self.entry_fault(name)
            } else {
                self.store(name, stream, &entries[at])
                    .unwrap_or_else(|failure| error_entry(&failure))
            };
            let stored = results[at].get("ErrorCode").is_none();
            if stored && faults.strike_entry(OPERATION, &doubles, doubled) {
                again.push(at);
            }
        }
        for at in again {
            // Also a copy needs room in its shard; without room there is none.
            let _ = self.store(name, stream, &entries[at]);
        }
        results
    }

    fn entry_fault(&self, name: &str) -> Value {
        if self.shared.faults.share(0.5) {
            let message = "Internal service failure.";
            json!({ "ErrorCode": "InternalFailure", "ErrorMessage": message })
        } else {
            error_entry(&throughput(&format!("Rate exceeded for stream {name}.")))
        }
    }

    fn store(
        &self,
        name: &str,
        stream: &mut Stream,
        checked: &Checked<'_>,
    ) -> Result<Value, Failure> {
        let now = self.now();
        let encrypted = stream.key.is_some();
        let shard = stream.route(checked.hash);
        if self.limited() && !shard.writes.admit(now, checked.bytes) {
            let (id, account) = (shard.id, &self.settings.account);
            return Err(throughput(&format!(
                "Rate exceeded for shard {id} in stream {name} under account {account}."
            )));
        }
        let number = shard.push(Record {
            count: 0,
            arrived: now,
            encrypted,
            bytes: checked.bytes,
            partition_key: checked.entry.partition_key.as_ref().into(),
            data: checked.entry.data.as_ref().into(),
        });
        Ok(json!({ "ShardId": shard.id.to_string(), "SequenceNumber": number.to_string() }))
    }
}

impl<'a> Entry<'a> {
    fn check(&'a self) -> Result<Checked<'a>, Failure> {
        let characters = self.partition_key.chars().count();
        if !(1..=MAX_KEY).contains(&characters) {
            let what = "Value at 'partitionKey' failed to satisfy constraint: 1 to 256 characters";
            return Err(validation(what));
        }
        let data = STANDARD.decode(self.data.as_bytes());
        let data =
            data.map_err(|_| Failure::new("SerializationException", "Data is not base64"))?;
        let bytes = u64::try_from(data.len() + self.partition_key.len()).unwrap_or(u64::MAX);
        if bytes > MAX_RECORD {
            let what =
                "the record's data and partition key exceed the maximum record size of 1 MiB";
            return Err(invalid(what));
        }
        let hash = match &self.explicit_hash_key {
            Some(hash) => parse_hash("ExplicitHashKey", hash)?,
            None => u128::from_be_bytes(Md5::digest(self.partition_key.as_bytes()).into()),
        };
        Ok(Checked {
            entry: self,
            hash,
            bytes,
        })
    }
}

/// A hash key in decimal without leading zeros (`API_PutRecord`: `0|([1-9]\d{0,38})`).
pub(super) fn parse_hash(name: &str, text: &str) -> Result<u128, Failure> {
    let hash: Option<u128> = text.parse().ok();
    hash.filter(|hash| hash.to_string() == text).ok_or_else(|| {
        invalid(&format!(
            "Invalid {name}. {name} must be in the range: [0, 2^128-1]"
        ))
    })
}

fn error_entry(failure: &Failure) -> Value {
    json!({ "ErrorCode": failure.code, "ErrorMessage": failure.message })
}
