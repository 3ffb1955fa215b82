//! One patch. Owns reading it, who finds it, and applying it by its text.

use std::fs;
use std::path::{Path, PathBuf};

/// Who finds a mutation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Killer {
    /// Random histories, in the test target of this name.
    Histories { target: String },
    /// An integration test.
    Test { target: String, filter: String },
    /// A package's unit tests. Last, since they are built with that package's features alone.
    Unit { package: String },
}

impl Killer {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let killer = match (words.next()?, words.next(), words.next()) {
            ("histories", None, None) => Self::histories("sqlite"),
            ("histories", Some(server @ ("postgres" | "mariadb")), None) => Self::histories(server),
            ("test", Some(target), Some(filter)) => Self::Test {
                target: target.to_owned(),
                filter: filter.to_owned(),
            },
            ("unit", Some(package), None) => Self::Unit {
                package: package.to_owned(),
            },
            _ => return None,
        };
        words.next().is_none().then_some(killer)
    }

    fn histories(server: &str) -> Self {
        Self::Histories {
            target: format!("histories_{server}"),
        }
    }

    /// On SQLite, where nothing but the histories themselves could make them fail.
    pub(crate) fn has_a_test_of_its_own(&self) -> bool {
        *self == Self::histories("sqlite")
    }
}

pub(crate) struct Mutation {
    pub(crate) name: String,
    pub(crate) killer: Killer,
    diff: String,
}

/// One file of a mutation, before and after.
pub(crate) struct Changed {
    pub(crate) path: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

impl Mutation {
    pub(crate) fn all(root: &Path) -> Vec<Self> {
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
        let killer = line.strip_prefix("killed by: ").and_then(Killer::parse);
        let killer = killer.unwrap_or_else(|| panic!("{name}: its second line says who finds it"));
        Self { name, killer, diff }
    }

    /// The first file that it changes.
    pub(crate) fn first_path(&self) -> String {
        let section = self.diff.split("\n--- a/").nth(1).unwrap_or_default();
        section.lines().next().unwrap_or_default().to_owned()
    }

    /// The changed files by path. A hunk is found by its text, which must stand in the file
    /// exactly once; line numbers do not matter.
    pub(crate) fn apply(&self, root: &Path) -> Result<Vec<Changed>, String> {
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
