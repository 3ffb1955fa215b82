//! The file itself and its sections `[source]`, `[target]`, `[keys]` and `[admin]`.

use fieldseal_model::Engine;

use crate::policy::UnlistedTables;
use crate::spelling::aws::{AwsKmsSection, KinesisSection};
use crate::spelling::section::section;
use crate::spelling::{Entries, TableSection, Word};

section! {
    /// A policy of Fieldseal: what happens to every column of every table.
    File {
        /// Where the records come from.
        required source: SourceSection,
        /// The new database.
        required target: TargetSection,
        /// Which keys seal.
        required keys: KeysSection,
        /// One section per table, named "schema.table" as records name it.
        required tables: Entries<TableSection>,
        /// The port for health, readiness and metrics; without it there is none.
        optional admin: AdminSection,
    }
}

section! {
    /// Where the records come from. Exactly one of files and kinesis.
    SourceSection {
        /// The source's permanent name: 1 to 64 of a-z, 0-9 and "-".
        required id: String,
        /// The database that DMS reads.
        required engine: Word<Engine>,
        /// A folder of recorded DMS output, each file a shard.
        optional files: FilesSection,
        /// A Kinesis data stream that DMS writes to.
        optional kinesis: KinesisSection,
        /// The URL of the database that DMS reads, without a password; at most one of url, url_env and url_file.
        optional url: String,
        /// The environment variable that holds the URL of the database that DMS reads.
        optional url_env: String,
        /// The file that holds that URL; a relative path starts at the folder of this file.
        optional url_file: String,
        /// Whether a connection without TLS to a source on another host is allowed; default false.
        optional insecure: bool,
        /// What becomes of a record whose table is not in this file; default "stop".
        optional unlisted_tables: Word<UnlistedTables>,
        /// A batch closes at this many records: 1 to 20000, default 8000.
        optional max_batch_rows: u64,
        /// A batch closes at this many bytes of records: 65536 to 67108864, default 8388608.
        optional max_batch_bytes: u64,
    }
}

section! {
    /// A folder of recorded DMS output.
    FilesSection {
        /// The folder; a relative path starts at the folder of this file.
        required dir: String,
    }
}

section! {
    /// The new database. Exactly one of url, url_env and url_file.
    TargetSection {
        /// Its URL, without a password.
        optional url: String,
        /// The environment variable that holds its URL.
        optional url_env: String,
        /// The file that holds its URL; a relative path starts at the folder of this file.
        optional url_file: String,
        /// Whether a connection without TLS to another host is allowed; default false.
        optional insecure: bool,
    }
}

section! {
    /// Which keys seal. Exactly one of local and aws_kms.
    KeysSection {
        /// The deployment's permanent name: 1 to 64 of a-z, 0-9 and "-".
        required deployment: String,
        /// A root key file on this machine.
        optional local: LocalSection,
        /// A key of AWS Key Management Service.
        optional aws_kms: AwsKmsSection,
        /// An opened data key is forgotten after this many seconds: 1 to 86400, default 300.
        optional cache_max_age_seconds: u64,
        /// How many values one data key may seal: 1 to 1073741824 (2^30, the default).
        optional max_uses: u64,
        /// Bytes of nonce drawn ahead per thread: 0 to 256, default 256.
        optional nonce_pool: u64,
    }
}

section! {
    /// A root key file on this machine.
    LocalSection {
        /// The file; a relative path starts at the folder of this file.
        required root_file: String,
    }
}

section! {
    /// The port for health, readiness and metrics.
    AdminSection {
        /// The address with its port, such as "127.0.0.1:9464".
        required listen: String,
    }
}
