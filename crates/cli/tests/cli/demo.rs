//! The demo: it holds, its folder is its own, and a claim that does not hold is told.

use std::process::Command;

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
