//! The calls over the SDK. Owns what is asked and how an answer or a failure is read; tries
//! nothing twice.

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::{EncryptionType, Record, Shard, ShardIteratorType, StreamStatus};
use fieldseal_aws::{AnsweredAt, SdkConfig, http_date_millis};
use fieldseal_dms::MARK;
use fieldseal_model::{Plaintext, SequenceNumber};
use zeroize::Zeroize as _;

use crate::calls::{Answer, Calls, From, Listed, Page, Put, Raw, Status, StreamFacts};
use crate::failure::{CallError, Kind};

/// The partition key of markers; the explicit hash key decides where they go.
const MARK_KEY: &str = "fieldseal";

/// The SDK's client, for one stream.
pub(crate) struct SdkCalls {
    client: Client,
    name: Option<String>,
    arn: Option<String>,
}

impl SdkCalls {
    pub(crate) fn new(config: &SdkConfig, stream: &str) -> Self {
        let config = aws_sdk_kinesis::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .build();
        let is_arn = stream.starts_with("arn:");
        Self {
            client: Client::from_conf(config),
            name: (!is_arn).then(|| stream.to_owned()),
            arn: is_arn.then(|| stream.to_owned()),
        }
    }
}

#[async_trait]
impl Calls for SdkCalls {
    async fn describe(&self) -> Result<StreamFacts, CallError> {
        const CALL: &str = "DescribeStreamSummary";
        let call = self.client.describe_stream_summary();
        let call = call
            .set_stream_name(self.name.clone())
            .set_stream_arn(self.arn.clone());
        let answered = AnsweredAt::default();
        let call = call.customize().interceptor(answered.clone());
        let answer = call.send().await.map_err(|error| failed(CALL, &error))?;
        let stream = answer
            .stream_description_summary()
            .ok_or_else(|| unreadable(CALL))?;
        let status = match stream.stream_status() {
            StreamStatus::Creating => Status::Creating,
            StreamStatus::Deleting => Status::Deleting,
            _ => Status::Ready,
        };
        Ok(StreamFacts {
            arn: stream.stream_arn().to_owned(),
            shards_open: u32::try_from(stream.open_shard_count()).unwrap_or(0),
            encrypted: stream.encryption_type() == Some(&EncryptionType::Kms),
            retention_hours: u32::try_from(stream.retention_period_hours()).unwrap_or(0),
            clock: answered.millis(),
            created: stream.stream_creation_timestamp().secs(),
            status,
        })
    }

    async fn list(&self, token: Option<String>) -> Result<Page, CallError> {
        const CALL: &str = "ListShards";
        let call = self.client.list_shards();
        // A token names the stream, and a name beside it is refused (API_ListShards).
        let call = match token {
            Some(token) => call.next_token(token),
            None => call
                .set_stream_name(self.name.clone())
                .set_stream_arn(self.arn.clone()),
        };
        let answer = call.send().await.map_err(|error| failed(CALL, &error))?;
        let shards = answer.shards().iter().map(listed);
        let shards: Option<Vec<Listed>> = shards.collect();
        Ok(Page {
            shards: shards.ok_or_else(|| unreadable(CALL))?,
            next: answer.next_token,
        })
    }

    async fn iterator(&self, shard: &str, from: &From) -> Result<String, CallError> {
        const CALL: &str = "GetShardIterator";
        let call = self.client.get_shard_iterator().shard_id(shard);
        let call = call
            .set_stream_name(self.name.clone())
            .set_stream_arn(self.arn.clone());
        let call = match from {
            From::Oldest => call.shard_iterator_type(ShardIteratorType::TrimHorizon),
            From::Timestamp(millis) => call
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(*millis)),
            From::At(sequence) => call
                .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
                .starting_sequence_number(sequence.as_str()),
        };
        let answer = call.send().await.map_err(|error| failed(CALL, &error))?;
        answer.shard_iterator.ok_or_else(|| unreadable(CALL))
    }

    async fn records(&self, iterator: &str, most: i32) -> Result<Answer, CallError> {
        const CALL: &str = "GetRecords";
        let call = self.client.get_records().shard_iterator(iterator);
        let call = call.limit(most).set_stream_arn(self.arn.clone());
        let answer = call.send().await.map_err(|error| failed(CALL, &error))?;
        let next = answer.next_shard_iterator;
        let behind = answer.millis_behind_latest;
        // Every record is taken over, so that every one is wiped, also where one is unreadable.
        let records: Vec<Option<Raw>> = answer.records.into_iter().map(raw).collect();
        let records: Option<Vec<Raw>> = records.into_iter().collect();
        Ok(Answer {
            records: records.ok_or_else(|| unreadable(CALL))?,
            next,
            behind: behind.and_then(|millis| u64::try_from(millis).ok()),
        })
    }

    async fn put_mark(&self, hash_key: &str) -> Result<Put, CallError> {
        const CALL: &str = "PutRecord";
        let call = self.client.put_record().partition_key(MARK_KEY);
        let call = call
            .set_stream_name(self.name.clone())
            .set_stream_arn(self.arn.clone())
            .explicit_hash_key(hash_key)
            .data(Blob::new(MARK));
        let answer = call.send().await.map_err(|error| failed(CALL, &error))?;
        Ok(Put {
            sequence: sequence(answer.sequence_number()).ok_or_else(|| unreadable(CALL))?,
            shard: answer.shard_id,
        })
    }
}

fn listed(shard: &Shard) -> Option<Listed> {
    let parents = [shard.parent_shard_id(), shard.adjacent_parent_shard_id()];
    let range = shard.sequence_number_range()?;
    Some(Listed {
        id: shard.shard_id().to_owned(),
        parents: parents.into_iter().flatten().map(str::to_owned).collect(),
        first_hash: shard.hash_key_range()?.starting_hash_key().to_owned(),
        first: sequence(range.starting_sequence_number())?,
        closed: range.ending_sequence_number().is_some(),
    })
}

fn raw(mut record: Record) -> Option<Raw> {
    // The row's primary key in clear.
    record.partition_key.zeroize();
    Some(Raw {
        data: Plaintext::new(record.data.into_inner()),
        sequence: sequence(&record.sequence_number)?,
    })
}

fn sequence(text: &str) -> Option<SequenceNumber> {
    text.parse().ok()
}

/// An answer that is not what the API's description says.
fn unreadable(operation: &'static str) -> CallError {
    CallError {
        operation,
        kind: Kind::Refused,
        code: "an answer that cannot be read".to_owned(),
        clock: None,
    }
}

fn failed<E, R>(operation: &'static str, error: &SdkError<E, R>) -> CallError
where
    E: ProvideErrorMetadata,
    SdkError<E, R>: Head,
{
    let error_code = match error {
        SdkError::ServiceError(context) => context.err().code().unwrap_or_default(),
        _ => "",
    };
    let kind = match error {
        SdkError::ServiceError(_) => Kind::of(error_code, error.status()),
        // Nothing was sent, and sending it again would end the same way.
        SdkError::ConstructionFailure(_) => Kind::Refused,
        // Cut off or torn: also an answer that ends too early.
        _ => Kind::Unreachable,
    };
    CallError {
        operation,
        kind,
        // It is the service's word, but nothing says how long it may be.
        code: error_code.chars().take(64).collect(),
        clock: error.date(),
    }
}

/// What stands above an answer.
trait Head {
    fn status(&self) -> u16;
    /// The service's clock, if that is what the header holds.
    fn date(&self) -> Option<String>;
}

impl<E> Head for SdkError<E, aws_sdk_kinesis::config::http::HttpResponse> {
    fn status(&self) -> u16 {
        self.raw_response()
            .map_or(0, |response| response.status().as_u16())
    }

    fn date(&self) -> Option<String> {
        let date = self.raw_response()?.headers().get("date")?;
        http_date_millis(date).map(|_| date.to_owned())
    }
}
