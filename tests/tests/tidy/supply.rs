//! What `deny.toml` says of licences and of libraries nobody may use, against `cargo metadata`:
//! so that these two hold wherever the tests run. The rest of that file (advisories, duplicates,
//! other platforms' packages) needs `cargo deny`.

use std::process::Command;

use serde_json::Value as Json;
use toml::Table;

/// The part of `deny.toml` that is read here.
pub(crate) struct Rules {
    licences: Vec<String>,
    /// Libraries that nobody at all may use; those with `wrappers` are for `cargo deny`.
    banned: Vec<String>,
}

/// A package of the whole tree, as it names itself.
pub(crate) struct Package {
    name: String,
    licence: String,
}

impl Rules {
    pub(crate) fn parse(deny: &str) -> Self {
        let deny: Table = deny.parse().expect("deny.toml is TOML");
        let text = |value: &toml::Value| value.as_str().expect("a text").to_owned();
        let licences = deny["licenses"]["allow"].as_array().expect("a list");
        let bans = deny["bans"]["deny"].as_array().expect("a list");
        Self {
            licences: licences.iter().map(text).collect(),
            banned: bans
                .iter()
                .filter(|ban| ban.get("wrappers").is_none())
                .map(|ban| text(&ban["crate"]))
                .collect(),
        }
    }

    pub(crate) fn check(&self, packages: &[Package]) -> Vec<String> {
        let mut findings = Vec::new();
        for Package { name, licence } in packages {
            if self.banned.contains(name) {
                findings.push(format!("{name}: banned by deny.toml"));
            }
            if !self.allows(licence) {
                findings.push(format!(
                    "{name}: its licence {licence:?} is not in deny.toml"
                ));
            }
        }
        findings
    }

    /// Whether an SPDX expression (with `/` for OR, as old packages write it) can be met by what
    /// is allowed. What cannot be read is not allowed.
    fn allows(&self, expression: &str) -> bool {
        let spaced = expression.replace('/', " OR ");
        let spaced = spaced.replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut words = &words[..];
        self.any(&mut words) == Some(true) && words.is_empty()
    }

    fn any(&self, words: &mut &[&str]) -> Option<bool> {
        let mut met = self.all(words)?;
        while take(words, "OR") {
            met |= self.all(words)?;
        }
        Some(met)
    }

    fn all(&self, words: &mut &[&str]) -> Option<bool> {
        let mut met = self.one(words)?;
        while take(words, "AND") {
            met &= self.one(words)?;
        }
        Some(met)
    }

    fn one(&self, words: &mut &[&str]) -> Option<bool> {
        if take(words, "(") {
            let met = self.any(words)?;
            return take(words, ")").then_some(met);
        }
        let mut licence = (*words.split_off_first()?).to_owned();
        if take(words, "WITH") {
            licence = format!("{licence} WITH {}", words.split_off_first()?);
        }
        Some(self.licences.contains(&licence))
    }
}

/// Takes the next word if it is this one.
fn take(words: &mut &[&str], word: &str) -> bool {
    let there = words.first() == Some(&word);
    if there {
        *words = &words[1..];
    }
    there
}

/// Every package that is built or tested on this machine's platform.
pub(crate) fn packages() -> Vec<Package> {
    let version = run(Command::new("rustc").arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let mut metadata = Command::new(env!("CARGO"));
    metadata
        .args(["metadata", "--format-version", "1", "--offline"])
        // Other platforms' packages need not have been fetched.
        .args(["--filter-platform", host.expect("rustc names its host")])
        .current_dir(super::files::root());
    let metadata: Json = serde_json::from_str(&run(&mut metadata)).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    packages
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            licence: text(&package["license"]),
        })
        .collect()
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

#[cfg(test)]
mod tests {
    use super::{Package, Rules, packages};

    fn rules() -> Rules {
        Rules::parse(
            "[licenses]\nallow = ['MIT', 'ISC', 'Zlib']\n\
             [bans]\ndeny = [{ crate = 'bad' }, { crate = 'guarded', wrappers = ['one'] }]\n",
        )
    }

    #[test]
    fn expressions_are_judged_by_their_operators() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "GPL-3.0-only/MIT",
            "MIT AND ISC",
            "(GPL-3.0-only OR MIT) AND Zlib",
            "GPL-3.0-only OR MIT AND ISC",
        ] {
            assert!(rules().allows(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0-only",
            "mit",
            "MIT AND GPL-3.0-only",
            "(MIT OR ISC) AND GPL-3.0-only",
            "GPL-3.0-only OR MIT AND GPL-2.0-only",
            "MIT WITH some-exception",
            "MIT OR",
            "(MIT",
            "MIT ISC",
        ] {
            assert!(!rules().allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_bad_package_is_found() {
        let findings = |name: &str, licence: &str| {
            let (name, licence) = (name.to_owned(), licence.to_owned());
            rules().check(&[Package { name, licence }]).len()
        };
        assert_eq!(findings("good", "MIT"), 0);
        assert_eq!(findings("guarded", "MIT"), 0);
        assert_eq!(findings("bad", "MIT"), 1);
        assert_eq!(findings("bad", ""), 2);
    }

    #[test]
    fn the_whole_tree_is_looked_at() {
        let packages = packages();
        for name in ["fieldseal-envelope", "aes-gcm", "subtle"] {
            assert!(
                packages.iter().any(|package| package.name == name),
                "{name}"
            );
        }
    }
}
