//! Marks on a stream, from the commands that put them: a full load and a new epoch by the binary,
//! with a shard that is split between them. What a mark means to records is shown elsewhere; here
//! that every open shard gets one, and that the commands and a worker agree on where it lies.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{Shard, ShardIteratorType};
use fieldseal_dms::{MARK, Wire};
use fieldseal_doubles::{KinesisDouble, KinesisSettings, Limits};
use fieldseal_tests::aws::{OTHERS, REGION, WORKER, reach};
use fieldseal_tests::harness::{binary, records};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const TABLE: &str = "shop.orders";
const STREAM: &str = "shop";

/// Behind change 50 and before change 60.
const L: &str = "mysql-bin.000007:60000";

/// A folder with a policy, keys and an empty target, and the stream that the policy names.
struct Place {
    folder: TempDir,
    double: KinesisDouble,
    producer: Client,
}

impl Place {
    async fn new(shards: u32) -> Self {
        let settings = KinesisSettings {
            limits: Limits::None,
            ..KinesisSettings::default()
        };
        let double = KinesisDouble::start(settings).unwrap();
        double.create_stream(STREAM, shards);
        let endpoint = double.endpoint();
        let producer = Client::new(&reach(&endpoint, OTHERS).await);
        let policy = format!(
            r#"
[source]
id = "shop"
engine = "mysql"
[source.kinesis]
stream = "{STREAM}"
region = "{REGION}"
endpoint = "{endpoint}"
[target]
url = "sqlite://target.db"
[keys]
deployment = "test"
local.root_file = "root.key"
[tables."{TABLE}"]
key = {{ id = "integer" }}
[tables."{TABLE}".columns]
note = {{ seal = "contact", kind = "text" }}
"#
        );
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("policy.toml"), &policy).unwrap();
        let place = Self {
            folder,
            double,
            producer,
        };
        place.ends(&["migrate"]);
        binary::make_tables(&policy, &place.folder.path().join("target.db")).await;
        place
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary::path());
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("FIELDSEAL_CONFIG", "policy.toml")
            .env("AWS_ACCESS_KEY_ID", WORKER)
            .env("AWS_SECRET_ACCESS_KEY", "no secret")
            .args(args);
        command
    }

    /// Calls the binary, which must do what it is told; answers what it printed.
    fn ends(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        let [out, err] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {out}{err}");
        out
    }

    /// The opened notes by id.
    fn rows(&self) -> BTreeMap<u64, String> {
        let lines = self.ends(&["open", "--table", TABLE, "--json"]);
        let row = |line: &str| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let id = row["id"].to_string().trim_matches('"').parse().unwrap();
            (id, row["note"].as_str().unwrap().to_owned())
        };
        lines.lines().map(row).collect()
    }

    async fn put(&self, id: u64, data: Vec<u8>) {
        let put = self.producer.put_record().stream_name(STREAM);
        let put = put.partition_key(format!("{TABLE}.{id}"));
        put.data(Blob::new(data)).send().await.unwrap();
    }

    async fn load(&self, ids: std::ops::RangeInclusive<u64>, note: &str) {
        for id in ids {
            self.put(id, records::load(TABLE, &cells(&id.to_string(), note)))
                .await;
        }
    }

    /// Change `n` gives every one of these rows another note.
    async fn update(&self, n: u32, ids: std::ops::RangeInclusive<u64>, note: &str) {
        for id in ids {
            let text = id.to_string();
            let cells = cells(&text, note);
            self.put(id, records::update(n, TABLE, &cells, &[])).await;
        }
    }

    async fn shards(&self) -> Vec<Shard> {
        let listed = self.producer.list_shards().stream_name(STREAM);
        listed.send().await.unwrap().shards.unwrap()
    }

    /// How many marks each shard holds, in the order of ids.
    async fn marks(&self) -> Vec<usize> {
        let mut counts = Vec::new();
        for shard in self.shards().await {
            let iterator = self.producer.get_shard_iterator().stream_name(STREAM);
            let iterator = iterator
                .shard_id(shard.shard_id())
                .shard_iterator_type(ShardIteratorType::TrimHorizon);
            let mut next = iterator.send().await.unwrap().shard_iterator;
            let mut count = 0;
            while let Some(iterator) = next {
                let read = self.producer.get_records().shard_iterator(iterator);
                let read = read.send().await.unwrap();
                let is_mark = |data: &[u8]| data == MARK;
                count += read
                    .records()
                    .iter()
                    .filter(|r| is_mark(r.data().as_ref()))
                    .count();
                let at_end = read.records().is_empty() && read.millis_behind_latest() == Some(0);
                next = read.next_shard_iterator.filter(|_| !at_end);
            }
            counts.push(count);
        }
        counts
    }

    async fn split_first(&self) {
        let shard = self.shards().await.remove(0);
        let range = shard.hash_key_range().unwrap();
        let end: u128 = range.ending_hash_key().parse().unwrap();
        let split = self.producer.split_shard().stream_name(STREAM);
        let split = split
            .shard_to_split(shard.shard_id())
            .new_starting_hash_key((end / 2).to_string());
        split.send().await.unwrap();
        // Until the stream is `ACTIVE` again.
        self.double.clock().advance(Duration::from_secs(1));
    }
}

fn cells<'a>(id: &'a str, note: &'a str) -> [(&'a str, Wire<'a>); 2] {
    [("id", Wire::Number(id)), ("note", Wire::Text(note))]
}

fn of(ids: std::ops::RangeInclusive<u64>, note: &str) -> BTreeMap<u64, String> {
    ids.map(|id| (id, note.to_owned())).collect()
}

/// A worker that is ended with its test.
struct Worker(Child);

impl Worker {
    fn drain(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_and_an_epoch_are_marked_on_every_open_shard() {
    let place = Place::new(2).await;
    place.update(50, 1..=20, "changed").await;
    place.ends(&["run", "--until-idle"]);
    assert_eq!(place.rows(), of(1..=20, "changed"));

    // A load, without what was deleted at the source meanwhile.
    let begin = ["generation", "begin", "--all", "--capture", "stopped"];
    let said = place.ends(&[&begin[..], &["--position", L]].concat());
    assert!(
        said.contains("behind the present end of 2 shards"),
        "{said}"
    );
    assert_eq!(place.marks().await, [1, 1]);
    place.load(1..=15, "again").await;
    place.ends(&["run", "--until-idle"]);
    let mut both = of(1..=15, "again");
    both.extend(of(16..=20, "changed"));
    assert_eq!(place.rows(), both, "nothing is swept before it is told to");

    // What is applied is known from the worker, which reads the marks as it reads all else.
    let worker = place.command(&["run"]).stderr(Stdio::null()).spawn();
    let worker = Worker(worker.unwrap());
    let said = place.ends(&["generation", "complete", "--all"]);
    assert!(said.contains("is complete"), "{said}");
    assert_eq!(place.marks().await, [2, 2]);
    worker.drain();
    let said = place.ends(&["generation", "sweep", "--all"]);
    assert!(said.contains("swept 5 rows"), "{said}");
    assert_eq!(place.rows(), of(1..=15, "again"));

    // The log falls back; in the new epoch a change at a lower place is newer.
    place.split_first().await;
    let said = place.ends(&["epoch", "begin"]);
    assert!(said.contains("at the present end of 4 shards"), "{said}");
    assert_eq!(place.marks().await, [2, 3, 1, 1], "a closed shard has none");
    place.update(2, 1..=15, "restored").await;
    place.ends(&["run", "--until-idle"]);
    assert_eq!(place.rows(), of(1..=15, "restored"));
    // No mark was taken for a record that cannot be read.
    let held = place.ends(&["quarantine", "list"]);
    assert_eq!(held, "nothing is held\n");
}
