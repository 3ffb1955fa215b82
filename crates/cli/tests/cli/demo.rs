//! The demo: it holds, its folder is its own, and a claim that does not hold is told,
//! also by the exit code.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::shop::{binary, finished};

fn demo(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = binary(folder.path());
    command
        .arg("demo")
        .args(["--rows", "1000", "--dir", "shop"])
        .args(args);
    command
}

#[test]
fn every_claim_holds_and_is_reported() {
    let folder = TempDir::new().unwrap();
    let report: Value = finished(&mut demo(&folder, &["--json"]))
        .ends_with(0)
        .json();
    assert_eq!(report["rows_equal"], report["rows_expected"]);
    assert_eq!(report["rows_target"], report["rows_expected"]);
    assert_eq!(report["plaintext_hits"], 0);
    assert_eq!(report["quarantined"], 2);
    assert_eq!(report["lookup_ok"], true);
    assert!(report["needles"].as_u64().unwrap() > 1000);
    for number in ["seconds", "rows_per_second", "data_keys"] {
        assert!(report[number].as_f64().unwrap() > 0.0, "{number}");
    }
    // A second demo clears the first one away.
    let text = finished(&mut demo(&folder, &[])).ends_with(0);
    assert!(text.out.contains("customer 1"), "{}", text.out);
    assert!(!text.out.contains("FAILED"), "{}", text.out);
}

#[test]
fn another_folder_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let mine = folder.path().join("shop");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join("letter.txt"), "dear").unwrap();
    let refused = finished(&mut demo(&folder, &[])).ends_with(4);
    assert!(
        refused.err.contains("no earlier demo's folder"),
        "{}",
        refused.err
    );
    assert!(mine.join("letter.txt").is_file());
}

#[test]
fn what_it_says_to_try_works_as_it_stands() {
    let folder = TempDir::new().unwrap();
    let mut demo = binary(folder.path());
    demo.args(["demo", "--rows", "40", "--dir", "my shop", "--log", "warn"]);
    let said = finished(&mut demo).ends_with(0).out;
    let tries = said.split("Try:\n").nth(1).unwrap();
    let codes: Vec<Option<i32>> = tries
        .lines()
        .map(|line| {
            let mut shell = Command::new("sh");
            shell.current_dir(folder.path()).args(["-c", line]);
            finished(&mut shell).code
        })
        .collect();
    // `status` is not ready: two records are held.
    assert_eq!(codes, [Some(4), Some(0), Some(0)], "{said}");
}

#[test]
fn too_few_rows_leave_an_earlier_demo_alone() {
    let folder = TempDir::new().unwrap();
    finished(&mut demo(&folder, &["--json"])).ends_with(0);
    let mut few = binary(folder.path());
    let few = finished(few.args(["demo", "--rows", "39", "--dir", "shop"])).ends_with(2);
    assert!(few.err.contains("39"), "{}", few.err);
    assert!(folder.path().join("shop/target.db").is_file());
}

/// A process of a test's own, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Plaintext that reaches another file of the demo's folder while it runs, as any leak would. The
/// demo is held still for it; one that has ended before is tried again with more rows.
#[test]
fn plaintext_outside_of_the_source_ends_with_4() {
    for rows in [1_000, 10_000, 100_000] {
        let folder = TempDir::new().unwrap();
        let mut command = binary(folder.path());
        command
            .args([
                "demo",
                "--json",
                "--dir",
                "shop",
                "--rows",
                &rows.to_string(),
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut demo = Running(command.spawn().unwrap());
        // Written when the source is complete, and before anything is sealed.
        let policy = folder.path().join("shop/quickstart.toml");
        while !policy.is_file() && demo.0.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        if demo.0.try_wait().unwrap().is_some() {
            continue;
        }
        let pid = Pid::from_child(&demo.0);
        kill_process(pid, Signal::STOP).unwrap();
        let in_time = demo.0.try_wait().unwrap().is_none();
        // The longest file holds rows of every kind.
        let shards = std::fs::read_dir(folder.path().join("shop/source")).unwrap();
        let shards = shards.map(|shard| shard.unwrap().path());
        let longest = shards.max_by_key(|path| path.metadata().unwrap().len());
        std::fs::copy(longest.unwrap(), folder.path().join("shop/leak.log")).unwrap();
        kill_process(pid, Signal::CONT).unwrap();
        let mut out = String::new();
        let stdout = demo.0.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut out).unwrap();
        let code = demo.0.wait().unwrap().code();
        if in_time {
            let report: Value = serde_json::from_str(&out).unwrap();
            let hits = report["plaintext_hits"].as_u64().unwrap();
            // It was held still too late, when it had listed its files already.
            if hits == 0 && code == Some(0) {
                continue;
            }
            assert!(hits > 0, "{out}");
            assert_eq!(report["rows_equal"], report["rows_expected"]);
            assert_eq!(code, Some(4), "{out}");
            return;
        }
    }
    panic!("the demo was never held still before it searched");
}

/// A disk that takes no more: the shop's records do not fit.
#[test]
fn a_demo_without_room_ends_with_an_error() {
    let folder = TempDir::new().unwrap();
    let demo = demo(&folder, &["--json"]);
    let mut shell = Command::new("sh");
    // Blocks of 512 bytes; without the trap, the kernel would end the process.
    shell
        .current_dir(folder.path())
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(demo.get_program())
        .args(demo.get_args());
    let full = finished(&mut shell).ends_with(1);
    assert!(full.out.is_empty(), "{}", full.out);
    assert!(full.err.contains("source"), "{}", full.err);
}

/// Where no folder can be made, nothing is tried.
#[test]
fn a_demo_without_a_folder_ends_with_4() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("shop"), "a file").unwrap();
    let mut demo = binary(folder.path());
    let refused = finished(demo.args(["demo", "--rows", "40", "--dir", "shop/below"])).ends_with(4);
    assert!(
        refused.err.contains("choose another with --dir"),
        "{}",
        refused.err
    );
}
