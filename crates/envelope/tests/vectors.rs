//! Judges every file of `tests/vectors/` (`docs/FORMAT.md`, section 8) through the public API.
//! A new file is a new case; the class of a failure is asserted, not only that it fails.

#![allow(clippy::unwrap_used, reason = "a panic in a test is its failure")]

#[path = "vectors/file.rs"]
mod file;
#[path = "vectors/judge.rs"]
mod judge;

use std::path::Path;

use file::VectorFile;

#[test]
fn every_vector_is_judged_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let mut judged = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.ends_with(".txt"), "{name} is no vector");
        let vector = VectorFile::parse(&name, &text);
        let (expected, found) = (vector.get("expect"), judge::outcome(&vector));
        if expected != found {
            wrong.push(format!("{name}: expected `{expected}`, found `{found}`"));
        }
        judged += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged >= 60, "only {judged} vectors were read");
    println!("judged {judged} vectors");
}
