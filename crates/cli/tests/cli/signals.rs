//! A service that is told to end, once and twice.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Deserializer, Value};

use crate::shop::{Service, Shop, customer, load};
use crate::terminal::Terminal;

/// The binary breaks a drain off after nine seconds and then ends with 6, so that 0 also says
/// that it did not take long.
fn drains_and_ends_with_0(signal: Signal) {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted-1"))]);
    let mut child = Service(
        shop.command(&["run"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    // It waits for more once everything there is was applied.
    loop {
        assert_eq!(child.0.try_wait().unwrap(), None, "it must wait for more");
        let status = shop.call(&["status", "--json"]).json();
        if status["tables"][0]["loads"] == 1 {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(child.ends_by(signal), Some(0));
    shop.call(&["run", "--until-idle"]).ends_with(0);
    assert_eq!(
        shop.call(&["status", "--json"]).json()["tables"][0]["loads"],
        1
    );
}

#[test]
fn sigterm_drains_and_ends_with_0() {
    drains_and_ends_with_0(Signal::TERM);
}

#[test]
fn sigint_drains_and_ends_with_0() {
    drains_and_ends_with_0(Signal::INT);
}

/// Nothing is left half done: the checkpoint stands behind the last record that was counted.
#[test]
fn sigterm_in_the_middle_of_the_work_commits_what_is_begun() {
    let shop = Shop::ready();
    shop.write_many(3_000);
    let (mut child, mut terminal) = Terminal::of(shop.command(&["run"]));
    terminal.shows(&[" behind"]);
    assert_eq!(child.ends_by(Signal::TERM), Some(0));
    let status = shop.call(&["status", "--json"]).json();
    let loads = status["tables"][0]["loads"].as_u64().unwrap();
    assert_eq!(status["tables"][0]["rows"], loads);
    let checkpoint = status["shards"][0]["sequence"].as_str().unwrap();
    let checkpoint: usize = checkpoint.parse().unwrap();
    let shard = fs::read(shop.path("source").join("a.jsonl")).unwrap();
    let passed = Deserializer::from_slice(&shard[..checkpoint]).into_iter::<Value>();
    assert_eq!(passed.map(Result::unwrap).count() as u64, loads);
    goes_on_to_the_end(&shop, 3_000);
}

/// The target stays locked, so that nothing can be committed: the process ends by itself before
/// Docker would kill it, and says why.
#[test]
fn a_drain_that_cannot_end_is_broken_off() {
    let shop = Shop::ready();
    // So many that a busy machine is still at them when the lock is had.
    shop.write_many(20_000);
    let (mut child, mut terminal) = Terminal::of(shop.command(&["run"]));
    terminal.shows(&[" behind"]);
    let mut ended = None;
    shop.while_locked(|| {
        // The lock is had between two batches. A worker that is told there, before it has begun
        // with the next, ends with 0, and rightly.
        thread::sleep(Duration::from_secs(2));
        kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
        // It gives itself nine seconds, and says by 6 that it was these which ended it; only a
        // hang lasts a minute.
        ended = (0..1_200).find_map(|_| {
            thread::sleep(Duration::from_millis(50));
            child.0.try_wait().unwrap()
        });
    });
    let ended = ended.expect("it must end by itself");
    assert_eq!(ended.code(), Some(6));
    terminal.shows(&["the run did not drain in time and was broken off"]);
    goes_on_to_the_end(&shop, 20_000);
}

/// In large batches, which are quicker.
fn goes_on_to_the_end(shop: &Shop, customers: u32) {
    shop.amend_policy("max_batch_rows = 1", "max_batch_rows = 4000");
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let status = shop.call(&["status", "--json"]).json();
    assert_eq!(status["tables"][0]["loads"], customers);
    assert_eq!(status["tables"][0]["rows"], customers);
}

/// The target is locked in the middle of the work, so that there is something to wait for: the
/// first signal alone would end it with 6.
#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let shop = Shop::ready();
    shop.write_many(3_000);
    let (mut child, mut terminal) = Terminal::of(shop.command(&["run"]));
    terminal.shows(&[" behind"]);
    shop.while_locked(|| {
        kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
        terminal.shows(&["a second signal ends at once"]);
        assert_eq!(child.ends_by(Signal::INT), Some(130));
    });
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let status = shop.call(&["status", "--json"]).json();
    assert_eq!(status["tables"][0]["loads"], 3_000);
}
