//! What an application links with the crate `fieldseal`, against `cargo tree`: no code of the
//! pipeline's, and of drivers, AWS's SDK and libraries only what its features ask for.
//!
//! Owns which libraries belong to which feature, and how many there may be.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Never linked, whatever an application asks for.
const NEVER: [&str; 11] = [
    "fieldseal-cli",
    "fieldseal-demo",
    "fieldseal-dms",
    "fieldseal-doubles",
    "fieldseal-files",
    "fieldseal-kinesis",
    "fieldseal-metrics",
    "fieldseal-pipeline",
    "fieldseal-source",
    "fieldseal-store",
    // It describes the policy file to editors.
    "schemars",
];

/// A library, or the beginning of several libraries' names, and the features that link it.
const ONLY_WITH: [(&str, &[&str]); 15] = [
    ("sqlx-sqlite", &["sqlite"]),
    ("libsqlite3-sys", &["sqlite"]),
    ("sqlx-postgres", &["postgres"]),
    ("sqlx-mysql", &["mysql"]),
    ("rustls", &["aws-kms", "mysql", "postgres"]),
    ("aws-*", &["aws-kms"]),
    ("fieldseal-aws", &["aws-kms"]),
    ("hyper", &["aws-kms"]),
    ("fieldseal-derive", &["derive"]),
    ("fieldseal-policy", &["derive", "policy", "reader"]),
    ("toml", &["derive", "policy", "reader"]),
    ("chrono", &["chrono"]),
    // The AWS SDK has dates and identifiers of its own making.
    ("time", &["time", "aws-kms"]),
    ("uuid", &["uuid", "aws-kms"]),
    ("rust_decimal", &["rust_decimal"]),
];

/// Sets of features that applications have, and how many libraries they may bring, sqlx and tokio
/// among them. A number grows with care: see the README, which says what an application pays.
const SETS: [(&[&str], usize); 5] = [
    (&["sqlite"], 150),
    (&["derive", "sqlite"], 160),
    (&["derive", "postgres"], 174),
    (&["derive", "mysql"], 160),
    (&["aws-kms", "derive", "mysql", "postgres", "sqlite"], 245),
];

/// The findings of every set, and of all features together.
pub(crate) fn check(manifest: &str) -> Vec<String> {
    let features = features(manifest);
    let all: Vec<&str> = features.iter().map(String::as_str).collect();
    let sets = SETS.into_iter().chain([(&all[..], usize::MAX)]);
    sets.flat_map(|(features, most)| findings(features, most, &linked(features)))
        .collect()
}

/// What the tests' manifest must turn on: a type that no feature builds is tested by nobody.
pub(crate) fn tested(fieldseal: &str, tests: &str) -> Vec<String> {
    let tests: toml::Table = tests.parse().expect("a manifest");
    let named = tests["dependencies"]["fieldseal"]["features"].as_array();
    let named: Vec<&str> = named
        .expect("a list of features")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    features(fieldseal)
        .iter()
        .filter(|feature| !named.contains(&feature.as_str()) && *feature != "derive")
        .map(|feature| format!("tests/Cargo.toml: fieldseal's feature {feature} is off"))
        .collect()
}

/// The features of a manifest, but for the default.
fn features(manifest: &str) -> BTreeSet<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let features = manifest["features"].as_table().expect("it has features");
    let names = features.keys().filter(|name| *name != "default");
    names.cloned().collect()
}

/// Every library that is linked, or runs while an application is built.
fn linked(features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "fieldseal"])
        .args(["--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}", "--no-default-features", "--features"])
        .arg(features.join(","))
        .current_dir(super::files::root())
        .output()
        .expect("cargo can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {said}");
    let lines = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    // `name v1.2.3`, then a path or a mark; some libraries are there in two versions.
    let library = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    lines.lines().map(library).collect()
}

fn findings(features: &[&str], most: usize, linked: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find = |what: String| findings.push(format!("fieldseal with {features:?}: {what}"));
    let names: BTreeMap<&str, &str> = linked.iter().filter_map(|l| l.split_once(' ')).collect();
    for name in NEVER {
        if names.contains_key(name) {
            find(format!("links {name}"));
        }
    }
    for (library, wanted_by) in ONLY_WITH {
        let there = match library.strip_suffix('*') {
            Some(start) => names.keys().any(|name| name.starts_with(start)),
            None => names.contains_key(library),
        };
        let wanted = wanted_by.iter().any(|feature| features.contains(feature));
        if there && !wanted {
            find(format!("links {library}, which only {wanted_by:?} may"));
        }
        // Or a rule that names nothing would hold for ever.
        if !there
            && wanted_by
                .first()
                .is_some_and(|first| features.contains(first))
        {
            find(format!("does not link {library}: correct the rule"));
        }
    }
    if linked.len() > most {
        find(format!(
            "links {} libraries, more than {most}",
            linked.len()
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{features, findings, tested};

    fn of(features: &[&str], linked: &[&str]) -> usize {
        let linked: BTreeSet<String> = linked.iter().map(|name| format!("{name} v1.0.0")).collect();
        findings(features, 3, &linked).len()
    }

    #[test]
    fn what_was_asked_for_is_no_finding() {
        let drivers = ["sqlx-sqlite", "libsqlite3-sys", "serde"];
        assert_eq!(of(&["sqlite"], &drivers), 0);
        assert_eq!(of(&["postgres"], &["sqlx-postgres"]), 0);
    }

    #[test]
    fn everything_else_is_found() {
        for (features, linked) in [
            (&[][..], &["fieldseal-dms"][..]),
            (&[], &["aws-sdk-kms"]),
            (&[], &["sqlx-postgres"]),
            (&["postgres"], &["sqlx-postgres", "sqlx-mysql"]),
            (&["postgres"], &["sqlx-core"]),
            (&[], &["a", "b", "c", "d"]),
        ] {
            assert_eq!(of(features, linked), 1, "{features:?} {linked:?}");
        }
    }

    #[test]
    fn a_feature_without_tests_is_found() {
        let fieldseal = "[features]\ndefault = ['derive']\nderive = []\nuuid = []\nreader = []\n";
        assert_eq!(features(fieldseal).len(), 3);
        let tests = |features: &str| {
            format!("[dependencies]\nfieldseal = {{ workspace = true, features = [{features}] }}\n")
        };
        assert!(tested(fieldseal, &tests("'reader', 'uuid'")).is_empty());
        assert_eq!(tested(fieldseal, &tests("'reader'")).len(), 1);
    }
}
