//! The fuzz target's function over its corpus and over every fixture, without a fuzzer.

use crate::describe::{files, folder};

#[expect(
    unreachable_pub,
    reason = "public in the fuzz package, which shares the file"
)]
#[path = "../../../../fuzz/src/decode.rs"]
mod target;

#[test]
fn the_corpus_and_all_fixtures_pass_the_fuzz_target() {
    for path in [
        "fuzz/corpus/decode",
        "tests/fixtures/dms",
        "tests/fixtures/hostile",
    ] {
        let folder = folder(path);
        let names = files(&folder);
        assert!(names.len() >= 10, "{path}: {}", names.len());
        for name in names {
            target::fuzz_decode(&std::fs::read(folder.join(name)).unwrap());
        }
    }
}
