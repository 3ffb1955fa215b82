//! One test of behaviour for everything that plays an AWS service: our doubles, and the public emulators
//! where those are right. The real SDK asks; what AWS's pages say decides. Owns what is asked; where a
//! peer listens and what it is known to get wrong is the caller's to say, as capabilities.

mod kinesis;
mod kms;
mod streams;

pub use kinesis::kinesis;
pub use kms::kms;

/// What a peer does as AWS does. What it is known to get wrong is not asked of it.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one thing that one emulator or other gets wrong"
)]
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// Kinesis: `GetRecords` at the end of a closed shard names its `ChildShards`.
    pub child_shards: bool,
    /// Kinesis: `ListShards` pages and filters.
    pub list_shards_pages: bool,
    /// Kinesis: `UpdateShardCount`.
    pub update_shard_count: bool,
    /// Kinesis: what is no iterator is an `InvalidArgumentException`.
    pub foreign_iterators: bool,
    /// Kinesis: limits per shard and second hold.
    pub limits: bool,
    /// KMS: keys that are disabled or wait for deletion are refused.
    pub key_states: bool,
    /// KMS: `DryRun`.
    pub dry_run: bool,
    /// KMS: ciphertexts of multi-Region keys open.
    pub multi_region: bool,
    /// KMS: a `KeyId` other than the ciphertext's is an `IncorrectKeyException`.
    pub incorrect_key: bool,
}

impl Capabilities {
    /// All of them.
    pub const AWS: Self = Self {
        child_shards: true,
        list_shards_pages: true,
        update_shard_count: true,
        foreign_iterators: true,
        limits: true,
        key_states: true,
        dry_run: true,
        multi_region: true,
        incorrect_key: true,
    };

    /// kinesalite 3.3: no `ChildShards`, no filter or paging, no `UpdateShardCount`, no limits.
    pub const KINESALITE: Self = Self {
        child_shards: false,
        list_shards_pages: false,
        update_shard_count: false,
        limits: false,
        ..Self::AWS
    };

    /// kinesis-local 0.6: no limits, and HTTP 500 for what is no iterator.
    pub const KINESIS_LOCAL: Self = Self {
        foreign_iterators: false,
        limits: false,
        ..Self::AWS
    };

    /// moto 5.2, KMS only: no key states, no dry runs, and multi-Region keys that never decrypt.
    pub const MOTO: Self = Self {
        key_states: false,
        dry_run: false,
        multi_region: false,
        incorrect_key: false,
        ..Self::AWS
    };
}
