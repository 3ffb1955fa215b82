//! Makes Rust's half of `tests/vectors/` (`docs/FORMAT.md`, section 8), the same bytes every
//! time, and tests that the files are those. Owns writing and comparing; the cases are in its
//! modules. It is a part of the crate's own tests, since it seals with nonces of its own choice,
//! which the public interface does not take. To write files for new cases:
//! `FIELDSEAL_WRITE_VECTORS=1 cargo test -p fieldseal-envelope vector_maker`.

mod columns;
mod damaged;
mod draft;
mod free_values;
mod indexes_and_wraps;
mod values;

use std::collections::BTreeSet;
use std::path::PathBuf;

const EMAIL: &[u8] = b"ada@example.org";
const DOES_NOT_OPEN: &str = "does not open";
const NOT_SEALED: &str = "not sealed";

#[test]
fn the_files_are_what_this_code_makes() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let write = std::env::var_os("FIELDSEAL_WRITE_VECTORS").is_some();
    let parts = [
        columns::wrong_places(),
        free_values::free_values(),
        damaged::damaged(),
        values::values(),
        values::row_keys(),
        indexes_and_wraps::indexes(),
        indexes_and_wraps::wraps(),
    ];
    let mut names = BTreeSet::new();
    for draft in parts.concat() {
        assert!(
            names.insert(draft.name.clone()),
            "{} is made twice",
            draft.name
        );
        let file = folder.join(format!("{}.txt", draft.name));
        if write {
            std::fs::write(&file, draft.text()).unwrap();
        }
        let stored = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(stored, draft.text(), "{}", file.display());
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let ours = text.contains("\nmade by: rust\n");
        assert_eq!(ours, names.contains(name), "{name}: who made it?");
    }
}
