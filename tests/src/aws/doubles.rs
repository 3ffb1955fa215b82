//! The doubles of Kinesis and KMS with one stream and two keys. Owns what is on them from the
//! beginning.

use fieldseal_doubles::{Fault, KinesisDouble, KinesisSettings, KmsDouble, KmsSettings};

use crate::aws::{Peers, REGION, Second};

/// The stream's name.
pub const STREAM: &str = "shop";

/// Shards of the stream before anybody changes them.
pub const SHARDS: u32 = 8;

/// How calls of both services fail on a bad day: one in a hundred, a quarter of them in each way.
const FAILURES: [Fault; 4] = [
    Fault::ServerErrors(0.0025),
    Fault::Throttling(0.0025),
    Fault::DroppedBefore(0.0025),
    Fault::DroppedAfter(0.0025),
];

/// The region of the second key.
const SECOND_REGION: &str = "eu-west-1";

/// Kinesis and KMS of one run.
pub struct Doubles {
    /// With the stream.
    pub kinesis: KinesisDouble,
    /// With a key in each of two regions.
    pub kms: KmsDouble,
    keys: [String; 2],
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
            regions: [REGION, SECOND_REGION].map(str::to_owned).to_vec(),
            ..KmsSettings::default()
        };
        let kms = KmsDouble::start(kms).expect("a free port");
        let keys = [REGION, SECOND_REGION].map(|region| kms.create_key(region));
        Self { kinesis, kms, keys }
    }

    /// Where a worker finds them.
    #[must_use]
    pub fn peers(&self) -> Peers {
        let [key, second] = self.keys.clone();
        Peers {
            kinesis: self.kinesis.endpoint(),
            stream: STREAM.to_owned(),
            kms: self.kms.endpoint(REGION),
            key,
            second: Some(Second {
                key: second,
                kms: self.kms.endpoint(SECOND_REGION),
            }),
        }
    }

    /// One call in a hundred fails in one of the ways a service fails; iterators expire, records come
    /// twice and in another order more often than that.
    pub fn have_a_bad_day(&self) {
        for faults in [self.kinesis.faults(), self.kms.faults()] {
            for fault in FAILURES {
                faults.set(fault);
            }
        }
        let kinesis = self.kinesis.faults();
        kinesis.set(Fault::ExpiredIterators(0.03));
        kinesis.set(Fault::EmptyReads(0.03));
        kinesis.set(Fault::FailedEntries(0.01));
        kinesis.set(Fault::DuplicatedPuts(0.02));
        kinesis.set(Fault::ReorderedPuts(0.2));
    }
}
