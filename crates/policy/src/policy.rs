//! The checked policy and its small sections: source, target, keys, admin. Owns their shape;
//! tables are in `table`, and what is allowed is decided in `check`.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use fieldseal_envelope::Domain;
use fieldseal_model::{Engine, SequenceNumber, TableName};

use crate::table::{Table, Treatment};

/// A policy without a mistake. Only [`Policy::parse`] makes one, and nothing changes it.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) source: Source,
    pub(crate) target: Target,
    pub(crate) keys: Keys,
    /// By id.
    pub(crate) tables: Vec<Table>,
    pub(crate) unlisted_tables: UnlistedTables,
    pub(crate) admin: Option<SocketAddr>,
}

impl Policy {
    /// Where the records come from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Where the sealed rows go.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Which keys seal.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The tables in the order of their ids, which is also the order of their locks. Never empty.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// What becomes of a record whose table is not in the policy.
    #[must_use]
    pub const fn unlisted_tables(&self) -> UnlistedTables {
        self.unlisted_tables
    }

    /// Where health, readiness and metrics are served, if anywhere.
    #[must_use]
    pub const fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// The table whose records bear `name`; compared byte for byte.
    #[must_use]
    pub fn table_by_source(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.source == *name)
    }

    /// The table with this id.
    #[must_use]
    pub fn table_by_id(&self, id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.id.as_str() == id)
    }

    /// Every domain that a column is sealed in. The quarantine's own domain is not among them.
    #[must_use]
    pub fn domains(&self) -> BTreeSet<&str> {
        let columns = self.tables.iter().flat_map(|table| &table.columns);
        columns
            .filter_map(|column| match &column.treatment {
                Treatment::Seal(seal) => Some(Domain::as_str(&seal.domain)),
                Treatment::Keep | Treatment::Drop => None,
            })
            .collect()
    }
}

/// `[source]`: where the records come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Source {
    /// The source's permanent name; quarantined records are sealed with it.
    pub id: String,
    /// The database that DMS reads, which decides what a position is.
    pub engine: Engine,
    /// How the records are read.
    pub kind: SourceKind,
    /// Where the URL of the database that DMS reads is written, if Fieldseal may ask it.
    pub url: Option<Location>,
    /// Whether a connection to it without TLS to another host is allowed.
    pub insecure: bool,
    /// A batch closes at this many records.
    pub max_batch_rows: u32,
    /// A batch closes at this many bytes of records.
    pub max_batch_bytes: u64,
}

/// How the records are read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceKind {
    /// A folder of recorded DMS output, each file a shard.
    Files {
        /// The folder. A relative path starts at the folder of the policy file.
        dir: PathBuf,
    },
    /// A Kinesis data stream that DMS writes to.
    Kinesis {
        /// Its ARN or its name.
        stream: String,
        /// The ARN's region, else the one the policy names.
        region: Option<String>,
        /// Another endpoint than AWS's own; without TLS only on this machine.
        endpoint: Option<String>,
        /// Where shards that were never read are begun.
        start: StreamStart,
        /// How many calls a second are made for one shard.
        reads_per_second: u32,
        /// How many bytes a second are read from one shard.
        read_bytes_per_second: u64,
    },
}

/// Where shards that were never read are begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StreamStart {
    /// At the oldest record that the stream still holds.
    #[default]
    TrimHorizon,
    /// At the first record that arrived at or after this moment, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// At the record with this number. A number belongs to one shard: only for a stream of one.
    Sequence(SequenceNumber),
}

/// `[target]`: the new database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Where its URL is written.
    pub url: Location,
    /// Whether a connection without TLS to another host is allowed.
    pub insecure: bool,
}

/// Where a URL that may hold a password is written.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// In the policy itself; it holds no password.
    Literal(String),
    /// In the environment variable of this name.
    Env(String),
    /// In this file. A relative path starts at the folder of the policy file.
    File(PathBuf),
}

impl fmt::Debug for Location {
    /// Never the URL itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("Literal(..)"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// `[keys]`: which keys seal, and how long they may be used and remembered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Keys {
    /// The deployment's permanent name, part of every wrap's context.
    pub deployment: String,
    /// Who wraps data keys.
    pub provider: KeyProvider,
    /// An opened data key is forgotten after this many seconds.
    pub cache_max_age_seconds: u32,
    /// How many values one data key may seal, over the whole fleet; at most 2^30.
    pub max_uses: u32,
    /// Bytes of nonce drawn ahead per thread, at most 256; 0 on hosts that resume copies of one
    /// memory image.
    pub nonce_pool: u16,
}

/// Who wraps data keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyProvider {
    /// A root key file on this machine.
    Local {
        /// The file. A relative path starts at the folder of the policy file.
        root_file: PathBuf,
    },
    /// A key of AWS Key Management Service.
    AwsKms {
        /// The key that wraps: an ARN, a key id or an alias.
        key: String,
        /// Keys, mostly of other regions, under which every data key is wrapped once more.
        second_keys: Vec<SecondKey>,
        /// The region of `key`: its ARN's, else the one the policy names.
        region: Option<String>,
        /// Another endpoint than AWS's own for `key`; without TLS only on this machine.
        endpoint: Option<String>,
    },
}

/// A further key of AWS Key Management Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondKey {
    /// Its ARN.
    pub key: String,
    /// Another endpoint than AWS's own for this key; without TLS only on this machine.
    pub endpoint: Option<String>,
}

/// What becomes of a record whose table is not in the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlistedTables {
    /// Its shard stops with an error that names the table.
    #[default]
    Stop,
    /// It is counted and skipped.
    Skip,
}
