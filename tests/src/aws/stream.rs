//! One stream on a double that has no limits, a producer, and the changes of its shards. Owns what
//! tests of one stream share; what is written to it and where it is read to are theirs.

use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::put_record::PutRecordOutput;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::Shard;
use fieldseal_doubles::{KinesisDouble, KinesisSettings as DoubleSettings, Limits};
use fieldseal_kinesis::{KinesisSettings, KinesisSource, Start};
use fieldseal_pipeline::SourceError;

use crate::aws::doubles::STREAM;
use crate::aws::producer::Producer;
use crate::aws::{OTHERS, WORKER, reach};

/// A stream of the name [`STREAM`].
pub struct Stream {
    /// Who plays it.
    pub double: KinesisDouble,
    producer: Producer,
}

impl Stream {
    /// A stream of so many shards.
    ///
    /// # Panics
    /// If the double cannot listen on this machine.
    pub async fn start(shards: u32) -> Self {
        let settings = DoubleSettings {
            limits: Limits::None,
            ..DoubleSettings::default()
        };
        let double = KinesisDouble::start(settings).expect("a free port");
        double.create_stream(STREAM, shards);
        let producer = Producer::connect(&double.endpoint(), OTHERS, STREAM).await;
        Self { double, producer }
    }

    /// The worker's look at it.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn source(&self, start: Start) -> KinesisSource {
        let connected = self.connect(STREAM, start).await;
        connected.expect("the stream is there")
    }

    /// The worker's look at the stream of this name.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn connect(&self, name: &str, start: Start) -> Result<KinesisSource, SourceError> {
        let settings = KinesisSettings {
            stream: name.to_owned(),
            start,
            reads_per_second: 100,
            read_bytes_per_second: 64 << 20,
        };
        let config = reach(&self.double.endpoint(), WORKER).await;
        KinesisSource::connect(&config, settings).await
    }

    /// Puts a record; answers where it went.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn put(&self, key: &str, data: Vec<u8>) -> PutRecordOutput {
        let put = self.client().put_record().stream_name(STREAM);
        let put = put.partition_key(key).data(Blob::new(data));
        put.send().await.expect("it is taken")
    }

    /// Another's client of it than the worker's.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.producer.client
    }

    /// Every shard there is or was, in the order of ids.
    pub async fn shards(&self) -> Vec<Shard> {
        self.producer.shards().await
    }

    /// The shards that can be written to, in the order of their hash keys.
    pub async fn open_shards(&self) -> Vec<Shard> {
        self.producer.open_shards().await
    }

    /// Splits the first of the open shards in the middle.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn split_first(&self) {
        let open = self.open_shards().await;
        assert!(self.producer.split(&open[0]).await, "it cannot be split");
        self.settle();
    }

    /// Merges the first two of the open shards.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn merge_first(&self) {
        let open = self.open_shards().await;
        let merged = self.producer.merge(&open[0], &open[1]).await;
        assert!(merged, "they cannot be merged");
        self.settle();
    }

    /// Until the stream is `ACTIVE` again.
    fn settle(&self) {
        self.double.clock().advance(Duration::from_secs(1));
    }
}
