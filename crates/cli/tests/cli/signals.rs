//! A service that is told to end.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::shop::{Shop, customer, load};

/// The binary breaks a drain off after nine seconds and then ends with 6, so that 0 also says
/// that it did not take long.
#[test]
fn sigterm_drains_and_ends_with_0() {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted-1"))]);
    let mut child = shop
        .command(&["run"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It waits for more once everything there is was applied.
    loop {
        assert_eq!(child.try_wait().unwrap(), None, "it must wait for more");
        let status = shop.call(&["status", "--json"]).json();
        if status["tables"][0]["loads"] == 1 {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    shop.call(&["run", "--until-idle"]).ends_with(0);
    assert_eq!(
        shop.call(&["status", "--json"]).json()["tables"][0]["loads"],
        1
    );
}
