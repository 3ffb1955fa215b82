//! The admin port of a running worker: alive, ready, counted, and never a value.

use std::fs::OpenOptions;
use std::io::{ErrorKind, PipeWriter, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use fieldseal_dms::Wire;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

use crate::shop::{PLANTED, Service, Shop, customer, load, own_address};

/// A shop and where its worker listens.
fn watched() -> (Shop, String) {
    let address = own_address().to_string();
    let shop = Shop::ready();
    let admin = format!("[admin]\nlisten = \"{address}\"\n\n[keys]");
    shop.amend_policy("[keys]", &admin);
    (shop, address)
}

fn worker(shop: &Shop) -> Service {
    let mut command = shop.command(&["run"]);
    Service(command.stderr(Stdio::null()).spawn().unwrap())
}

/// Status and body.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    // Only what hangs takes so long.
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: fieldseal\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Calls `health --ready` until it ends with `code` and says `words`.
fn until_health(shop: &Shop, worker: &mut Service, code: i32, words: &str) {
    loop {
        assert_eq!(worker.0.try_wait().unwrap(), None, "the worker must go on");
        let called = shop.call(&["health", "--ready"]);
        if called.code == Some(code) && (called.out + &called.err).contains(words) {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether this comes true; only what never does lasts a minute.
fn soon(mut comes_true: impl FnMut() -> bool) -> bool {
    (0..1_200).any(|_| {
        thread::sleep(Duration::from_millis(50));
        comes_true()
    })
}

/// The number behind a metric with its labels.
fn number(metrics: &str, sample: &str) -> u64 {
    let found = metrics.lines().find_map(|line| {
        let (name, number) = line.rsplit_once(' ')?;
        (name == sample).then(|| number.parse().unwrap())
    });
    found.unwrap_or_else(|| panic!("no {sample} in\n{metrics}"))
}

#[test]
fn a_worker_is_watched_from_ready_to_drained() {
    let (shop, address) = watched();
    let mut unlisted = customer("2", "planted-2").to_vec();
    unlisted.push(("planted_column", Wire::Text("planted-2")));
    let records = [
        load("customers", &customer("1", "planted-1")),
        load("customers", &unlisted),
    ];
    shop.write("a.jsonl", &records);
    let mut worker = worker(&shop);
    until_health(&shop, &mut worker, 0, "ready");
    assert_eq!(get(&address, "/live"), (200, "live\n".to_owned()));
    assert_eq!(get(&address, "/ready"), (200, "ready\n".to_owned()));
    assert_eq!(get(&address, "/else").0, 404);
    // The target is asked every ten seconds: what it holds may not be told yet. The shards' lags are
    // told after the records.
    let lag = "fieldseal_shard_lag_bytes{shard=\"a.jsonl\"}";
    let mut metrics = String::new();
    let told = soon(|| {
        metrics = get(&address, "/metrics").1;
        metrics.contains("fieldseal_records_total 2\n") && metrics.contains(lag)
    });
    assert!(told, "{metrics}");
    let rows = "fieldseal_rows_total{table=\"shop.customers\"";
    assert_eq!(number(&metrics, &format!("{rows},outcome=\"loads\"}}")), 1);
    let held = format!("{rows},outcome=\"quarantined\"}}");
    assert_eq!(number(&metrics, &held), 1);
    assert_eq!(number(&metrics, "fieldseal_commit_seconds_count"), 1);
    assert_eq!(number(&metrics, "fieldseal_batch_seconds_count"), 1);
    assert_eq!(number(&metrics, "fieldseal_shards{state=\"reading\"}"), 1);
    assert_eq!(number(&metrics, lag), 0);
    assert_eq!(number(&metrics, "fieldseal_database_up"), 1);
    assert_eq!(number(&metrics, "fieldseal_ready"), 1);
    let made = "fieldseal_key_calls_total{operation=\"generate\",outcome=\"ok\"}";
    assert!(number(&metrics, made) > 0);
    let clear = metrics.to_lowercase();
    assert!(!clear.contains(PLANTED), "a value: {metrics}");
    assert_eq!(worker.ends_by(Signal::TERM), Some(0));
}

#[test]
fn a_stopped_shard_takes_readiness_and_says_so() {
    let (shop, address) = watched();
    shop.write(
        "good.jsonl",
        &[load("customers", &customer("1", "planted-1"))],
    );
    shop.write("odd.jsonl", &[load("nowhere", &customer("1", "planted-1"))]);
    let mut worker = worker(&shop);
    until_health(&shop, &mut worker, 1, "shard odd.jsonl has stopped");
    assert_eq!(get(&address, "/live").0, 200);
    let metrics = get(&address, "/metrics").1;
    assert_eq!(number(&metrics, "fieldseal_shards{state=\"stopped\"}"), 1);
    shop.call(&["health"]).ends_with(0);
    assert_eq!(worker.ends_by(Signal::TERM), Some(5));
}

/// A log that nobody reads any more holds the worker up: that readiness falls and that a second
/// signal ends it must not wait for it.
#[test]
fn a_log_that_is_full_does_not_hide_a_signal() {
    let (shop, address) = watched();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted-1"))]);
    let (unread, log) = std::io::pipe().unwrap();
    let mut command = shop.command(&["run"]);
    let stderr = log.try_clone().unwrap();
    let mut worker = Service(command.stderr(stderr).spawn().unwrap());
    until_health(&shop, &mut worker, 0, "ready");
    fill(&log);
    let tell = |worker: &Service| {
        kill_process(Pid::from_child(&worker.0), Signal::TERM).unwrap();
    };
    tell(&worker);
    assert!(
        soon(|| get(&address, "/ready").0 == 503),
        "it says that it drains"
    );
    tell(&worker);
    let mut ended = None;
    soon(|| {
        ended = worker.0.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.and_then(|ended| ended.code()), Some(130));
    drop(unread);
}

/// Also when everything stands still for it: progress is logged every ten seconds.
#[test]
fn a_worker_that_its_log_holds_up_can_be_ended() {
    let (shop, _) = watched();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted-1"))]);
    let (unread, log) = std::io::pipe().unwrap();
    let mut command = shop.command(&["run"]);
    let stderr = log.try_clone().unwrap();
    let mut worker = Service(command.stderr(stderr).spawn().unwrap());
    until_health(&shop, &mut worker, 0, "ready");
    fill(&log);
    thread::sleep(Duration::from_secs(11));
    let mut ended = None;
    soon(|| {
        kill_process(Pid::from_child(&worker.0), Signal::TERM).unwrap();
        ended = worker.0.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.and_then(|ended| ended.code()), Some(130));
    drop(unread);
}

/// Until not one byte more goes in.
fn fill(pipe: &PipeWriter) {
    // Opened anew: whether one waits is a matter of all who share what was opened.
    let pipe = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let mut options = OpenOptions::new();
    options
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let mut pipe = options.open(pipe).unwrap();
    for bytes in [&[b'-'; 4096][..], b"-"] {
        let full = loop {
            if let Err(error) = pipe.write(bytes) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn without_a_worker_nothing_is_healthy() {
    let (shop, address) = watched();
    let called = shop.call(&["health"]).ends_with(1);
    assert!(called.err.contains(&address), "{}", called.err);
    let unwatched = Shop::new();
    let called = unwatched.call(&["health"]).ends_with(1);
    assert!(called.err.contains("[admin] listen"), "{}", called.err);
}

#[test]
fn a_taken_port_is_told() {
    let (shop, address) = watched();
    let _taken = TcpListener::bind(&address).unwrap();
    let called = shop.call(&["run", "--until-idle"]).ends_with(4);
    assert!(called.err.contains("admin.listen"), "{}", called.err);
}
