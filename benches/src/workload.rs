//! The workload: a table of twelve columns of which six are sealed, its records, its policy, and
//! a source that hands the records out of memory.

use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_db::{Connect, Database, run_migrations};
use fieldseal_dms::{
    Encoder, PartitionKey, RowRecord, Spelling, Transaction, Wire, mysql_stream_position,
};
use fieldseal_keys::{KeyProvider, Keyring, KeyringSettings, LocalProvider};
use fieldseal_keystore::DbKeyStore;
use fieldseal_model::{Operation, Plaintext, Position, SequenceNumber};
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, RecordSource, ShardInfo, ShardReader, SourceError,
    StreamRecord,
};
use fieldseal_policy::Policy;
use tempfile::TempDir;

use crate::report::Failure;

const POLICY: &str = r#"
[source]
id = "bench"
engine = "mysql"
files = { dir = "source" }
unlisted_tables = "stop"

[target]
url = "sqlite://target.db"

[keys]
deployment = "bench"
local = { root_file = "root.key" }

[tables."shop.customers"]
key = { id = "integer" }
first_load = "unregistered"

[tables."shop.customers".columns]
full_name  = { seal = "identity", kind = "text" }
birth_date = { seal = "identity", kind = "date" }
email      = { seal = "contact", kind = "text" }
phone      = { seal = "contact", kind = "text" }
address    = { seal = "contact", kind = "text" }
notes      = { seal = "contact", kind = "text" }
status     = "keep"
country    = "keep"
visits     = "keep"
credit     = "keep"
created_at = "keep"
"#;

/// The name of the table in the target.
pub(crate) const TABLE: &str = "customers";

/// Which records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Full load.
    Loads,
    /// Inserts with everything that orders a change.
    Inserts,
}

pub(crate) fn policy() -> Result<Policy, Failure> {
    Policy::parse(POLICY).map_err(|mistakes| Failure(mistakes.in_file("the bench's policy")))
}

/// The record of row `number`, from 0, as DMS writes it without formatting.
pub(crate) fn record(number: u64, traffic: Traffic) -> Vec<u8> {
    let id = (number + 1).to_string();
    let mixed = mixed(number);
    let Personal {
        name,
        born,
        email,
        phone,
        address,
        notes,
    } = Personal::of(number);
    let visits = (mixed % 500).to_string();
    let credit = (mixed % 100_000).to_string();
    let created = format!(
        "2024-{:02}-{:02}T{:02}:30:15.250000Z",
        mixed % 12 + 1,
        mixed % 28 + 1,
        mixed % 24
    );
    let data = [
        ("id", Wire::Number(&id)),
        ("full_name", Wire::Text(&name)),
        ("birth_date", Wire::Text(&born)),
        ("email", Wire::Text(&email)),
        ("phone", Wire::Text(&phone)),
        ("address", Wire::Text(&address)),
        ("notes", Wire::Text(&notes)),
        (
            "status",
            Wire::Text(if mixed.is_multiple_of(7) {
                "dormant"
            } else {
                "active"
            }),
        ),
        ("country", Wire::Text("DE")),
        ("visits", Wire::Number(&visits)),
        ("credit", Wire::Number(&credit)),
        ("created_at", Wire::Text(&created)),
    ];
    let offset = u32::try_from(number % 1_000_000_000).unwrap_or_default() + 200;
    let position = Position::mysql(7, offset);
    let place = mysql_stream_position("bin", position, offset, offset, offset + 90);
    let transaction = Transaction {
        id: position.0,
        record: 1,
        previous: None,
        commit_timestamp: "2026-01-02T03:04:05.000000Z",
        stream_position: &place,
    };
    let load = traffic == Traffic::Loads;
    Encoder::new(Spelling::Compact).row(&RowRecord {
        operation: if load {
            Operation::Load
        } else {
            Operation::Insert
        },
        schema: "shop",
        table: TABLE,
        timestamp: "2026-01-02T03:04:05.678901Z",
        partition_key: PartitionKey::PrimaryKey(&id),
        transaction: (!load).then_some(transaction),
        data: &data,
        before: None,
    })
}

/// What is sealed of a row.
pub(crate) struct Personal {
    pub(crate) name: String,
    pub(crate) born: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) address: String,
    pub(crate) notes: String,
}

impl Personal {
    /// Of row `number`, from 0.
    pub(crate) fn of(number: u64) -> Self {
        let mixed = mixed(number);
        let name = format!("{} van der {}", NAMES[at(mixed, 0)], NAMES[at(mixed, 5)]);
        let born = format!(
            "19{:02}-{:02}-{:02}",
            mixed % 100,
            mixed % 12 + 1,
            mixed % 28 + 1
        );
        let email = format!("{}.{mixed}@mail.example.org", NAMES[at(mixed, 5)]);
        let phone = format!("+49 30 {:09}", mixed % 1_000_000_000);
        let address = format!(
            "{} {} Street, 10{:03} Berlin",
            mixed % 200,
            NAMES[at(mixed, 9)],
            mixed % 1_000
        );
        let notes = format!("prefers deliveries after {} o'clock", mixed % 12 + 8);
        Self {
            name,
            born,
            email,
            phone,
            address,
            notes,
        }
    }
}

/// Spreads values without a generator of random numbers: neighbours differ.
const fn mixed(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

const NAMES: [&str; 16] = [
    "Ada",
    "Blaise",
    "Chandra",
    "Dmitri",
    "Emmy",
    "Fatima",
    "Grace",
    "Hedy",
    "Ibn",
    "Julia",
    "Katherine",
    "Leonhard",
    "Mileva",
    "Noether",
    "Omar",
    "Pascal",
];

fn at(mixed: u64, shift: u32) -> usize {
    usize::try_from(mixed >> shift).unwrap_or_default() % NAMES.len()
}

/// Records in memory, spread over shards as a stream spreads them.
#[derive(Clone)]
pub(crate) struct MemorySource {
    shards: Vec<Arc<Vec<Vec<u8>>>>,
}

impl MemorySource {
    pub(crate) fn new(rows: usize, shards: usize, traffic: Traffic) -> Self {
        let mut filled = vec![Vec::with_capacity(rows / shards + 1); shards];
        for (number, row) in (0..rows as u64).zip(0..) {
            let row: usize = row;
            filled[row % shards].push(record(number, traffic));
        }
        Self {
            shards: filled.into_iter().map(Arc::new).collect(),
        }
    }

    /// The length of all records.
    pub(crate) fn bytes(&self) -> usize {
        self.shards
            .iter()
            .flat_map(|shard| shard.iter())
            .map(Vec::len)
            .sum()
    }
}

fn name(shard: usize) -> String {
    format!("shard-{shard}")
}

#[async_trait]
impl RecordSource for MemorySource {
    type Reader = MemoryReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let shard = |number| ShardInfo {
            name: name(number),
            parents: Vec::new(),
        };
        Ok((0..self.shards.len()).map(shard).collect())
    }

    async fn open(&self, shard: &str, _: &SequenceNumber) -> Result<MemoryReader, SourceError> {
        let number = (0..self.shards.len()).find(|number| name(*number) == shard);
        let records = number.map(|number| Arc::clone(&self.shards[number]));
        records
            .map(|records| MemoryReader { records, next: 0 })
            .ok_or(SourceError {
                what: "no such shard".to_owned(),
                transient: false,
                lost: false,
            })
    }

    async fn mark(&self, _: &str) -> Result<Option<SequenceNumber>, SourceError> {
        Ok(None)
    }
}

/// Hands out copies, as every source makes them.
pub(crate) struct MemoryReader {
    records: Arc<Vec<Vec<u8>>>,
    next: usize,
}

#[async_trait]
impl ShardReader for MemoryReader {
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let end = (self.next + limits.records).min(self.records.len());
        let records = (self.next..end)
            .map(|number| StreamRecord {
                sequence: SequenceNumber::from(number as u64 + 1),
                data: Plaintext::new(self.records[number].clone()),
            })
            .collect();
        self.next = end;
        let state = if end == self.records.len() {
            ReaderState::Closed
        } else {
            ReaderState::More
        };
        Ok(Fetched {
            records,
            state,
            lag: None,
        })
    }
}

/// A real keyring over a SQLite key store in a folder of its own.
pub(crate) struct Keys {
    pub(crate) keyring: Arc<Keyring>,
    _folder: TempDir,
}

impl Keys {
    /// Under a root key file.
    pub(crate) async fn make() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let provider = LocalProvider::create(&folder.path().join("root.key"));
        let provider = provider.map_err(|error| failed(&error))?;
        Self::under(vec![Arc::new(provider)], KeyringSettings::default()).await
    }

    /// Under the keys of these.
    pub(crate) async fn under(
        providers: Vec<Arc<dyn KeyProvider>>,
        settings: KeyringSettings,
    ) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("keys.db").display());
        let connect = Connect {
            create: true,
            ..Connect::default()
        };
        let database = Database::connect(&url, connect)
            .await
            .map_err(|error| failed(&error))?;
        run_migrations(
            &database,
            fieldseal_keystore::migrations(database.dialect()),
        )
        .await
        .map_err(|error| failed(&error))?;
        let store = Arc::new(DbKeyStore::new(database));
        let keyring = Keyring::new("bench", providers, store, settings).await;
        Ok(Self {
            keyring: Arc::new(keyring.map_err(|error| failed(&error))?),
            _folder: folder,
        })
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::of("making the keys", &error)
}
