//! What a compiler does not check and a reviewer forgets: which crate may lean on which, who may
//! name a guarded library, what an application links, under which licences libraries come, where
//! versions stand, how files begin, what may not be in them.
//!
//! Owns no rule about arrows itself: those are the tables in `ARCHITECTURE.md`. Every rule here
//! has a test that shows it fail.

mod architecture;
mod files;
mod linked;
mod manifests;
mod sources;
mod supply;
mod texts;

use files::File;

/// Fails with every finding at once, each with its place.
fn assert_tidy(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

fn ending(suffix: &str) -> Vec<File> {
    let mut files = files::all();
    files.retain(|file| file.path.ends_with(suffix));
    assert!(!files.is_empty(), "no file ends with {suffix}");
    files
}

#[test]
fn arrows_go_down_as_architecture_md_says() {
    let rules = architecture::Rules::parse(&files::read("ARCHITECTURE.md")).unwrap();
    assert_tidy(&rules.check(&architecture::packages()));
}

#[test]
fn manifests_leave_versions_and_lints_to_the_workspace() {
    let members: Vec<File> = ending("Cargo.toml")
        .into_iter()
        .filter(|file| manifests::is_member(&file.path))
        .collect();
    assert_tidy(
        &members
            .iter()
            .flat_map(manifests::check)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_library_is_under_an_allowed_licence() {
    let rules = supply::Rules::parse(&files::read("deny.toml"));
    assert_tidy(&rules.check(&supply::packages()));
}

#[test]
fn an_application_links_what_it_asks_for() {
    let manifest = files::read("crates/fieldseal/Cargo.toml");
    assert_tidy(&linked::check(&manifest));
    assert_tidy(&linked::tested(&manifest, &files::read("tests/Cargo.toml")));
}

#[test]
fn source_files_keep_the_house_rules() {
    let files = ending(".rs");
    assert_tidy(&files.iter().flat_map(sources::check).collect::<Vec<_>>());
    assert_tidy(&sources::dynamic_sql_stands_in_its_modules(&files));
}

#[test]
fn no_file_names_a_machine_or_another_registry() {
    assert_tidy(
        &files::all()
            .iter()
            .flat_map(texts::check)
            .collect::<Vec<_>>(),
    );
}
