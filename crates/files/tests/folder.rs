//! Folders of files, read through the port.
#![allow(clippy::unwrap_used, reason = "a panic is the failure")]

use std::fs;
use std::io::Write;
use std::path::Path;

use fieldseal_files::{FileReader, FolderSource, MAX_RECORD_BYTES, Tail};
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{BatchLimits, ReaderState, RecordSource, ShardReader};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

const LIMITS: BatchLimits = BatchLimits {
    records: 3,
    bytes: 1 << 20,
};

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// Record `number`, of varying length, in one of DMS's layouts.
fn record(number: usize) -> String {
    let text = "ż".repeat(number * 7 % 50);
    match number % 3 {
        0 => format!("{{\n\t\"data\":\t{{\n\t\t\"id\":\t{number}\n\t}},\n\t\"n\":\t\"{text}\"\n}}"),
        1 => format!("{{\"data\":{{\"id\":{number}}},\"n\":\"{text}\"}}\n"),
        _ => format!("{{\"data\":{{\"id\":{number}}},\"n\":\"{text}\"}}\r\n"),
    }
}

fn records(count: usize) -> (String, Vec<String>) {
    let all: Vec<String> = (0..count).map(record).collect();
    let trimmed = all.iter().map(|one| one.trim_end().to_owned()).collect();
    (all.concat(), trimmed)
}

async fn open(dir: &TempDir, tail: Tail, shard: &str, after: u64) -> FileReader {
    let source = FolderSource::new(dir.path(), tail);
    source.open(shard, &after.into()).await.unwrap()
}

/// Reads until the reader has caught up.
async fn drain(reader: &mut FileReader) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    loop {
        let fetched = reader.next(LIMITS).await.unwrap();
        assert!(fetched.records.len() <= LIMITS.records);
        for one in fetched.records {
            let text = String::from_utf8(one.data.expose().to_vec()).unwrap();
            all.push((one.sequence.as_str().parse().unwrap(), text));
        }
        match fetched.state {
            ReaderState::More => {}
            ReaderState::CaughtUp => return all,
            ReaderState::Closed => panic!("files may grow"),
        }
    }
}

fn texts(records: Vec<(u64, String)>) -> Vec<String> {
    records.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test]
async fn shards_are_the_files_of_known_names_sorted() {
    let dir = folder(&[
        ("b.jsonl", b""),
        ("a.json.gz", b""),
        ("c.jsonl.gz", b""),
        ("a.json", b""),
        (".hidden.json", b""),
        ("README.md", b""),
        ("a.json.tmp", b""),
    ]);
    fs::create_dir(dir.path().join("folder.json")).unwrap();
    let source = FolderSource::new(dir.path(), Tail::Wait);
    let shards = source.shards().await.unwrap();
    let names: Vec<&str> = shards.iter().map(|shard| shard.name.as_str()).collect();
    assert_eq!(names, ["a.json", "a.json.gz", "b.jsonl", "c.jsonl.gz"]);
    assert!(shards.iter().all(|shard| shard.parents.is_empty()));

    let gone = FolderSource::new(dir.path().join("gone"), Tail::Wait);
    let error = gone.shards().await.unwrap_err();
    assert!(
        !error.transient && error.what.contains("cannot list"),
        "{error}"
    );
}

#[tokio::test]
async fn names_do_not_lead_out_of_the_folder() {
    let dir = folder(&[("a.json", b"")]);
    fs::create_dir(dir.path().join("in")).unwrap();
    let source = FolderSource::new(dir.path().join("in"), Tail::Wait);
    for name in ["../a.json", "/a.json", "..\\a.json", ".a.json", "a.txt", ""] {
        let opened = source.open(name, &SequenceNumber::start()).await;
        let error = opened.err().expect("refused");
        assert!(error.what.contains("is no shard"), "{error}");
        assert!(source.mark(name).await.is_err());
    }
}

#[tokio::test]
async fn reading_on_from_every_record_plain_and_gzip() {
    let (bytes, expected) = records(40);
    let (first, second) = bytes.as_bytes().split_at(bytes.len() / 3);
    let members = [gzip(first), gzip(second)].concat();
    let dir = folder(&[("p.json", bytes.as_bytes()), ("g.json.gz", &members)]);
    for shard in ["p.json", "g.json.gz"] {
        let mut reader = open(&dir, Tail::Wait, shard, 0).await;
        let whole = drain(&mut reader).await;
        assert_eq!(texts(whole.clone()), expected, "{shard}");
        for (number, (after, _)) in whole.iter().enumerate() {
            let mut reader = open(&dir, Tail::Wait, shard, *after).await;
            assert_eq!(
                drain(&mut reader).await[..],
                whole[number + 1..],
                "{shard} {after}"
            );
        }
        let mark = FolderSource::new(dir.path(), Tail::Wait)
            .mark(shard)
            .await
            .unwrap();
        let end = bytes.trim_ascii_end().len() as u64;
        assert_eq!(mark, Some(end.into()));
    }
}

#[tokio::test]
async fn a_batch_ends_at_its_bytes_but_holds_a_record() {
    let (bytes, expected) = records(5);
    let dir = folder(&[("a.json", bytes.as_bytes())]);
    let mut reader = open(&dir, Tail::Wait, "a.json", 0).await;
    let limits = BatchLimits {
        records: 100,
        bytes: 1,
    };
    let mut lags = Vec::new();
    for one in &expected {
        let fetched = reader.next(limits).await.unwrap();
        assert_eq!(fetched.records.len(), 1);
        assert_eq!(fetched.records[0].data.expose(), one.as_bytes());
        lags.push(fetched.lag.unwrap());
    }
    assert!(lags.is_sorted_by(|a, b| a > b) && lags[4] < 3, "{lags:?}");
}

#[tokio::test]
async fn a_growing_file_is_read_on_and_its_tail_waited_for() {
    let dir = folder(&[("a.json", b"{\"a\":1}\n{\"b\":")]);
    let mut reader = open(&dir, Tail::Wait, "a.json", 0).await;
    assert_eq!(texts(drain(&mut reader).await), ["{\"a\":1}"]);
    let again = reader.next(LIMITS).await.unwrap();
    assert!(again.records.is_empty() && again.lag == Some(5));
    append(&dir.path().join("a.json"), b"2}{\"c\":3}no object");
    assert_eq!(texts(drain(&mut reader).await), ["{\"b\":2}", "{\"c\":3}"]);
    append(&dir.path().join("a.json"), b"\n");
    assert_eq!(drain(&mut reader).await, [(31, "no object".to_owned())]);
}

#[tokio::test]
async fn a_tail_is_delivered_when_asked_for() {
    let dir = folder(&[("a.json", b"{\"a\":1}\n{\"b\":{ \n"), ("b.json", b"}x")]);
    let mut reader = open(&dir, Tail::Deliver, "a.json", 0).await;
    assert_eq!(texts(drain(&mut reader).await), ["{\"a\":1}", "{\"b\":{"]);
    assert!(drain(&mut reader).await.is_empty());
    let mut reader = open(&dir, Tail::Deliver, "b.json", 0).await;
    assert_eq!(drain(&mut reader).await, [(2, "}x".to_owned())]);
}

#[tokio::test]
async fn gzip_tails() {
    let whole = gzip(b"{\"a\":1}\n{\"b\":");
    let dir = folder(&[("a.json.gz", &whole)]);
    // The gzip data is complete: nothing to wait for.
    let mut reader = open(&dir, Tail::Wait, "a.json.gz", 0).await;
    assert_eq!(texts(drain(&mut reader).await), ["{\"a\":1}", "{\"b\":"]);

    let cut = &whole[..whole.len() - 3];
    fs::write(dir.path().join("cut.json.gz"), cut).unwrap();
    let mut reader = open(&dir, Tail::Deliver, "cut.json.gz", 0).await;
    let fetched = reader.next(LIMITS).await.unwrap();
    assert_eq!(fetched.records.len(), 1);
    let error = reader.next(LIMITS).await.err().expect("cut");
    assert!(
        !error.transient && error.what.contains("incomplete gzip"),
        "{error}"
    );

    let mut reader = open(&dir, Tail::Wait, "cut.json.gz", 0).await;
    assert_eq!(texts(drain(&mut reader).await), ["{\"a\":1}"]);
    append(&dir.path().join("cut.json.gz"), &whole[whole.len() - 3..]);
    append(&dir.path().join("cut.json.gz"), &gzip(b"2}\n"));
    assert_eq!(texts(drain(&mut reader).await), ["{\"b\":2}"]);
}

#[tokio::test]
async fn damaged_gzip_is_an_error_each_time() {
    let mut bytes = gzip(b"{\"a\":1}\n{\"b\":2}\n");
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let dir = folder(&[("a.json.gz", &bytes), ("b.json.gz", b"not gzip at all")]);
    for (shard, records) in [("a.json.gz", 2), ("b.json.gz", 0)] {
        let mut reader = open(&dir, Tail::Deliver, shard, 0).await;
        if records > 0 {
            let fetched = reader.next(LIMITS).await.unwrap();
            assert_eq!(
                (fetched.records.len(), fetched.state),
                (2, ReaderState::More)
            );
        }
        for _ in 0..3 {
            let error = reader.next(LIMITS).await.err().expect("damaged");
            assert!(
                !error.transient && error.what.contains("is damaged"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_shrunk_file_is_an_error() {
    let (bytes, _) = records(9);
    let dir = folder(&[
        ("a.json", bytes.as_bytes()),
        ("g.json.gz", &gzip(bytes.as_bytes())),
    ]);
    let behind = SequenceNumber::from(bytes.len() as u64 + 1);
    let source = FolderSource::new(dir.path(), Tail::Wait);
    for shard in ["a.json", "g.json.gz"] {
        let error = source.open(shard, &behind).await.err().expect("shrunk");
        assert!(
            !error.transient && error.what.contains("ends before offset"),
            "{error}"
        );
    }
    let mut reader = open(&dir, Tail::Wait, "a.json", 0).await;
    assert_eq!(drain(&mut reader).await.len(), 9);
    fs::write(dir.path().join("a.json"), b"{}").unwrap();
    let error = reader.next(LIMITS).await.err().expect("shrunk");
    assert!(error.what.contains("ends before offset"), "{error}");

    let kinesis: SequenceNumber = "49664459213214506049272029928136046394554240732946"
        .parse()
        .unwrap();
    let error = source
        .open("a.json", &kinesis)
        .await
        .err()
        .expect("no offset");
    assert!(error.what.contains("another kind of source"), "{error}");
}

#[tokio::test]
async fn a_record_longer_than_the_limit_stops_its_shard_only() {
    let mut long = b"{\"a\":1}\n  {\"x\":\"".to_vec();
    long.resize(MAX_RECORD_BYTES + 100, b'x');
    long.extend_from_slice(b"\"}\n{\"b\":2}\n");
    let fits = [
        b"{\"x\":\"",
        vec![b'x'; MAX_RECORD_BYTES - 8].as_slice(),
        b"\"}",
    ]
    .concat();
    assert_eq!(fits.len(), MAX_RECORD_BYTES);
    let dir = folder(&[
        ("long.json", &long),
        ("fits.json", &fits),
        ("other.json", b"{}"),
    ]);
    let mut reader = open(&dir, Tail::Deliver, "long.json", 0).await;
    assert_eq!(reader.next(LIMITS).await.unwrap().records.len(), 1);
    for _ in 0..2 {
        let error = reader.next(LIMITS).await.err().expect("too long");
        let place = format!("offset 10 of {}", dir.path().join("long.json").display());
        assert!(!error.transient && error.what.contains(&place), "{error}");
    }
    for shard in ["fits.json", "other.json"] {
        assert_eq!(
            drain(&mut open(&dir, Tail::Deliver, shard, 0).await)
                .await
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn two_shards_read_in_turn_do_not_disturb_each_other() {
    let (bytes, expected) = records(12);
    let dir = folder(&[
        ("a.json", bytes.as_bytes()),
        ("b.json", b"broken\n{\"b\":1}"),
    ]);
    let mut a = open(&dir, Tail::Wait, "a.json", 0).await;
    let mut b = open(&dir, Tail::Wait, "b.json", 0).await;
    let first = a.next(LIMITS).await.unwrap();
    assert_eq!(texts(drain(&mut b).await), ["broken", "{\"b\":1}"]);
    assert_eq!(
        first.records.len() + drain(&mut a).await.len(),
        expected.len()
    );
}

#[tokio::test]
async fn a_caller_that_stops_waiting_loses_nothing() {
    let (bytes, expected) = records(30);
    let dir = folder(&[("a.json", bytes.as_bytes())]);
    let mut reader = open(&dir, Tail::Wait, "a.json", 0).await;
    let mut all = Vec::new();
    while all.len() < expected.len() {
        // Polled once and dropped: the read it began goes on without it, or brought its records.
        let once = tokio::select! {
            biased;
            fetched = reader.next(LIMITS) => Some(fetched.unwrap()),
            () = std::future::ready(()) => None,
        };
        let fetched = match once {
            Some(fetched) => fetched,
            None => reader.next(LIMITS).await.unwrap(),
        };
        for one in fetched.records {
            all.push(String::from_utf8(one.data.expose().to_vec()).unwrap());
        }
    }
    assert_eq!(all, expected);
}
