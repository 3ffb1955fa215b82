//! A service that is told to end, once and twice.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

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
