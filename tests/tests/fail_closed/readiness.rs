//! What a discarded record leaves behind blocks the cutover, as the binary says it. Owns that one
//! debt alone is enough.

use std::path::Path;

use fieldseal_dms::Wire;
use fieldseal_keys::LocalProvider;
use fieldseal_tests::harness::binary::{fieldseal, make_tables};
use fieldseal_tests::harness::records;

use super::TABLE;

const POLICY: &str = r#"
[source]
id = "shop"
engine = "mysql"
files.dir = "source"
[target]
url = "sqlite://target.db"
[keys]
deployment = "tests"
local.root_file = "root.key"
[tables."shop.people"]
key = { id = "integer" }
[tables."shop.people".columns]
email = { seal = "contact", kind = "text" }
points = "keep"
"#;

/// Runs a command; its exit code and the last line it printed, or what it complained of.
fn told(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = fieldseal(folder, &[args, &["--config", "policy.toml"]].concat());
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = shown.lines().last().map_or(complaint, str::to_owned);
    (output.status.code(), last)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debt_alone_keeps_the_target_from_being_ready() {
    for discards in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = folder.path();
        prepare(folder).await;
        let ready = |args: &[&str]| {
            let (code, last) = told(folder, args);
            assert_eq!(code, Some(0), "{args:?}: {last}");
        };
        let begin = [
            "generation",
            "begin",
            "--all",
            "--position",
            "mysql-bin.000007:1",
            "--capture",
            "stopped",
        ];
        ready(&begin);
        let mut shard = loaded("1");
        if discards {
            shard.extend(records::load(TABLE, &[("id", Wire::Number("2"))]));
        }
        shard.extend(loaded("3"));
        std::fs::write(folder.join("source/one.json"), shard).expect("it can be written");
        ready(&["run", "--until-idle"]);
        if discards {
            let (code, last) = told(folder, &["status"]);
            assert_eq!(code, Some(4));
            assert!(last.contains("1 record in quarantine"), "{last}");
            ready(&["quarantine", "discard", "1", "--yes"]);
        }
        ready(&["generation", "complete", "--all"]);
        ready(&["generation", "sweep", "--all"]);
        let (code, last) = told(folder, &["status"]);
        if discards {
            assert_eq!(last, "not ready: 1 debt of discarded records");
            assert_eq!(code, Some(4));
        } else {
            assert_eq!((code, last.as_str()), (Some(0), "ready"));
        }
    }
}

fn loaded(id: &str) -> Vec<u8> {
    let cells = [
        ("id", Wire::Number(id)),
        ("email", Wire::Text("ada@example.org")),
        ("points", Wire::Text("7")),
    ];
    records::load(TABLE, &cells)
}

async fn prepare(folder: &Path) {
    std::fs::create_dir(folder.join("source")).expect("a folder can be made");
    std::fs::write(folder.join("policy.toml"), POLICY).expect("it can be written");
    LocalProvider::create(&folder.join("root.key"))
        .map(drop)
        .expect("a key can be made");
    assert_eq!(told(folder, &["migrate"]).0, Some(0));
    make_tables(POLICY, &folder.join("target.db")).await;
}
