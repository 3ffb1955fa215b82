//! The copy of the workspace that mutations are applied to. Owns what is copied, and building
//! there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::patch::Killer;

/// What the copy leaves out: built things, and tests that would only be built in vain.
const LEFT_OUT: [&str; 6] = [
    "target",
    ".git",
    "fuzz/target",
    "tests/src/bin",
    "tests/vectors",
    "tests/tests",
];

/// The tests across crates that find mutations.
const KEPT: [&str; 6] = [
    "tests/tests/adversity",
    "tests/tests/clauses",
    "tests/tests/histories_mariadb.rs",
    "tests/tests/histories_postgres.rs",
    "tests/tests/histories_sqlite.rs",
    "tests/tests/source",
];

/// What cargo tells a test about its package. Build scripts of libraries look at the same
/// variables, and those libraries would be built again.
const OUR_OWN: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// It has no library, so nothing of it is built; its features are almost the whole workspace's.
const EVERYTHING: &str = "fieldseal-cli";

/// A copy of the workspace. It shares the target folder, so that only Fieldseal's own packages
/// are built again, and it stays there, so that the next time only what changed is.
pub(crate) struct Copy {
    pub(crate) root: PathBuf,
    target: PathBuf,
}

impl Copy {
    pub(crate) fn of(root: &Path) -> Self {
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
        copy.forget_former_tests();
        for kept in KEPT {
            if root.join(kept).is_dir() {
                mirror(root, &copy.root, Path::new(kept));
            } else {
                write_if_new(&copy.root.join(kept), &fs::read(root.join(kept)).unwrap());
            }
        }
        copy
    }

    /// A test that an earlier copy kept under another path would be a second one of its name.
    fn forget_former_tests(&self) {
        let tests = Path::new("tests/tests");
        let Ok(entries) = fs::read_dir(self.root.join(tests)) else {
            return;
        };
        for entry in entries {
            let path = tests.join(entry.unwrap().file_name());
            if !KEPT.iter().any(|kept| path == Path::new(kept)) {
                remove(&self.root.join(path));
            }
        }
    }

    /// Builds what could find the mutation and answers the program.
    pub(crate) fn build(&self, name: &str, killer: &Killer) -> Result<PathBuf, String> {
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
            Killer::Histories { target } | Killer::Test { target, .. } => {
                cargo.args(["--workspace", "--test", target])
            }
            // For the same reason with the package that leans on every library.
            Killer::Unit { package } => cargo.args(["-p", package, "-p", EVERYTHING, "--lib"]),
        };
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if OUR_OWN.iter().any(|prefix| name.starts_with(prefix)) {
                cargo.env_remove(&variable);
            }
        }
        let cargo = cargo
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            // A mutation changes one function: all other code of its crate, and of the crates
            // above it, need not be made again. Measured: a sixth of the time.
            .env("CARGO_INCREMENTAL", "1");
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

/// Copies what is new, so that what is not keeps its time and is not built again.
fn mirror(from: &Path, to: &Path, below: &Path) {
    fs::create_dir_all(to.join(below)).unwrap();
    for entry in fs::read_dir(to.join(below)).unwrap() {
        let path = below.join(entry.unwrap().file_name());
        if !from.join(&path).exists() {
            remove(&to.join(&path));
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
        } else {
            let mut bytes = fs::read(from.join(&path)).unwrap();
            if [Path::new("Cargo.toml"), Path::new("Cargo.lock")].contains(&path.as_path()) {
                bytes = of_another_version(&String::from_utf8(bytes).unwrap()).into_bytes();
            }
            write_if_new(&to.join(&path), &bytes);
        }
    }
}

fn remove(path: &Path) {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.unwrap();
}

/// The workspace's manifest or lock file with a version of Fieldseal's packages that is the copy's
/// alone. Else cargo would take what was built of a mutated file for the workspace's own: it tells
/// packages of two folders apart by nothing but name and version.
fn of_another_version(text: &str) -> String {
    let own = concat!("\nversion = \"", env!("CARGO_PKG_VERSION"), "\"");
    let of_the_copy = concat!("\nversion = \"", env!("CARGO_PKG_VERSION"), "+mutated\"");
    let packages = text.split("\n\n").map(|package| {
        // Libraries from a registry may have the same version.
        if package.contains("\nsource = ") {
            package.to_owned()
        } else {
            package.replace(own, of_the_copy)
        }
    });
    packages.collect::<Vec<_>>().join("\n\n")
}

fn write_if_new(path: &Path, bytes: &[u8]) {
    if fs::read(path).ok().as_deref() != Some(bytes) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
