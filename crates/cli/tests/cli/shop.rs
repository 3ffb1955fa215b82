//! A small shop in a folder of its own: its policy, its records, and calling the binary in it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use fieldseal_db::{Connect, Database, DbErrorKind, Sql};
use fieldseal_dms::{
    Encoder, PartitionKey, RowRecord, Spelling, Transaction, Wire, mysql_stream_position,
};
use fieldseal_model::{Operation, Position};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Stands in every planted value, and may stand in no output.
pub(crate) const PLANTED: &str = "planted";

const POLICY: &str = r#"
[source]
id = "shop"
engine = "mysql"
files.dir = "source"

[target]
url = "sqlite://target.db"

[keys]
deployment = "test"
local.root_file = "root.key"

[tables."shop.customers"]
key = { id = "integer" }
first_load = "unregistered"
[tables."shop.customers".columns]
email = { seal = "contact", kind = "text", index = [{ name = "exact", normalise = ["trim/1"], column = "email_bidx" }] }
balance = { seal = "payment", kind = "decimal" }
photo = { seal = "identity", kind = "bytes" }
points = "keep"

[tables."shop.orders"]
key = { id = "integer" }
[tables."shop.orders".columns]
note = { seal = "contact", kind = "text" }
"#;

/// A loopback address that this process alone uses, each time with another port. A port of 127.0.0.1
/// that was free a moment ago may be anybody's now: every connection there is lent one.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);
    // Linux numbers processes below 2^22, so `high` is below 64.
    let [_, high, middle, low] = process::id().to_be_bytes();
    let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 64 + high, middle, low], port))
}

/// What a call came to.
pub(crate) struct Called {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Called {
    /// Asserts the exit code; shows all of the output if it is another one.
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    /// The one JSON object on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("one JSON object")
    }

    /// One JSON object per line.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("a JSON object per line");
        self.out.lines().map(parse).collect()
    }
}

pub(crate) struct Shop {
    dir: TempDir,
}

impl Shop {
    /// A folder with a policy and an empty source.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("source")).unwrap();
        fs::write(dir.path().join("policy.toml"), POLICY).unwrap();
        Self { dir }
    }

    /// The same, migrated, with its tables made as `schema` prints them.
    pub(crate) fn ready() -> Self {
        let shop = Self::new();
        shop.call(&["migrate"]).ends_with(0);
        let schema = shop.call(&["schema"]).ends_with(0);
        shop.script(&schema.out);
        shop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces a part of the policy that must be there.
    pub(crate) fn amend_policy(&self, from: &str, to: &str) {
        let path = self.path("policy.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Writes a shard.
    pub(crate) fn write(&self, shard: &str, records: &[Vec<u8>]) {
        fs::write(self.path("source").join(shard), records.concat()).unwrap();
    }

    /// Writes a shard of so many customers, each in a transaction of its own: that takes a while.
    pub(crate) fn write_many(&self, customers: u32) {
        self.amend_policy(
            "files.dir = \"source\"",
            "files.dir = \"source\"\nmax_batch_rows = 1",
        );
        let record = |id: u32| {
            load(
                "customers",
                &customer(&id.to_string(), "planted@example.org"),
            )
        };
        let records: Vec<Vec<u8>> = (1..=customers).map(record).collect();
        self.write("a.jsonl", &records);
    }

    /// Runs SQL in the target.
    pub(crate) fn script(&self, sql: &str) {
        let url = format!("sqlite://{}", self.path("target.db").display());
        let sql = Sql::dynamic(sql.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let database = Database::connect(&url, Connect::default()).await.unwrap();
            database.execute_script(sql).await.unwrap();
            database.close().await;
        });
    }

    /// Does something while nobody else can write to the target.
    pub(crate) fn while_locked(&self, action: impl FnOnce()) {
        let url = format!("sqlite://{}", self.path("target.db").display());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (database, transaction) = runtime.block_on(async {
            let database = Database::connect(&url, Connect::default()).await.unwrap();
            // SQLite takes no turns: a worker that commits without pause may keep it away too long.
            let transaction = loop {
                match database.begin().await {
                    Ok(transaction) => break transaction,
                    Err(error) => assert_eq!(error.kind(), DbErrorKind::Contention),
                }
            };
            (database, transaction)
        });
        // Also where the action fails, and all of this is dropped.
        let _inside = runtime.enter();
        action();
        runtime.block_on(async {
            transaction.rollback().await.unwrap();
            database.close().await;
        });
    }

    /// The binary, in the folder, with the policy in the environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = binary(self.dir.path());
        command.env("FIELDSEAL_CONFIG", "policy.toml").args(args);
        command
    }

    /// Calls the binary; no planted value may be in what it says.
    pub(crate) fn call(&self, args: &[&str]) -> Called {
        let called = self.call_revealing(args);
        for (name, text) in [("stdout", &called.out), ("stderr", &called.err)] {
            let clear = text.to_lowercase();
            assert!(
                !clear.contains(PLANTED),
                "{args:?} {name} holds a value:\n{text}"
            );
        }
        called
    }

    /// Calls the binary for output that holds values.
    pub(crate) fn call_revealing(&self, args: &[&str]) -> Called {
        finished(&mut self.command(args))
    }
}

/// A process that is ended with the test, also with one that fails.
pub(crate) struct Service(pub(crate) Child);

impl Service {
    /// Sends a signal and answers the exit code that follows.
    pub(crate) fn ends_by(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The binary in `dir`, without any of the caller's settings.
pub(crate) fn binary(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldseal"));
    command
        .current_dir(dir)
        .env_clear()
        .env("COLUMNS", "100")
        .stdin(Stdio::null());
    command
}

pub(crate) fn finished(command: &mut Command) -> Called {
    let output = command.output().unwrap();
    Called {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) type Cells<'a> = [(&'a str, Wire<'a>)];

/// A row of a full load.
pub(crate) fn load(table: &str, cells: &Cells<'_>) -> Vec<u8> {
    record(table, Operation::Load, None, cells, None)
}

/// A change at `file`:`offset`, the first of its transaction.
pub(crate) fn change(
    table: &str,
    operation: Operation,
    (file, offset): (u32, u32),
    cells: &Cells<'_>,
    before: Option<&Cells<'_>>,
) -> Vec<u8> {
    let at = Position::mysql(file, offset);
    record(table, operation, Some(at), cells, before)
}

fn record(
    table: &str,
    operation: Operation,
    at: Option<Position>,
    cells: &Cells<'_>,
    before: Option<&Cells<'_>>,
) -> Vec<u8> {
    let place = at.map(|at| {
        let offset = at.offset();
        mysql_stream_position("mysql-bin", at, offset, offset + 10, offset + 20)
    });
    let transaction = at.zip(place.as_deref()).map(|(at, place)| Transaction {
        id: at.0,
        record: 1,
        previous: None,
        commit_timestamp: "2024-05-01T10:00:00.000000Z",
        stream_position: place,
    });
    Encoder::new(Spelling::Compact).row(&RowRecord {
        operation,
        schema: "shop",
        table,
        timestamp: "2024-05-01T10:00:00.000000Z",
        partition_key: PartitionKey::SchemaTable,
        transaction,
        data: cells,
        before,
    })
}

/// All columns of a customer.
pub(crate) fn customer<'a>(id: &'a str, email: &'a str) -> [(&'a str, Wire<'a>); 5] {
    [
        ("id", Wire::Number(id)),
        ("email", Wire::Text(email)),
        ("balance", Wire::Text("1234567890123456789012.50")),
        ("photo", Wire::Bytes(b"\x00planted photo")),
        ("points", Wire::Number("7")),
    ]
}

/// All columns of an order.
pub(crate) fn order<'a>(id: &'a str, note: &'a str) -> [(&'a str, Wire<'a>); 2] {
    [("id", Wire::Number(id)), ("note", Wire::Text(note))]
}
