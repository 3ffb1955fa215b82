//! The doubles of Kinesis and KMS with one stream and one key. Owns what is on them from the
//! beginning.

use fieldseal_doubles::{Fault, KinesisDouble, KinesisSettings, KmsDouble, KmsSettings};

use crate::aws::{Peers, REGION};

/// The stream's name.
pub const STREAM: &str = "shop";

/// Shards of the stream before anybody changes them.
pub const SHARDS: u32 = 8;

/// Kinesis and KMS of one run.
pub struct Doubles {
    /// With the stream.
    pub kinesis: KinesisDouble,
    /// With the key.
    pub kms: KmsDouble,
    key: String,
}

impl Doubles {
    /// Both, with AWS's own limits.
    ///
    /// # Panics
    /// If one cannot listen on this machine.
    #[must_use]
    pub fn start(seed: u64) -> Self {
        let kinesis = KinesisSettings {
            seed,
            ..KinesisSettings::default()
        };
        let kinesis = KinesisDouble::start(kinesis).expect("a free port");
        kinesis.create_stream(STREAM, SHARDS);
        let kms = KmsSettings {
            seed,
            ..KmsSettings::default()
        };
        let kms = KmsDouble::start(kms).expect("a free port");
        let key = kms.create_key(REGION);
        Self { kinesis, kms, key }
    }

    /// Where a worker finds them.
    #[must_use]
    pub fn peers(&self) -> Peers {
        Peers {
            kinesis: self.kinesis.endpoint(),
            stream: STREAM.to_owned(),
            kms: self.kms.endpoint(REGION),
            key: self.key.clone(),
        }
    }

    /// One call in a hundred fails in one of the ways a service fails; records come twice and in
    /// another order more often than that.
    pub fn have_a_bad_day(&self) {
        for faults in [self.kinesis.faults(), self.kms.faults()] {
            faults.set(Fault::ServerErrors(0.004));
            faults.set(Fault::Throttling(0.003));
            faults.set(Fault::DroppedBefore(0.0015));
            faults.set(Fault::DroppedAfter(0.0015));
        }
        let kinesis = self.kinesis.faults();
        kinesis.set(Fault::ExpiredIterators(0.01));
        kinesis.set(Fault::EmptyReads(0.01));
        kinesis.set(Fault::FailedEntries(0.01));
        kinesis.set(Fault::DuplicatedPuts(0.02));
        kinesis.set(Fault::ReorderedPuts(0.2));
    }
}
