//! The same records as files, through the binary itself with every level logged. Owns running it;
//! only `open`, which is asked for values, may print them.

use std::path::PathBuf;

use fieldseal_keys::LocalProvider;
use fieldseal_tests::harness::binary::{fieldseal, make_tables};

use crate::evidence::{Evidence, note};
use crate::planted;

/// Writes policy, root key and records; every shard is a file, one of them with a record of an
/// unlisted table alone, so that it stops.
fn folder(evidence: &Evidence) -> PathBuf {
    let folder = evidence.path().join("elsewhere").join("work");
    std::fs::create_dir_all(folder.join("source")).expect("a folder can be made");
    let text = format!(
        "[source]\nid = \"shop\"\nengine = \"mysql\"\nfiles.dir = \"source\"\n\
         [target]\nurl = \"sqlite://../../tables/target.db\"\n\
         [keys]\ndeployment = \"tests\"\nlocal.root_file = \"root.key\"\n{}",
        planted::TABLES
    );
    std::fs::write(folder.join("policy.toml"), text).expect("it can be written");
    LocalProvider::create(&folder.join("root.key"))
        .map(drop)
        .expect("a key can be made");
    for (number, records) in planted::records().chunks(9).enumerate() {
        let mut joined = Vec::new();
        for record in records {
            joined.extend_from_slice(record.trim_ascii_end());
            joined.push(b'\n');
        }
        let path = folder.join("source").join(format!("shard{number}.json"));
        std::fs::write(path, joined).expect("it can be written");
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_shows_and_leaves_nothing_planted() {
    let evidence = Evidence::new();
    let folder = folder(&evidence);
    let config = ["--config", "policy.toml"];
    let with = |args: &[&'static str]| [args, &config].concat();
    let told = |args: &[&str]| {
        let output = fieldseal(&folder, args);
        let code = output.status.code();
        evidence.keep("elsewhere", &output.stdout);
        evidence.keep("elsewhere", &output.stderr);
        note(format!("{args:?}: {code:?}"));
        assert!(
            code.is_some_and(|code| code != 101),
            "{args:?} panicked or was killed"
        );
        (code, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    told(&with(&["run", "--until-idle"]));
    assert_eq!(told(&with(&["migrate"])).0, Some(0));
    let policy = std::fs::read_to_string(folder.join("policy.toml")).expect("it can be read");
    make_tables(&policy, &folder.join("../../tables/target.db")).await;
    let (code, _) = told(&with(&["run", "--until-idle"]));
    assert_eq!(code, Some(5), "the shard with the unlisted table stopped");
    for args in [
        &["check"][..],
        &["status"],
        &["status", "--json"],
        &["quarantine", "list"],
        &["quarantine", "show", "1"],
        &["quarantine", "replay", "1"],
        &["generation", "list"],
        &["schema"],
    ] {
        let (code, _) = told(&with(args));
        assert_ne!(code, Some(2), "{args:?}: the command line is understood");
    }
    let shards = std::fs::read_dir(folder.join("source")).expect("the folder can be read");
    for shard in shards {
        let path = shard.expect("the folder can be read").path();
        let path = path.to_str().expect("a path of ours");
        for args in [
            &["inspect", path][..],
            &["inspect", "--json", path],
            &["inspect", "--config", "policy.toml", path],
        ] {
            let output = fieldseal(&folder, args);
            // A record's column names are what it is asked for; everything else is a leak.
            let shown = String::from_utf8_lossy(&output.stdout);
            let shown = shown.replace(planted::UNLISTED_NAME, "an unlisted name");
            evidence.keep("elsewhere", shown.as_bytes());
            evidence.keep("elsewhere", &output.stderr);
            assert_ne!(output.status.code(), Some(101), "{args:?} panicked");
        }
    }
    std::fs::write(folder.join("bad.toml"), "[source]\nid = 7\n").expect("it can be written");
    told(&["run", "--config", "bad.toml"]);
    told(&["run", "--config", "none.toml"]);

    // The one command that is asked for values shows them; so the others had them to show.
    let opened = fieldseal(&folder, &with(&["open", "--table", planted::TABLE]));
    let opened = String::from_utf8_lossy(&opened.stdout).into_owned();
    assert!(
        opened.contains("sealed.Qx7Lm2Vb@canary.example"),
        "open opens"
    );

    std::fs::remove_dir_all(folder.join("source")).expect("DMS's own output is not ours");
    evidence.must_be_clean();
}
