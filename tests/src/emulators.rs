//! The public emulators of AWS services. Owns where they are; `cargo xtask test` starts them.

/// An emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulator {
    /// Kinesis, at `FIELDSEAL_TEST_KINESALITE_URL`: quick; no `ChildShards`, no paging.
    Kinesalite,
    /// Kinesis, at `FIELDSEAL_TEST_KINESIS_LOCAL_URL`: slow; closed shards and their children as AWS has them.
    KinesisLocal,
    /// KMS, at `FIELDSEAL_TEST_MOTO_URL`: no key states, no policies.
    Moto,
}

impl Emulator {
    /// Where it listens.
    ///
    /// # Panics
    /// If the URL is not set: a test is never skipped.
    #[must_use]
    pub fn url(self) -> String {
        let variable = match self {
            Self::Kinesalite => "FIELDSEAL_TEST_KINESALITE_URL",
            Self::KinesisLocal => "FIELDSEAL_TEST_KINESIS_LOCAL_URL",
            Self::Moto => "FIELDSEAL_TEST_MOTO_URL",
        };
        std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run the tests by `cargo xtask test`, which starts the servers")
        })
    }
}
