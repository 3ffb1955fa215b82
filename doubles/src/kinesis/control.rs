//! Streams as a whole: named, made, described, encrypted, kept longer, deleted.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::{in_use, invalid, limit, not_found, validation};
use super::put::MAX_RECORD;
use super::stream::Stream;
use super::{Kinesis, encode};
use crate::wire::Failure;

/// `API_CreateStream`: an on-demand stream begins with four shards.
const ON_DEMAND_SHARDS: u32 = 4;
/// `API_DescribeStream`: 100 shards unless said otherwise, 10,000 at most.
const PAGE: usize = 100;
/// `API_IncreaseStreamRetentionPeriod`: 24 hours to 365 days.
const RETENTION: std::ops::RangeInclusive<u32> = 24..=8760;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateStream {
    stream_name: String,
    shard_count: Option<u32>,
}

/// Which stream a call is about, by its name, its ARN or both; some calls say no more.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfStream {
    pub(super) stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeStream {
    #[serde(flatten)]
    stream: OfStream,
    exclusive_start_shard_id: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Retention {
    #[serde(flatten)]
    stream: OfStream,
    retention_period_hours: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Encryption {
    #[serde(flatten)]
    stream: OfStream,
    encryption_type: String,
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreams {
    exclusive_start_stream_name: Option<String>,
    limit: Option<usize>,
}

impl Kinesis {
    /// The name of the stream.
    pub(super) fn name(&self, of: &OfStream) -> Result<String, Failure> {
        let by_arn = of.stream_arn.as_deref().map(|arn| self.name_in(arn));
        match (&of.stream_name, by_arn.transpose()?) {
            (Some(name), Some(by_arn)) if *name != by_arn => {
                Err(invalid("StreamName and StreamARN name different streams"))
            }
            (Some(name), _) => Ok(name.clone()),
            (None, Some(name)) => Ok(name),
            (None, None) => Err(invalid("either StreamARN or StreamName is required")),
        }
    }

    fn name_in(&self, arn: &str) -> Result<String, Failure> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", "aws", "kinesis", region, account, resource] = parts[..] else {
            return Err(validation(
                "Value at 'streamARN' failed to satisfy constraint",
            ));
        };
        let name = resource.strip_prefix("stream/");
        let name = name.ok_or_else(|| validation("Value at 'streamARN' names no stream"))?;
        if region != self.settings.region || account != self.settings.account {
            return Err(not_found(&format!(
                "Stream {name} under account {account} not found."
            )));
        }
        Ok(name.to_owned())
    }

    pub(super) fn no_stream(&self, name: &str) -> Failure {
        let account = &self.settings.account;
        not_found(&format!("Stream {name} under account {account} not found."))
    }

    /// A stream that takes and gives records: `ACTIVE` or `UPDATING` (`API_StreamDescription`: "Read and
    /// write operations continue to work while the stream is in the UPDATING state"). While it is made there
    /// is none: of the errors that the pages name, that one is the double's own choice.
    pub(super) fn usable<'a>(
        &self,
        streams: &'a mut BTreeMap<String, Stream>,
        name: &str,
    ) -> Result<&'a mut Stream, Failure> {
        let stream = streams.get_mut(name).ok_or_else(|| self.no_stream(name))?;
        if stream.status(self.now()) == "CREATING" {
            return Err(self.no_stream(name));
        }
        Ok(stream)
    }

    /// A stream that can be changed: `ACTIVE`, else `ResourceInUseException` (`API_SplitShard`,
    /// `API_IncreaseStreamRetentionPeriod`, `API_StartStreamEncryption`).
    pub(super) fn settled<'a>(
        &self,
        streams: &'a mut BTreeMap<String, Stream>,
        name: &str,
    ) -> Result<&'a mut Stream, Failure> {
        let stream = streams.get_mut(name).ok_or_else(|| self.no_stream(name))?;
        let status = stream.status(self.now());
        if status != "ACTIVE" {
            let account = &self.settings.account;
            return Err(in_use(&format!(
                "Stream {name} under account {account} not ACTIVE, instead in state {status}"
            )));
        }
        Ok(stream)
    }

    pub(super) fn create(&self, input: &CreateStream) -> Result<Vec<u8>, Failure> {
        let name = input.stream_name.clone();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if !(1..=128).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(validation(
                "Value at 'streamName' failed to satisfy constraint",
            ));
        }
        let shards = input.shard_count.unwrap_or(ON_DEMAND_SHARDS);
        if shards == 0 {
            return Err(validation(
                "Value at 'shardCount' failed to satisfy constraint: at least 1",
            ));
        }
        let mut streams = self.streams();
        if streams.contains_key(&name) {
            let account = &self.settings.account;
            return Err(in_use(&format!(
                "Stream {name} under account {account} already exists."
            )));
        }
        let stream = Stream::new(shards, self.now(), self.settled_at());
        streams.insert(name, stream);
        Ok(b"{}".to_vec())
    }

    /// AWS takes a while and shows `DELETING` (`API_DeleteStream`); that the stream is gone at once is the
    /// double's own.
    pub(super) fn delete(&self, input: &OfStream) -> Result<Vec<u8>, Failure> {
        let name = self.name(input)?;
        let removed = self.streams().remove(&name);
        removed
            .map(|_| b"{}".to_vec())
            .ok_or_else(|| self.no_stream(&name))
    }

    /// `API_ListStreams`: by name, 100 a page unless said otherwise.
    pub(super) fn list_streams(&self, input: &ListStreams) -> Result<Vec<u8>, Failure> {
        let size = input.limit.unwrap_or(PAGE);
        let streams = self.streams();
        let after = input
            .exclusive_start_stream_name
            .as_deref()
            .unwrap_or_default();
        let mut names: Vec<&String> = streams
            .keys()
            .filter(|name| name.as_str() > after)
            .take(size + 1)
            .collect();
        let more = names.len() > size;
        names.truncate(size);
        let answer = json!({ "StreamNames": names, "HasMoreStreams": more });
        Ok(answer.to_string().into_bytes())
    }

    pub(super) fn describe_summary(&self, input: &OfStream) -> Result<Vec<u8>, Failure> {
        let name = self.name(input)?;
        let streams = self.streams();
        let stream = streams.get(&name).ok_or_else(|| self.no_stream(&name))?;
        let mut summary = self.described(&name, stream);
        summary["OpenShardCount"] = json!(stream.open_count());
        summary["ConsumerCount"] = json!(0);
        summary["MaxRecordSizeInKiB"] = json!(MAX_RECORD >> 10);
        Ok(json!({ "StreamDescriptionSummary": summary })
            .to_string()
            .into_bytes())
    }

    pub(super) fn describe(&self, input: &DescribeStream) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        let now = self.now();
        let streams = self.streams();
        let stream = streams.get(&name).ok_or_else(|| self.no_stream(&name))?;
        let size = input.limit.unwrap_or(PAGE);
        let after = input
            .exclusive_start_shard_id
            .as_deref()
            .unwrap_or_default();
        let horizon = stream.horizon(now);
        let mut shards: Vec<Value> = stream
            .shards
            .iter()
            .filter(|shard| !shard.expired(horizon) && shard.id.to_string().as_str() > after)
            .take(size + 1)
            .map(encode::shard)
            .collect();
        let mut description = self.described(&name, stream);
        description["HasMoreShards"] = json!(shards.len() > size);
        shards.truncate(size);
        description["Shards"] = json!(shards);
        Ok(json!({ "StreamDescription": description })
            .to_string()
            .into_bytes())
    }

    /// What both descriptions hold.
    fn described(&self, name: &str, stream: &Stream) -> Value {
        let mut described = json!({
            "StreamName": name,
            "StreamARN": self.arn(name),
            "StreamStatus": stream.status(self.now()),
            "StreamModeDetails": { "StreamMode": "PROVISIONED" },
            "RetentionPeriodHours": stream.retention_hours,
            "StreamCreationTimestamp": encode::seconds(stream.created),
            "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }],
            "EncryptionType": encode::encryption_type(stream.key.is_some()),
        });
        if let Some(key) = &stream.key {
            described["KeyId"] = json!(key);
        }
        described
    }

    pub(super) fn increase_retention(&self, input: &Retention) -> Result<Vec<u8>, Failure> {
        self.change_retention(input, |hours, before| hours >= before)
    }

    pub(super) fn decrease_retention(&self, input: &Retention) -> Result<Vec<u8>, Failure> {
        self.change_retention(input, |hours, before| hours <= before)
    }

    fn change_retention(
        &self,
        input: &Retention,
        right_way: fn(u32, u32) -> bool,
    ) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        let settled = self.settled_at();
        let mut streams = self.streams();
        let stream = self.settled(&mut streams, &name)?;
        let hours = input.retention_period_hours;
        if !RETENTION.contains(&hours) || !right_way(hours, stream.retention_hours) {
            return Err(invalid(
                "the retention period is out of range, or goes the other way",
            ));
        }
        stream.retention_hours = hours;
        stream.updating(settled);
        Ok(b"{}".to_vec())
    }

    /// Records put from now on are `KMS`; older ones stay as they are (`API_StartStreamEncryption`).
    pub(super) fn start_encryption(&self, input: &Encryption) -> Result<Vec<u8>, Failure> {
        let key = input.key_id.clone();
        self.change_encryption(input, Some(key))
    }

    pub(super) fn stop_encryption(&self, input: &Encryption) -> Result<Vec<u8>, Failure> {
        self.change_encryption(input, None)
    }

    fn change_encryption(
        &self,
        input: &Encryption,
        key: Option<String>,
    ) -> Result<Vec<u8>, Failure> {
        let name = self.name(&input.stream)?;
        if input.encryption_type != "KMS" {
            return Err(validation(
                "EncryptionType is KMS here, to start and to stop",
            ));
        }
        let settled = self.settled_at();
        let mut streams = self.streams();
        let stream = self.settled(&mut streams, &name)?;
        stream.key = key;
        stream.updating(settled);
        Ok(b"{}".to_vec())
    }
}

/// What the control plane bears per second and account (each operation's page). `ListShards` is
/// limited for each stream; here all streams share it.
pub(super) fn calls_per_second(operation: &str) -> Option<usize> {
    match operation {
        "CreateStream"
        | "DeleteStream"
        | "SplitShard"
        | "MergeShards"
        | "ListStreams"
        | "IncreaseStreamRetentionPeriod"
        | "DecreaseStreamRetentionPeriod" => Some(5),
        "DescribeStream" | "UpdateShardCount" => Some(10),
        "DescribeStreamSummary" => Some(20),
        "ListShards" => Some(1000),
        _ => None,
    }
}

/// Over that.
pub(super) fn too_many(operation: &str) -> Failure {
    limit(&format!("Rate exceeded for {operation}"))
}
