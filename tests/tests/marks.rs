//! Marks on a stream, from the commands that put them: a full load and a new epoch by the binary,
//! with a shard that is split between them. What a mark means to records is shown elsewhere; here
//! that every open shard gets one, and that the commands and a worker agree on where it lies.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::collections::BTreeMap;

use aws_sdk_kinesis::types::ShardIteratorType;
use fieldseal_dms::{MARK, Wire};
use fieldseal_tests::aws::doubles::STREAM;
use fieldseal_tests::aws::folder::{Folder, TABLE};
use fieldseal_tests::aws::stream::Stream;
use fieldseal_tests::harness::binary::Running;
use fieldseal_tests::harness::records;

/// Behind change 50 and before change 60.
const L: &str = "mysql-bin.000007:60000";

/// The folder of the binary, with an empty target, and the stream that its policy names.
struct Place {
    folder: Folder,
    stream: Stream,
}

impl Place {
    async fn new(shards: u32) -> Self {
        let stream = Stream::start(shards).await;
        let keys = "local.root_file = \"root.key\"";
        let folder = Folder::new(&stream.double.endpoint(), keys);
        folder.make_tables().await;
        Self { folder, stream }
    }

    /// Calls the binary, which must do what it is told; answers what it printed.
    fn ends(&self, args: &[&str]) -> String {
        let [out, _] = self.folder.ends(args, 0);
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
        self.stream.put(&format!("{TABLE}.{id}"), data).await;
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

    /// How many marks each shard holds, in the order of ids.
    async fn marks(&self) -> Vec<usize> {
        let mut counts = Vec::new();
        let client = self.stream.client();
        for shard in self.stream.shards().await {
            let iterator = client.get_shard_iterator().stream_name(STREAM);
            let iterator = iterator
                .shard_id(shard.shard_id())
                .shard_iterator_type(ShardIteratorType::TrimHorizon);
            let mut next = iterator.send().await.unwrap().shard_iterator;
            let mut count = 0;
            while let Some(iterator) = next {
                let read = client.get_records().shard_iterator(iterator);
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
}

fn cells<'a>(id: &'a str, note: &'a str) -> [(&'a str, Wire<'a>); 2] {
    [("id", Wire::Number(id)), ("note", Wire::Text(note))]
}

fn of(ids: std::ops::RangeInclusive<u64>, note: &str) -> BTreeMap<u64, String> {
    ids.map(|id| (id, note.to_owned())).collect()
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
    let mut worker = Running::start(place.folder.command(&["run"]));
    let said = place.ends(&["generation", "complete", "--all"]);
    assert!(said.contains("is complete"), "{said}");
    assert_eq!(place.marks().await, [2, 2]);
    assert_eq!(worker.ends(), Some(0));
    let said = place.ends(&["generation", "sweep", "--all"]);
    assert!(said.contains("swept 5 rows"), "{said}");
    assert_eq!(place.rows(), of(1..=15, "again"));

    // The log falls back; in the new epoch a change at a lower place is newer.
    place.stream.split_first().await;
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
