//! `check` and `run` of the binary on a stream that is played over its wire protocol: what is
//! looked at, what is called, and what the admin port says.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use fieldseal_doubles::{KinesisDouble, KinesisSettings, KmsDouble, KmsSettings};
use fieldseal_tests::aws::doubles::STREAM;
use fieldseal_tests::aws::folder::Folder;
use fieldseal_tests::harness::binary::Running;

/// A loopback address that this process alone uses, each time with another port: what is free on
/// 127.0.0.1 now may be lent to a connection before the binary starts.
fn own_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);
    // Linux numbers processes below 2^22, so `high` is below 64.
    let [_, high, middle, low] = process::id().to_be_bytes();
    let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 64 + high, middle, low], port))
}

/// The folder of the binary, which listens for its admin, and the stream that its policy names.
struct Place {
    folder: Folder,
    double: KinesisDouble,
    admin: SocketAddr,
}

impl Place {
    /// Keys under a root key file.
    fn new(shards: u32) -> Self {
        Self::with_keys(shards, "local.root_file = \"root.key\"")
    }

    fn with_keys(shards: u32, keys: &str) -> Self {
        let double = KinesisDouble::start(KinesisSettings::default()).unwrap();
        double.create_stream(STREAM, shards);
        let admin = own_address();
        let further = format!("{keys}\n[admin]\nlisten = \"{admin}\"");
        Self {
            folder: Folder::new(&double.endpoint(), &further),
            double,
            admin,
        }
    }

    /// What the worker tells at its admin port, if that is open yet.
    fn asks(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.admin).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: fieldseal\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Some(answer)
    }

    /// Makes the target's tables as `schema` prints them.
    fn make_tables(&self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(self.folder.make_tables());
    }

    /// Calls the binary and answers what it said.
    fn ends(&self, args: &[&str], code: i32) -> String {
        self.folder.ends(args, code).concat()
    }
}

/// The target has no sealed table, so the check ends with 4; what it says of the stream counts.
#[test]
fn check_reads_each_shard_once_and_marks_only_if_told_to() {
    let place = Place::new(3);
    let calls = place.double.calls();
    let found = place.ends(&["check"], 4);
    assert!(found.contains("3 open shards"), "{found}");
    assert!(found.contains("warning (source)"), "not encrypted: {found}");
    assert!(!found.contains("error (source)"), "{found}");
    assert_eq!(calls.of("GetRecords"), 3);
    assert_eq!(calls.of("PutRecord"), 0);
    place.ends(&["check", "--put-mark"], 4);
    assert_eq!(calls.of("PutRecord"), 1);
}

/// The target is a file and has no clock; the service's answers have one.
#[test]
fn check_compares_the_clock_with_the_services_own() {
    let place = Place::new(1);
    let found = place.ends(&["check"], 4);
    assert!(!found.contains("(clock)"), "{found}");
    place.double.clock().advance(Duration::from_secs(200));
    let found = place.ends(&["check"], 4);
    assert!(found.contains("warning (clock)"), "{found}");
    place.double.clock().advance(Duration::from_secs(200));
    let found = place.ends(&["check"], 4);
    assert!(found.contains("error (clock)"), "{found}");
    assert!(found.contains("s behind AWS's"), "{found}");
}

/// Neither a stream nor a server has a clock here; the answers to the dry runs have one.
#[test]
fn check_compares_the_clock_with_that_of_kms_where_no_stream_is_read() {
    let kms = KmsDouble::start(KmsSettings::default()).unwrap();
    let (key, endpoint) = (kms.create_key("eu-central-1"), kms.endpoint("eu-central-1"));
    let keys = format!("aws_kms = {{ key = \"{key}\", endpoint = \"{endpoint}\" }}");
    let place = Place::with_keys(1, &keys);
    let path = place.folder.policy();
    let text = fs::read_to_string(&path).unwrap();
    let (before, stream) = text.split_once("[source.kinesis]").unwrap();
    let (_, behind) = stream.split_once("[target]").unwrap();
    let text = format!("{before}files.dir = \"source\"\n[target]{behind}");
    fs::write(&path, text).unwrap();
    fs::create_dir(place.folder.path("source")).unwrap();

    let found = place.ends(&["check"], 4);
    assert!(!found.contains("(clock)"), "{found}");
    kms.clock().advance(Duration::from_secs(200));
    let found = place.ends(&["check"], 4);
    assert!(found.contains("warning (clock)"), "{found}");
    assert!(found.contains("s behind AWS's"), "{found}");
    assert_eq!(found.matches("(clock)").count(), 1, "said once: {found}");
}

/// A dry run of each call for each domain: a role that lacks one is found before a load needs it.
#[test]
fn check_says_which_kms_call_would_be_refused() {
    const REGION: &str = "eu-central-1";
    let kms = KmsDouble::start(KmsSettings::default()).unwrap();
    let key = kms.create_key(REGION);
    let endpoint = kms.endpoint(REGION);
    let keys = format!("aws_kms = {{ key = \"{key}\", endpoint = \"{endpoint}\" }}");
    let place = Place::with_keys(1, &keys);
    let found = place.ends(&["check"], 4);
    assert!(!found.contains("error (keys)"), "{found}");
    kms.require_context(&key, &[("fieldseal:domain", "quarantine")]);
    let found = place.ends(&["check"], 4);
    for call in ["GenerateDataKey", "Decrypt"] {
        let refused = format!("domain contact, purpose seal: kms:{call} under {key} would fail");
        assert!(found.contains(&refused), "{found}");
    }
    // Nothing else: what holds records may be used, and a key that is alone needs no `Encrypt`.
    assert_eq!(found.matches("would fail").count(), 2, "{found}");
}

/// While the first key is away the second one makes data keys, and what it made is wrapped under
/// the first once that is back: each of two keys needs all three.
#[test]
fn check_asks_every_call_of_each_of_two_keys() {
    let settings = KmsSettings {
        regions: ["eu-central-1", "eu-west-1"].map(str::to_owned).to_vec(),
        ..KmsSettings::default()
    };
    let kms = KmsDouble::start(settings).unwrap();
    let arns = kms.create_multi_region_key(&["eu-central-1", "eu-west-1"]);
    let spelt = |region, key| {
        let endpoint = kms.endpoint(region);
        format!("key = \"{key}\", endpoint = \"{endpoint}\"")
    };
    let (first, second) = (
        spelt("eu-central-1", &arns[0]),
        spelt("eu-west-1", &arns[1]),
    );
    let keys = format!("aws_kms = {{ {first}, second_keys = [{{ {second} }}] }}");
    let place = Place::with_keys(1, &keys);
    for key in &arns {
        kms.require_context(key, &[("fieldseal:domain", "quarantine")]);
        let found = place.ends(&["check"], 4);
        for call in ["GenerateDataKey", "Encrypt", "Decrypt"] {
            let refused =
                format!("domain contact, purpose seal: kms:{call} under {key} would fail");
            assert!(found.contains(&refused), "{found}");
        }
        assert_eq!(found.matches("would fail").count(), 3, "{found}");
        kms.require_context(key, &[]);
    }
}

#[test]
fn a_stream_that_is_gone_is_told() {
    let place = Place::new(1);
    let path = place.folder.policy();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("stream = \"shop\"", "stream = \"shup\""),
    )
    .unwrap();
    let found = place.ends(&["check"], 4);
    assert!(found.contains("error (source)"), "{found}");
    assert!(found.contains("shup"), "{found}");
}

struct Worker(Running);

impl Worker {
    fn start(place: &Place) -> Self {
        Self(Running::start(place.folder.command(&["run"])))
    }

    fn becomes_ready(&mut self, place: &Place) {
        loop {
            assert!(self.0.goes_on(), "the worker has ended");
            let health = place.folder.command(&["health", "--ready"]).output();
            let health = health.unwrap();
            let code = health.status.code();
            if code == Some(0) {
                return;
            }
            let said = String::from_utf8_lossy(&health.stderr);
            assert_eq!(code, Some(1), "{said}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its admin port's answer, as soon as that holds `what`.
    fn answers(&mut self, place: &Place, path: &str, what: &str) -> String {
        let mut answer = None;
        for _ in 0..1_200 {
            assert!(self.0.goes_on(), "the worker has ended");
            answer = place.asks(path);
            if let Some(answer) = answer.as_ref().filter(|answer| answer.contains(what)) {
                return answer.clone();
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{path} does not say {what}: {answer:?}");
    }

    /// Tells it to end.
    fn ends(&mut self) -> Option<i32> {
        self.0.ends()
    }
}

#[test]
fn a_worker_of_an_empty_stream_is_ready_and_drains() {
    let place = Place::new(2);
    place.make_tables();
    let mut worker = Worker::start(&place);
    worker.becomes_ready(&place);
    // Each shard's own `MillisBehindLatest`, of which an empty one has none left; told from its first
    // fetch on, which a worker that has taken it need not have behind it.
    for shard in ["shardId-000000000000@", "shardId-000000000001@"] {
        let begins = format!("fieldseal_shard_lag_seconds{{shard=\"{shard}");
        let metrics = worker.answers(&place, "/metrics", &begins);
        let told = |line: &&str| line.starts_with(&begins) && line.ends_with(" 0");
        assert_eq!(metrics.lines().filter(told).count(), 1, "{metrics}");
    }
    // `status` asks what follows the checkpoints and puts nothing into the stream.
    let status = place.ends(&["status"], 4);
    assert!(status.contains("lag in ms"), "{status}");
    assert!(!status.contains("ms behind"), "{status}");
    assert_eq!(place.double.calls().of("PutRecord"), 0);
    assert_eq!(worker.ends(), Some(0));
}

/// What was not read of the old one is lost: whoever asks whether the worker is ready is told, also
/// while it reads the new one.
#[test]
fn a_worker_whose_stream_was_made_anew_is_not_ready() {
    let place = Place::new(1);
    place.make_tables();
    let mut worker = Worker::start(&place);
    worker.becomes_ready(&place);
    assert_eq!(worker.ends(), Some(0));
    place.double.clock().advance(Duration::from_secs(60));
    place.double.create_stream(STREAM, 1);
    let mut worker = Worker::start(&place);
    worker.answers(
        &place,
        "/metrics",
        "fieldseal_shards{state=\"reading\"} 1\n",
    );
    let stopped = worker.answers(&place, "/ready", " has stopped\n");
    assert!(stopped.starts_with("HTTP/1.1 503 "), "{stopped}");
    assert!(
        !stopped.contains("not taken"),
        "nothing else stands against it: {stopped}"
    );
    worker.answers(&place, "/live", "HTTP/1.1 200 ");
    assert_eq!(worker.ends(), Some(5));
}
