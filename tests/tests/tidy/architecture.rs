//! The two tables of `ARCHITECTURE.md` against `cargo metadata`: levels and arrows between our
//! packages, and who may name a guarded library.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// A package of the workspace.
pub(crate) struct Package {
    name: String,
    folder: String,
    /// Everything it names in its manifest, for building, running and testing.
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    for_tests: bool,
}

/// A row of the table of packages.
struct Rule {
    package: String,
    folder: String,
    /// `None`: nobody may lean on it.
    level: Option<u32>,
    same_level: BTreeSet<String>,
    never: BTreeSet<String>,
}

/// What `ARCHITECTURE.md` says.
pub(crate) struct Rules {
    packages: Vec<Rule>,
    /// Library → the packages that may name it.
    guarded: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    pub(crate) fn parse(markdown: &str) -> Result<Self, String> {
        let mut rules = Self {
            packages: Vec::new(),
            guarded: BTreeMap::new(),
        };
        for row in table(markdown, "level")? {
            let [level, package, folder, same_level, never, _owns] = &row[..] else {
                return Err(format!("a package's row has 6 cells: {row:?}"));
            };
            let level = match level.as_str() {
                "–" => None,
                number => Some(number.parse().map_err(|_| format!("level {number}?"))?),
            };
            rules.packages.push(Rule {
                package: package.clone(),
                folder: folder.clone(),
                level,
                same_level: names(same_level),
                never: names(never),
            });
        }
        for row in table(markdown, "library")? {
            let [library, packages, ..] = &row[..] else {
                return Err(format!("a library's row has 2 cells: {row:?}"));
            };
            rules.guarded.insert(library.clone(), names(packages));
        }
        Ok(rules)
    }

    pub(crate) fn check(&self, packages: &[Package]) -> Vec<String> {
        let mut findings = Vec::new();
        for package in packages {
            match self.of(&package.name) {
                None => findings.push(format!("{} has no row", package.name)),
                Some(rule) => {
                    if rule.folder != package.folder {
                        findings.push(format!(
                            "{} lies in {}, its row says {}",
                            package.name, package.folder, rule.folder
                        ));
                    }
                    self.check_arrows(package, rule, &mut findings);
                    Self::check_never(package, rule, packages, &mut findings);
                }
            }
            self.check_guarded(package, &mut findings);
        }
        for rule in &self.packages {
            if !packages.iter().any(|package| package.name == rule.package) {
                findings.push(format!("{} has a row but is no package", rule.package));
            }
        }
        findings
    }

    fn of(&self, package: &str) -> Option<&Rule> {
        self.packages.iter().find(|rule| rule.package == package)
    }

    fn check_arrows(&self, package: &Package, rule: &Rule, findings: &mut Vec<String>) {
        for dependency in &package.dependencies {
            // What has no row is another's library.
            let Some(other) = self.of(&dependency.name) else {
                continue;
            };
            let allowed = match (rule.level, other.level) {
                (Some(_), None) => false,
                (None, None) => rule.same_level.contains(&dependency.name),
                (None, Some(_)) => true,
                (Some(mine), Some(its)) => {
                    its < mine || (its == mine && rule.same_level.contains(&dependency.name))
                }
            };
            if !allowed {
                findings.push(format!(
                    "{} may not lean on {}{}: arrows go down",
                    package.name,
                    dependency.name,
                    if dependency.for_tests {
                        " in its tests"
                    } else {
                        ""
                    },
                ));
            }
        }
    }

    /// What a package may not even reach through others; its tests may.
    fn check_never(
        package: &Package,
        rule: &Rule,
        packages: &[Package],
        findings: &mut Vec<String>,
    ) {
        let mut reached = BTreeSet::new();
        let mut next = vec![package];
        while let Some(from) = next.pop() {
            for dependency in from.dependencies.iter().filter(|d| !d.for_tests) {
                if reached.insert(dependency.name.as_str()) {
                    next.extend(packages.iter().find(|other| other.name == dependency.name));
                }
            }
        }
        for name in &rule.never {
            if reached.contains(name.as_str()) {
                findings.push(format!("{} must never reach {name}", package.name));
            }
        }
    }

    fn check_guarded(&self, package: &Package, findings: &mut Vec<String>) {
        for dependency in &package.dependencies {
            if let Some(allowed) = self.guarded.get(&dependency.name)
                && !allowed.contains(&package.name)
            {
                findings.push(format!(
                    "{} may not name {}, which is kept for {allowed:?}",
                    package.name, dependency.name
                ));
            }
        }
    }
}

/// The rows of the table whose header begins with `first`, cell by cell, without back-ticks.
fn table(markdown: &str, first: &str) -> Result<Vec<Vec<String>>, String> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        let cells = inner.split('|');
        cells.map(|cell| cell.trim().replace('`', "")).collect()
    };
    let rows: Vec<Vec<String>> = markdown
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {first} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect();
    if rows.is_empty() {
        return Err(format!("no table begins with a column {first}"));
    }
    Ok(rows)
}

/// The names in a cell, separated by commas; `–` is none.
fn names(cell: &str) -> BTreeSet<String> {
    let names = cell.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty() && *name != "–")
        .map(str::to_owned)
        .collect()
}

/// The workspace as cargo sees it.
pub(crate) fn packages() -> Vec<Package> {
    let root = super::files::root();
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(&root)
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    // As cargo writes it, which may differ from ours by a symbolic link.
    let root = text(&metadata["workspace_root"]);
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages.iter().map(|value| package(value, root)).collect()
}

fn package(value: &Value, root: &str) -> Package {
    let manifest = text(&value["manifest_path"]);
    let folder = manifest
        .strip_prefix(root)
        .and_then(|path| path.strip_suffix("Cargo.toml"))
        .expect("a member lies in the workspace");
    let dependencies = value["dependencies"].as_array().expect("a list");
    Package {
        name: text(&value["name"]).to_owned(),
        folder: folder.trim_matches('/').to_owned(),
        dependencies: dependencies
            .iter()
            .map(|dependency| Dependency {
                name: text(&dependency["name"]).to_owned(),
                for_tests: dependency["kind"] == "dev",
            })
            .collect(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text in cargo's metadata")
}

#[cfg(test)]
mod tests {
    use super::{Dependency, Package, Rules};

    const TABLES: &str = "\
| level | package | folder | inside its level | never | owns |
|---|---|---|---|---|---|
| 0 | `base` | `crates/base` | – | – | x |
| 1 | `left` | `crates/left` | `right` | – | x |
| 1 | `right` | `crates/right` | – | – | x |
| 2 | `top` | `crates/top` | – | `right` | x |
| – | `tool` | `tool` | – | – | x |

| library | only in |
|---|---|
| `cipher` | `base`, `left` |
";

    fn findings(changes: &[(&str, &str)]) -> Vec<String> {
        let package = |name: &str, folder: &str| Package {
            name: name.to_owned(),
            folder: folder.to_owned(),
            dependencies: changes
                .iter()
                .filter(|(from, _)| *from == name)
                .map(|(_, to)| Dependency {
                    name: to.trim_start_matches("dev:").to_owned(),
                    for_tests: to.starts_with("dev:"),
                })
                .collect(),
        };
        let packages = [
            package("base", "crates/base"),
            package("left", "crates/left"),
            package("right", "crates/right"),
            package("top", "crates/top"),
            package("tool", "tool"),
        ];
        Rules::parse(TABLES).unwrap().check(&packages)
    }

    #[test]
    fn arrows_down_and_listed_ones_are_allowed() {
        let good = [
            ("left", "base"),
            ("left", "right"),
            ("left", "cipher"),
            ("top", "base"),
            ("tool", "top"),
            ("top", "serde"),
            ("top", "dev:right"),
        ];
        assert_eq!(findings(&good), Vec::<String>::new());
    }

    #[test]
    fn every_other_arrow_is_found() {
        for bad in [
            ("base", "left"),      // up
            ("right", "left"),     // inside a level, not listed
            ("left", "dev:top"),   // up, in tests
            ("top", "tool"),       // onto a package without a level
            ("tool", "dev:tool"),  // likewise
            ("top", "right"),      // never
            ("right", "cipher"),   // guarded
            ("top", "dev:cipher"), // guarded, in tests
        ] {
            assert_eq!(findings(&[bad]).len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn never_also_means_through_others() {
        let found = findings(&[("top", "left"), ("left", "right")]);
        assert_eq!(found, ["top must never reach right"]);
    }

    #[test]
    fn table_and_workspace_name_the_same_packages() {
        let rules = Rules::parse(TABLES).unwrap();
        assert_eq!(rules.check(&[]).len(), 5);
        let unknown = Package {
            name: "new".to_owned(),
            folder: "crates/new".to_owned(),
            dependencies: Vec::new(),
        };
        assert_eq!(rules.check(&[unknown])[0], "new has no row");
        let moved = Package {
            name: "base".to_owned(),
            folder: "crates/elsewhere".to_owned(),
            dependencies: Vec::new(),
        };
        assert!(rules.check(&[moved])[0].contains("its row says"));
    }

    #[test]
    fn a_page_without_the_tables_is_an_error() {
        assert!(Rules::parse("# Nothing").is_err());
        assert!(Rules::parse(&TABLES.replace("| 0 |", "| zero |")).is_err());
    }
}
