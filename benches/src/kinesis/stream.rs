//! The bench's stream on the double: filling it, reading it bare, and the worker's source on it.
//! The double's limits per second are off: what is measured is the reader.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, ShardIteratorType};
use fieldseal_aws::{Reach, SdkConfig};
use fieldseal_doubles::{KinesisDouble, KinesisSettings, Limits};
use fieldseal_kinesis::{KinesisSource, Start};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until};

use crate::report::Failure;
use crate::workload::{Traffic, record};

pub(super) const SHARDS: u32 = 16;

const NAME: &str = "bench";

/// Entries of one PutRecords (`API_PutRecords`: at most 500).
const CALL: usize = 500;

/// A double that holds a filled stream.
pub(super) struct Stream {
    endpoint: String,
    _double: KinesisDouble,
}

impl Stream {
    pub(super) async fn filled(rows: usize) -> Result<Self, Failure> {
        let settings = KinesisSettings {
            limits: Limits::None,
            ..KinesisSettings::default()
        };
        let double = KinesisDouble::start(settings)?;
        double.create_stream(NAME, SHARDS);
        let stream = Self {
            endpoint: double.endpoint(),
            _double: double,
        };
        eprintln!("benches: putting {rows} records");
        let client = client(&stream.endpoint).await?;
        for first in (0..rows).step_by(CALL) {
            let entries = (first..rows.min(first + CALL)).map(entry);
            let put = client.put_records().stream_name(NAME);
            let put = put.set_records(Some(entries.collect::<Result<_, _>>()?));
            let answer = put.send().await;
            let answer = answer.map_err(|error| Failure::of("putting records", &error))?;
            if answer.failed_record_count() != Some(0) {
                return Err(Failure("the double has refused records".to_owned()));
            }
        }
        Ok(stream)
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

fn entry(row: usize) -> Result<PutRecordsRequestEntry, Failure> {
    PutRecordsRequestEntry::builder()
        .partition_key(format!("shop.customers.{row}"))
        .data(Blob::new(record(row as u64, Traffic::Inserts)))
        .build()
        .map_err(|error| Failure::of("making an entry", &error))
}

async fn config(endpoint: &str) -> Result<SdkConfig, Failure> {
    let reach = Reach {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
    };
    let config = fieldseal_aws::load(&reach).await;
    let config = config.map_err(|error| Failure::of("configuring the SDK", &error))?;
    let credentials = Credentials::new("AKIAEXAMPLEBENCHES", "no secret", None, None, "benches");
    let builder = config.into_builder();
    let builder = builder.credentials_provider(SharedCredentialsProvider::new(credentials));
    Ok(builder.build())
}

async fn client(endpoint: &str) -> Result<Client, Failure> {
    Ok(Client::new(&config(endpoint).await?))
}

/// How fast a shard is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Speed {
    /// As fast as it goes.
    Any,
    /// As AWS allows ("Quotas and limits"): five calls and 2 MiB a second.
    Aws,
}

impl Speed {
    const fn limits(self) -> (u32, u64) {
        match self {
            Self::Any => (1_000, 1 << 30),
            Self::Aws => (5, 2 << 20),
        }
    }

    /// Records of one call: a batch of the worker's, which is less than a second gives.
    const fn most(self) -> Option<i32> {
        match self {
            Self::Any => None,
            Self::Aws => Some(2_000),
        }
    }

    /// How long after one call that brought so many bytes the next is due.
    fn wait(self, bytes: usize) -> Duration {
        let (reads, bytes_a_second) = self.limits();
        let wait = 1.0_f64 / f64::from(reads);
        match self {
            Self::Any => Duration::ZERO,
            Self::Aws => Duration::from_secs_f64(wait.max(bytes as f64 / bytes_a_second as f64)),
        }
    }
}

/// The stream as the worker reads it.
pub(super) async fn source(endpoint: &str, speed: Speed) -> Result<KinesisSource, Failure> {
    let (reads_per_second, read_bytes_per_second) = speed.limits();
    let settings = fieldseal_kinesis::KinesisSettings {
        stream: NAME.to_owned(),
        start: Start::TrimHorizon,
        reads_per_second,
        read_bytes_per_second,
    };
    KinesisSource::connect(&config(endpoint).await?, settings)
        .await
        .map_err(|error| Failure::of("opening the stream", &error))
}

/// GetRecords and nothing else, on every shard at once, until there is nothing more.
pub(super) async fn read_bare(endpoint: &str, rows: usize, speed: Speed) -> Result<(), Failure> {
    let client = client(endpoint).await?;
    let shards = client.list_shards().stream_name(NAME).send().await;
    let shards = shards.map_err(|error| Failure::of("listing shards", &error))?;
    let mut lanes = JoinSet::new();
    for shard in shards.shards() {
        lanes.spawn(read_shard(
            client.clone(),
            shard.shard_id().to_owned(),
            speed,
        ));
    }
    let mut read = 0;
    while let Some(lane) = lanes.join_next().await {
        read += lane.map_err(|error| Failure::of("a reader", &error))??;
    }
    if read == rows {
        Ok(())
    } else {
        Err(Failure(format!("{read} of {rows} records were read")))
    }
}

async fn read_shard(client: Client, shard: String, speed: Speed) -> Result<usize, Failure> {
    let first = client
        .get_shard_iterator()
        .stream_name(NAME)
        .shard_id(shard)
        .shard_iterator_type(ShardIteratorType::TrimHorizon);
    let first = first.send().await;
    let first = first.map_err(|error| Failure::of("beginning a shard", &error))?;
    let mut next = first.shard_iterator;
    let mut read = 0;
    while let Some(iterator) = next {
        let sent = Instant::now();
        let answer = client.get_records().shard_iterator(iterator);
        let answer = answer.set_limit(speed.most()).send().await;
        let answer = answer.map_err(|error| Failure::of("reading a shard", &error))?;
        read += answer.records.len();
        next = answer
            .next_shard_iterator
            .filter(|_| answer.millis_behind_latest != Some(0));
        if next.is_some() {
            let bytes = answer
                .records
                .iter()
                .map(|record| record.data.as_ref().len());
            sleep_until(sent + speed.wait(bytes.sum())).await;
        }
    }
    Ok(read)
}
