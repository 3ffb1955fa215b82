//! `SplitShard`, `MergeShards` and `UpdateShardCount`: who may be split, merged or scaled.

use serde::Deserialize;
use serde_json::json;

use super::Kinesis;
use super::control::OfStream;
use super::failure::{invalid, limit, not_found, validation};
use super::put::parse_hash;
use super::shard::{Shard, ShardId};
use super::stream::Stream;
use crate::wire::Failure;

/// `API_UpdateShardCount`: ten times in 24 hours.
const SCALINGS: usize = 10;
const DAY: u64 = 86_400_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SplitShard {
    #[serde(flatten)]
    stream: OfStream,
    shard_to_split: String,
    new_starting_hash_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MergeShards {
    #[serde(flatten)]
    stream: OfStream,
    shard_to_merge: String,
    adjacent_shard_to_merge: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateShardCount {
    #[serde(flatten)]
    stream: OfStream,
    target_shard_count: u32,
    scaling_type: String,
}

impl Kinesis {
    pub(super) fn split(&self, input: &SplitShard) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        let (now, settled) = (self.now(), self.settled_at());
        let mut streams = self.streams();
        let stream = self.settled(&mut streams, &name)?;
        let shard = open_shard(stream, &input.shard_to_split, now)?;
        let hash = parse_hash("NewStartingHashKey", &input.new_starting_hash_key)?;
        // Both children must have a hash (`API_SplitShard`: greater than the first, not above the last).
        if hash <= shard.range.first || hash > shard.range.last {
            return Err(invalid(
                "NewStartingHashKey is not inside the shard's range",
            ));
        }
        let id = shard.id;
        stream.split(id, hash, now);
        stream.updating(settled);
        Ok(b"{}".to_vec())
    }

    pub(super) fn merge(&self, input: &MergeShards) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        let (now, settled) = (self.now(), self.settled_at());
        let mut streams = self.streams();
        let stream = self.settled(&mut streams, &name)?;
        let one = open_shard(stream, &input.shard_to_merge, now)?;
        let other = open_shard(stream, &input.adjacent_shard_to_merge, now)?;
        let follows =
            |low: &Shard, high: &Shard| low.range.last.checked_add(1) == Some(high.range.first);
        if !follows(one, other) && !follows(other, one) {
            return Err(invalid("the two shards are not adjacent"));
        }
        let (one, other) = (one.id, other.id);
        stream.merge(one, other, now);
        stream.updating(settled);
        Ok(b"{}".to_vec())
    }

    pub(super) fn update_shard_count(&self, input: &UpdateShardCount) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        if input.scaling_type != "UNIFORM_SCALING" || input.target_shard_count == 0 {
            return Err(validation(
                "ScalingType is UNIFORM_SCALING, TargetShardCount at least 1",
            ));
        }
        let (now, settled) = (self.now(), self.settled_at());
        let mut streams = self.streams();
        let stream = self.settled(&mut streams, &name)?;
        let open = stream.open_count();
        let target = usize::try_from(input.target_shard_count).unwrap_or(usize::MAX);
        stream.scaled.retain(|at| at + DAY > now);
        if self.limited() && (target > open * 2 || target * 2 < open) {
            return Err(invalid(
                "the target is more than double or less than half the open shards",
            ));
        }
        if self.limited() && stream.scaled.len() >= SCALINGS {
            return Err(limit(
                "the shard count was updated ten times within 24 hours",
            ));
        }
        stream.scaled.push(now);
        stream.scale(input.target_shard_count, now);
        stream.updating(settled);
        let answer = json!({
            "StreamName": name,
            "StreamARN": self.arn(&name),
            "CurrentShardCount": open,
            "TargetShardCount": target,
        });
        Ok(answer.to_string().into_bytes())
    }
}

fn open_shard<'a>(stream: &'a Stream, text: &str, now: u64) -> Result<&'a Shard, Failure> {
    let shard = ShardId::parse(text).and_then(|id| stream.shard(id, now));
    let shard = shard.ok_or_else(|| not_found(&format!("Could not find shard {text}")))?;
    if shard.is_open() {
        Ok(shard)
    } else {
        Err(invalid(&format!("Shard {text} is closed")))
    }
}
