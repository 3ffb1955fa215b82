//! Every clause of the ordering rule is held by a test: each patch in `tests/mutations/` takes
//! one out of a copy of the workspace, and then the test that the patch names must fail.
//!
//! A patch is a unified diff under a first line that names the clause and a second that says who
//! finds it missing:
//!
//! - `killed by: histories`, or `histories postgres`, or `histories mariadb`: some random history;
//! - `killed by: unit PACKAGE`: a unit test of that package;
//! - `killed by: test TARGET FILTER`: an integration test of this name, wherever it stands.
//!
//! A patch that no longer applies is a failure, and so is one that nobody notices, and a test
//! that fails without any patch: it would find everything. Servers are those of `cargo xtask
//! test`. `FIELDSEAL_SKIP_MUTATIONS=1` leaves all of it out on a developer's machine;
//! `FIELDSEAL_MUTATION=10,21` tries those alone.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in a test, a panic is the failure, and it says what it tried"
)]

mod copy;
mod patch;
mod trial;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::copy::Copy;
use crate::patch::{Changed, Mutation};
use crate::trial::{Expected, Trials};

#[test]
fn every_clause_of_the_ordering_rule_is_held_by_a_test() {
    if std::env::var_os("FIELDSEAL_SKIP_MUTATIONS").is_some() {
        println!("MUTATIONS LEFT OUT: FIELDSEAL_SKIP_MUTATIONS is set");
        return;
    }
    let root = root();
    let copy = Copy::of(&root);
    let wanted = std::env::var("FIELDSEAL_MUTATION").unwrap_or_default();
    let mut mutations: Vec<Mutation> = Mutation::all(&root)
        .into_iter()
        .filter(|m| wanted.split(',').any(|wanted| m.name.starts_with(wanted)))
        .collect();
    assert!(!mutations.is_empty(), "no mutation is called {wanted}");
    // The patches are looked at first: one that does not apply is cheap to find.
    let broken: Vec<String> = mutations
        .iter()
        .filter_map(|mutation| mutation.apply(&copy.root).err())
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // One program after the other, and for each of them one crate after the other: the fewest
    // things are built again.
    mutations.sort_by_key(|mutation| (mutation.killer.clone(), mutation.first_path()));
    let failures = try_all(&copy, &mutations);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{} mutations, each found", mutations.len());
}

/// Tries each mutation; before those of one killer, the killer without any: a test that fails by
/// itself, or that finds nothing to run, says nothing about a mutation.
fn try_all(copy: &Copy, mutations: &[Mutation]) -> Vec<String> {
    let mut trials = Trials::over(copy);
    let mut former = None;
    for (number, mutation) in mutations.iter().enumerate() {
        let killer = &mutation.killer;
        // Whether random histories pass is a test of its own on SQLite, with more of them.
        if former != Some(killer) && !killer.has_a_test_of_its_own() {
            trials.add(&format!("unmutated-{number}"), killer, Expected::Passes);
        }
        former = Some(killer);
        let files = mutation.apply(&copy.root).unwrap();
        for Changed { path, new, .. } in &files {
            fs::write(copy.root.join(path), new).unwrap();
        }
        trials.add(&mutation.name, killer, Expected::Fails);
        for Changed { path, old, .. } in &files {
            fs::write(copy.root.join(path), old).unwrap();
        }
    }
    trials.end()
}

/// The page that goes through the rule sentence by sentence names every patch, and no other.
#[test]
fn every_mutation_is_in_the_table_of_clauses() {
    let root = root();
    let page = fs::read_to_string(root.join("tests/mutations/README.md")).unwrap();
    let named: BTreeSet<String> = page
        .split('`')
        .filter(|word| {
            let number = word.split('-').next().unwrap_or_default();
            number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect();
    let there: BTreeSet<String> = Mutation::all(&root).into_iter().map(|m| m.name).collect();
    assert_eq!(named, there, "left: the page's table; right: the patches");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}
