//! The Kinesis double: its settings, its start and which operation goes where. What the operations do
//! stands in the modules below.

mod control;
mod encode;
mod failure;
mod iterator;
mod limits;
mod list;
mod put;
mod read;
mod reshard;
mod sequence;
mod shard;
mod stream;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::calls::Calls;
use crate::clock::{Clock, millis};
use crate::faults::Faults;
use crate::rate::CallLimit;
use crate::wire::{Call, Failure, Server, Service, Shared};

use stream::Stream;

/// How a Kinesis double behaves. The default is AWS's own limits, in eu-central-1.
#[derive(Clone, Debug)]
pub struct KinesisSettings {
    /// Whether the limits per shard and per second hold.
    pub limits: Limits,
    /// The region whose signatures are taken.
    pub region: String,
    /// The account in ARNs.
    pub account: String,
    /// How long a stream is `CREATING` or `UPDATING`, by the clock.
    pub settling: Duration,
    /// For the faults.
    pub seed: u64,
    /// Where to listen; 0 is any free port.
    pub port: u16,
}

/// Which limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// Those of the page "Quotas and limits".
    Aws,
    /// None per second. Those of a single call (10 MiB, 10,000 records) stay.
    None,
}

impl Default for KinesisSettings {
    fn default() -> Self {
        Self {
            limits: Limits::Aws,
            region: "eu-central-1".into(),
            account: "123456789012".into(),
            settling: Duration::from_millis(50),
            seed: 1,
            port: 0,
        }
    }
}

/// A running stand-in for Kinesis Data Streams; it stops when dropped.
#[derive(Debug)]
pub struct KinesisDouble {
    server: Server,
    kinesis: Arc<Kinesis>,
}

impl KinesisDouble {
    /// Listens on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken or no thread can be started.
    pub fn start(settings: KinesisSettings) -> io::Result<Self> {
        let port = settings.port;
        let kinesis = Arc::new(Kinesis {
            shared: Shared::seeded(settings.seed),
            settings,
            streams: Mutex::default(),
            control: Mutex::default(),
        });
        Ok(Self {
            server: Server::start(Arc::clone(&kinesis), port)?,
            kinesis,
        })
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.kinesis.shared.faults
    }

    /// The clock of limits, iterators and retention.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.kinesis.shared.clock
    }

    /// What it was asked.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.kinesis.shared.calls
    }

    /// Makes a stream that is `ACTIVE` at once, and gives its ARN. An existing one of the name goes.
    pub fn create_stream(&self, name: &str, shards: u32) -> String {
        let now = self.kinesis.shared.clock.now();
        let stream = Stream::new(shards, now, now);
        self.kinesis.streams().insert(name.to_owned(), stream);
        self.kinesis.arn(name)
    }

    /// How many records the stream holds that are not trimmed, each duplicate counted. `None`: no stream.
    #[must_use]
    pub fn stored(&self, name: &str) -> Option<usize> {
        self.kinesis.streams().get(name).map(Stream::stored)
    }
}

/// All streams of one region.
#[derive(Debug)]
pub(crate) struct Kinesis {
    settings: KinesisSettings,
    shared: Shared,
    streams: Mutex<BTreeMap<String, Stream>>,
    /// Calls of the control plane within the last second, by operation.
    control: Mutex<BTreeMap<String, CallLimit>>,
}

impl Kinesis {
    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limits per account and operation.
    fn admit(&self, operation: &str) -> Result<(), Failure> {
        let Some(per_second) = control::calls_per_second(operation).filter(|_| self.limited())
        else {
            return Ok(());
        };
        let mut limits = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = limits.entry(operation.to_owned()).or_default();
        if limit.admit(self.now(), per_second) {
            Ok(())
        } else {
            Err(control::too_many(operation))
        }
    }

    fn arn(&self, name: &str) -> String {
        let KinesisSettings {
            region, account, ..
        } = &self.settings;
        format!("arn:aws:kinesis:{region}:{account}:stream/{name}")
    }

    fn limited(&self) -> bool {
        self.settings.limits == Limits::Aws
    }

    fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    fn settled_at(&self) -> u64 {
        self.now() + millis(self.settings.settling)
    }
}

impl Service for Kinesis {
    fn target(&self) -> &'static str {
        "Kinesis_20131202"
    }

    fn signing_name(&self) -> &'static str {
        "kinesis"
    }

    fn region(&self) -> &str {
        &self.settings.region
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The data plane says `ProvisionedThroughputExceededException`, the control plane
    /// `LimitExceededException` (each operation's page).
    fn throttled(&self, operation: &str) -> Failure {
        match operation {
            "GetRecords" | "GetShardIterator" | "PutRecord" | "PutRecords" => {
                failure::throughput("Rate exceeded for the shard")
            }
            _ => failure::limit("Rate exceeded for the account"),
        }
    }

    fn answer(&self, call: &Call<'_>) -> Result<Vec<u8>, Failure> {
        self.admit(call.operation)?;
        match call.operation {
            "CreateStream" => self.create(&call.input()?),
            "DeleteStream" => self.delete(&call.input()?),
            "DescribeStream" => self.describe(&call.input()?),
            "DescribeStreamSummary" => self.describe_summary(&call.input()?),
            "ListStreams" => self.list_streams(&call.input()?),
            "IncreaseStreamRetentionPeriod" => self.increase_retention(&call.input()?),
            "DecreaseStreamRetentionPeriod" => self.decrease_retention(&call.input()?),
            "StartStreamEncryption" => self.start_encryption(&call.input()?),
            "StopStreamEncryption" => self.stop_encryption(&call.input()?),
            "ListShards" => self.list_shards(&call.input()?),
            "SplitShard" => self.split(&call.input()?),
            "MergeShards" => self.merge(&call.input()?),
            "UpdateShardCount" => self.update_shard_count(&call.input()?),
            "PutRecord" => self.put_record(&call.input()?),
            "PutRecords" => self.put_records(&call.input()?),
            "GetShardIterator" => self.shard_iterator(&call.input()?),
            "GetRecords" => self.get_records(&call.input()?),
            _ => Err(Failure::new(
                "UnknownOperationException",
                "not an operation of this double",
            )),
        }
    }
}
