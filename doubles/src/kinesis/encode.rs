//! Texts that several operations write: timestamps, opaque tokens and the records of an answer. Records
//! are written by hand, since they are nearly all of what the double sends.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::shard::{Record, Shard};

/// Seconds since 1970 with milliseconds, as AWS JSON writes times.
pub(super) fn seconds(millis: u64) -> Value {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.parse::<f64>().map_or(Value::Null, Value::from)
}

/// Milliseconds from a request's seconds.
pub(super) fn from_seconds(seconds: f64) -> u64 {
    let millis = (seconds * 1000.0).round();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, which is what times before 1970 and after all times should do"
    )]
    let whole = millis as u64;
    whole
}

/// A token whose inside is nobody's business.
pub(super) fn seal_token(parts: &[&str]) -> String {
    STANDARD.encode(parts.join("\n"))
}

/// The parts again; `None` if no double made it.
pub(super) fn open_token(token: &str) -> Option<Vec<String>> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    Some(text.split('\n').map(str::to_owned).collect())
}

/// `API_Shard`
pub(super) fn shard(shard: &Shard) -> Value {
    let mut range = json!({ "StartingSequenceNumber": shard.starting().to_string() });
    if let Some(ending) = shard.ending() {
        range["EndingSequenceNumber"] = json!(ending.to_string());
    }
    let mut written = json!({
        "ShardId": shard.id.to_string(),
        "HashKeyRange": hash_range(shard),
        "SequenceNumberRange": range,
    });
    if let Some(parent) = shard.parent {
        written["ParentShardId"] = json!(parent.to_string());
    }
    if let Some(adjacent) = shard.adjacent {
        written["AdjacentParentShardId"] = json!(adjacent.to_string());
    }
    written
}

/// `API_ChildShard`
pub(super) fn child(shard: &Shard) -> Value {
    let parents = [shard.parent, shard.adjacent];
    let parents: Vec<String> = parents.iter().flatten().map(ToString::to_string).collect();
    json!({
        "ShardId": shard.id.to_string(),
        "ParentShards": parents,
        "HashKeyRange": hash_range(shard),
    })
}

fn hash_range(shard: &Shard) -> Value {
    json!({
        "StartingHashKey": shard.range.first.to_string(),
        "EndingHashKey": shard.range.last.to_string(),
    })
}

/// `API_Record`
pub(super) fn record(into: &mut Vec<u8>, shard: &Shard, record: &Record) {
    let key = Value::from(&*record.partition_key);
    let number = shard.sequence(record.count);
    let (seconds, millis) = (record.arrived / 1000, record.arrived % 1000);
    let encryption = encryption_type(record.encrypted);
    // Base64 needs no escapes.
    let written = write!(
        into,
        "{{\"ApproximateArrivalTimestamp\":{seconds}.{millis:03},\"Data\":\"{}\",\
         \"EncryptionType\":\"{encryption}\",\"PartitionKey\":{key},\"SequenceNumber\":\"{number}\"}}",
        record.data,
    );
    written.expect("a vector takes every byte");
}

pub(super) fn encryption_type(encrypted: bool) -> &'static str {
    if encrypted { "KMS" } else { "NONE" }
}
