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

/// Nothing is left half done: the checkpoint stands behind the last record that was counted. A
/// run that had come to the end before it was told is tried again with more.
#[test]
fn sigterm_in_the_middle_of_the_work_commits_what_is_begun() {
    for all in [3_000, 30_000, 300_000] {
        let shop = Shop::ready();
        shop.write_many(all);
        let (mut child, mut terminal) = Terminal::of(shop.command(&["run"]));
        terminal.shows(&[" records, "]);
        assert_eq!(child.ends_by(Signal::TERM), Some(0));
        let status = shop.call(&["status", "--json"]).json();
        let loads = loads(&status);
        assert_eq!(status["tables"][0]["rows"], loads);
        if loads == u64::from(all) {
            continue;
        }
        let checkpoint = status["shards"][0]["sequence"].as_str().unwrap();
        let checkpoint: usize = checkpoint.parse().unwrap();
        let shard = fs::read(shop.path("source").join("a.jsonl")).unwrap();
        let passed = Deserializer::from_slice(&shard[..checkpoint]).into_iter::<Value>();
        assert_eq!(passed.map(Result::unwrap).count() as u64, loads);
        assert!(checkpoint < shard.len(), "something is left over");
        assert_eq!(status["ready"], false);
        return goes_on_to_the_end(&shop, all);
    }
    panic!("the run was never told to end in the middle of its work");
}

/// The target stays locked, so that nothing can be committed: the process ends by itself before
/// Docker would kill it, and says why.
#[test]
fn a_drain_that_cannot_end_is_broken_off() {
    let mut said = false;
    let (shop, code) = told_in_a_batch(|child, terminal| {
        // It gives itself nine seconds, and says by 6 that it was these which ended it; only a
        // hang lasts a minute.
        let ended = (0..1_200).find_map(|_| {
            thread::sleep(Duration::from_millis(50));
            child.0.try_wait().unwrap()
        });
        let code = ended.expect("it must end by itself").code();
        if code == Some(6) {
            terminal.shows(&["the run did not drain in time and was broken off"]);
            said = true;
        }
        code
    });
    assert_eq!((code, said), (Some(6), true));
    goes_on_to_the_end(&shop, MANY);
}

/// There is something to wait for: the first signal alone would end it with 6.
#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let (shop, code) = told_in_a_batch(|child, terminal| {
        terminal.shows(&["a second signal ends at once"]);
        child.ends_by(Signal::INT)
    });
    assert_eq!(code, Some(130));
    goes_on_to_the_end(&shop, MANY);
}

/// So many that a busy machine is still at them when the target's lock is had, also for some more
/// tries.
const MANY: u32 = 20_000;

/// Tells a worker to end while it cannot commit what it has begun, and answers what `then` made
/// of it.
fn told_in_a_batch(
    mut then: impl FnMut(&mut Service, &mut Terminal) -> Option<i32>,
) -> (Shop, Option<i32>) {
    let shop = Shop::ready();
    shop.write_many(MANY);
    loop {
        let (mut child, mut terminal) = Terminal::of(shop.command(&["run"]));
        terminal.shows(&[" records, "]);
        let status = || shop.call(&["status", "--json"]).json();
        let mut code = None;
        shop.while_locked(|| {
            // The worker has mostly begun with a batch by the time that this is answered.
            let seen = loads(&status());
            assert!(seen < MANY.into(), "it was never told within a batch");
            assert_eq!(loads(&status()), seen, "nothing can be committed");
            kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
            code = then(&mut child, &mut terminal);
        });
        // The lock is had between two batches. A worker that is told there, before it has begun
        // with the next, ends with 0, and rightly: that says nothing.
        if code != Some(0) {
            return (shop, code);
        }
    }
}

/// How many customers are loaded.
fn loads(status: &Value) -> u64 {
    status["tables"][0]["loads"].as_u64().unwrap()
}

/// In large batches, which are quicker.
fn goes_on_to_the_end(shop: &Shop, customers: u32) {
    shop.amend_policy("max_batch_rows = 1", "max_batch_rows = 4000");
    shop.call(&["run", "--until-idle"]).ends_with(0);
    let status = shop.call(&["status", "--json"]).json();
    assert_eq!(status["tables"][0]["loads"], customers);
    assert_eq!(status["tables"][0]["rows"], customers);
}
