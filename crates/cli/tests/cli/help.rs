//! The help of the binary and of every command, compared with `tests/golden/`. With
//! `UPDATE_GOLDEN=1` the files are written instead.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::shop::{binary, finished};

const COMMANDS: [&str; 22] = [
    "",
    "check",
    "demo",
    "epoch",
    "epoch begin",
    "generation",
    "generation begin",
    "generation complete",
    "generation list",
    "generation sweep",
    "health",
    "inspect",
    "migrate",
    "open",
    "quarantine",
    "quarantine discard",
    "quarantine list",
    "quarantine replay",
    "quarantine show",
    "run",
    "schema",
    "status",
];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn help_of(command: &str) -> String {
    let mut call = binary(Path::new("."));
    let called = finished(call.args(command.split_whitespace()).arg("--help")).ends_with(0);
    assert_eq!(called.err, "");
    // clap leaves blanks on the empty lines between options.
    let lines: Vec<&str> = called.out.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[test]
fn help_is_as_in_the_golden_files() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut expected = BTreeSet::new();
    for command in COMMANDS {
        let name = format!(
            "{}.txt",
            format!("fieldseal {command}").trim().replace(' ', "-")
        );
        let path = golden().join(&name);
        let help = help_of(command);
        if update {
            fs::write(&path, &help).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            help, golden,
            "{name} differs; UPDATE_GOLDEN=1 writes it anew"
        );
        expected.insert(name);
    }
    let found: BTreeSet<String> = fs::read_dir(golden())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, expected, "one golden file for each command");
}

/// Every command that a help lists must be among those compared.
#[test]
fn every_command_is_compared() {
    for command in ["", "epoch", "generation", "quarantine"] {
        let help = help_of(command);
        let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
        let listed = list
            .lines()
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| *word != "help");
        for word in listed {
            let name = format!("{command} {word}");
            assert!(COMMANDS.contains(&name.trim()), "{name} is not compared");
        }
    }
}

#[test]
fn the_exit_codes_stand_in_the_help() {
    let help = help_of("");
    for code in 0..=6 {
        assert!(help.contains(&format!("\n  {code}  ")), "{code}");
    }
}
