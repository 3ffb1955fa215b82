//! Every clause of the ordering rule is held by a test: each patch in `tests/mutations/` removes
//! one from a copy of the workspace, and then some history must end wrong, or a unit test fail.
//!
//! A patch is a unified diff under a first line that names the clause and a second that says who
//! finds it missing: `killed by: histories`, or `killed by: unit PACKAGE`. A patch that no longer
//! applies is a failure, and so is one that nobody notices. `FIELDSEAL_SKIP_MUTATIONS=1` leaves
//! them out on a developer's machine; `FIELDSEAL_MUTATION=10,21` tries those alone.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in a test, a panic is the failure, and it says what it tried"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// As many as find every mutation from this seed, with room.
const HISTORIES: &str = "2000";
const SEED: &str = "1";

/// What the copy leaves out: built things, and tests that would only be built in vain.
const LEFT_OUT: [&str; 7] = [
    "target",
    ".git",
    "fuzz",
    "tests/src/bin",
    "tests/fixtures",
    "tests/vectors",
    "tests/tests",
];

/// All that the copy's test package holds.
const LIBRARY: &str = "//! The histories alone.\n\npub mod databases;\npub mod histories;\n";

#[test]
fn every_clause_of_the_ordering_rule_is_held_by_a_test() {
    if std::env::var_os("FIELDSEAL_SKIP_MUTATIONS").is_some() {
        println!("MUTATIONS LEFT OUT: FIELDSEAL_SKIP_MUTATIONS is set");
        return;
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned();
    let copy = Copy::of(&root);
    let wanted = std::env::var("FIELDSEAL_MUTATION").unwrap_or_default();
    let mut mutations: Vec<Mutation> = Mutation::all(&root)
        .into_iter()
        .filter(|m| wanted.split(',').any(|wanted| m.name.starts_with(wanted)))
        .collect();
    // Last, since nearly everything leans on what they change.
    mutations.sort_by_key(|mutation| matches!(mutation.killer, Killer::Unit(_)));
    assert!(!mutations.is_empty(), "no mutation is called {wanted}");
    let mut failures = Vec::new();
    // The patches are looked at first: one that does not apply is cheap to find.
    for mutation in &mutations {
        failures.extend(mutation.apply(&copy.root).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    copy.build("unmutated", &Killer::Histories)
        .unwrap_or_else(|text| panic!("{text}"));
    // While one mutation is tried, the next one is built.
    let mut trial: Option<Trial> = None;
    for mutation in &mutations {
        let files = mutation.apply(&copy.root).unwrap();
        for Changed { path, new, .. } in &files {
            fs::write(copy.root.join(path), new).unwrap();
        }
        let built = copy.build(&mutation.name, &mutation.killer);
        failures.extend(trial.take().and_then(Trial::survivor));
        match built {
            Ok(program) => trial = Some(Trial::start(mutation, &program)),
            Err(text) => failures.push(format!("{} does not compile:\n{text}", mutation.name)),
        }
        for Changed { path, old, .. } in &files {
            fs::write(copy.root.join(path), old).unwrap();
        }
    }
    failures.extend(trial.and_then(Trial::survivor));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{} mutations, each found", mutations.len());
}

/// Who finds a mutation.
enum Killer {
    Histories,
    Unit(String),
}

struct Mutation {
    name: String,
    killer: Killer,
    diff: String,
}

impl Mutation {
    fn all(root: &Path) -> Vec<Self> {
        let mut files: Vec<PathBuf> = fs::read_dir(root.join("tests/mutations"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "patch")
            })
            .collect();
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let diff = fs::read_to_string(path).unwrap();
        let line = diff.lines().nth(1).unwrap_or_default();
        let killer = match line.strip_prefix("killed by: ") {
            Some("histories") => Killer::Histories,
            Some(unit) if unit.starts_with("unit ") => Killer::Unit(unit[5..].to_owned()),
            _ => panic!("{name}: its second line says who finds it"),
        };
        Self { name, killer, diff }
    }

    /// The changed files by path. A hunk is found by its text, which must stand in the file
    /// exactly once; line numbers do not matter.
    fn apply(&self, root: &Path) -> Result<Vec<Changed>, String> {
        let mut changed = Vec::new();
        for section in self.diff.split("\n--- a/").skip(1) {
            let (path, rest) = section.split_once('\n').unwrap();
            let before = fs::read_to_string(root.join(path))
                .map_err(|error| format!("{}: {path}: {error}", self.name))?;
            let mut text = before.clone();
            for hunk in rest.split("\n@@ ").skip(1) {
                let side = |sign: char| -> String {
                    let lines = hunk.lines().skip(1);
                    let of_side = lines.filter(|line| line.starts_with([' ', sign]));
                    of_side.flat_map(|line| [&line[1..], "\n"]).collect()
                };
                let (old, new) = (side('-'), side('+'));
                if text.matches(&old).count() != 1 {
                    return Err(format!("{} no longer applies to {path}:\n{old}", self.name));
                }
                text = text.replacen(&old, &new, 1);
            }
            changed.push(Changed {
                path: path.to_owned(),
                old: before,
                new: text,
            });
        }
        if changed.is_empty() {
            Err(format!("{} changes nothing", self.name))
        } else {
            Ok(changed)
        }
    }
}

/// One file of a mutation, before and after.
struct Changed {
    path: String,
    old: String,
    new: String,
}

/// A copy of the workspace. It shares the target folder, so that only Fieldseal's own packages
/// are built again, and it stays there, so that the next time only what changed is.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn of(root: &Path) -> Self {
        // This program lies in TARGET/debug/deps.
        let target = std::env::current_exe()
            .unwrap()
            .ancestors()
            .nth(3)
            .unwrap()
            .to_owned();
        let copy = Self {
            root: target.join("mutations"),
            target,
        };
        mirror(root, &copy.root, Path::new(""));
        write_if_new(&copy.root.join("tests/src/lib.rs"), LIBRARY.as_bytes());
        let histories = "tests/tests/histories_sqlite.rs";
        write_if_new(
            &copy.root.join(histories),
            &fs::read(root.join(histories)).unwrap(),
        );
        copy
    }

    /// Builds what could find the mutation and answers the program.
    fn build(&self, name: &str, killer: &Killer) -> Result<PathBuf, String> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([
            "test",
            "--no-run",
            "--offline",
            "--locked",
            "--message-format=json-render-diagnostics",
        ]);
        match killer {
            // With the whole workspace's features, so that no library is built twice.
            Killer::Histories => cargo.args(["--workspace", "--test", "histories_sqlite"]),
            Killer::Unit(package) => cargo.args(["-p", package, "--lib"]),
        };
        let cargo = cargo
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target);
        let Output {
            status,
            stdout,
            stderr,
        } = cargo.output().unwrap();
        if !status.success() {
            return Err(String::from_utf8_lossy(&stderr).into_owned());
        }
        let messages = String::from_utf8(stdout).unwrap();
        let program = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned()))
            .next_back()
            .ok_or_else(|| format!("{name}: cargo named no program"))?;
        // The next build writes to the same place.
        let own = self.target.join("mutation-programs");
        fs::create_dir_all(&own).unwrap();
        let own = own.join(name);
        fs::copy(program, &own).unwrap();
        Ok(own)
    }
}

/// One mutation under test.
struct Trial {
    name: String,
    program: PathBuf,
    child: Child,
}

impl Trial {
    fn start(mutation: &Mutation, program: &Path) -> Self {
        let child = Command::new(program)
            .env("FIELDSEAL_HISTORIES", HISTORIES)
            .env("FIELDSEAL_SEED", SEED)
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            name: mutation.name.clone(),
            program: program.to_owned(),
            child,
        }
    }

    /// What to say if nobody noticed.
    fn survivor(self) -> Option<String> {
        let output = self.child.wait_with_output().unwrap();
        fs::remove_file(&self.program).unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        // A test that failed, and not a program that could not run.
        let found = !output.status.success() && text.contains("test result: FAILED");
        if found {
            println!("{}: found", self.name);
            None
        } else {
            Some(format!("{} was not noticed", self.name))
        }
    }
}

/// Copies what is new, so that what is not keeps its time and is not built again.
fn mirror(from: &Path, to: &Path, below: &Path) {
    fs::create_dir_all(to.join(below)).unwrap();
    for entry in fs::read_dir(to.join(below)).unwrap() {
        let path = below.join(entry.unwrap().file_name());
        if !from.join(&path).exists() {
            let gone = to.join(&path);
            let removed = if gone.is_dir() {
                fs::remove_dir_all(gone)
            } else {
                fs::remove_file(gone)
            };
            removed.unwrap();
        }
    }
    for entry in fs::read_dir(from.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        if LEFT_OUT.iter().any(|left_out| path == Path::new(left_out)) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            mirror(from, to, &path);
        } else if path != Path::new("tests/src/lib.rs") {
            write_if_new(&to.join(&path), &fs::read(from.join(&path)).unwrap());
        }
    }
}

fn write_if_new(path: &Path, bytes: &[u8]) {
    if fs::read(path).ok().as_deref() != Some(bytes) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
