//! The members' manifests: no version of their own, the workspace's lints.

use toml::{Table, Value};

use super::files::File;

/// Whether a path is the manifest of a member of the workspace (the fuzz package is none).
pub(crate) fn is_member(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts[..],
        ["crates" | "examples", _, "Cargo.toml"] | ["xtask" | "tests" | "benches", "Cargo.toml"]
    )
}

pub(crate) fn check(file: &File) -> Vec<String> {
    let manifest: Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{}: {error}", file.path)],
    };
    let mut findings = Vec::new();
    if !from_workspace(manifest.get("lints")) {
        findings.push(format!(
            "{}: [lints] workspace = true is missing",
            file.path
        ));
    }
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        let package = manifest.get("package").and_then(Value::as_table);
        if !from_workspace(package.and_then(|package| package.get(field))) {
            findings.push(format!("{}: say {field}.workspace = true", file.path));
        }
    }
    let targets = manifest.get("target").and_then(Value::as_table);
    let sections = std::iter::once(&manifest).chain(
        targets
            .into_iter()
            .flat_map(|t| t.values())
            .filter_map(Value::as_table),
    );
    for section in sections {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let named = section.get(kind).and_then(Value::as_table);
            for (name, value) in named.into_iter().flatten() {
                if !from_workspace(Some(value)) {
                    findings.push(format!(
                        "{}: {name} must say workspace = true; its version stands in the root",
                        file.path
                    ));
                }
            }
        }
    }
    findings
}

fn from_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
}

#[cfg(test)]
mod tests {
    use super::{check, is_member};
    use crate::files::File;

    const GOOD: &str = "\
[package]
name = 'x'
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true
[dependencies]
serde = { workspace = true, features = ['rc'] }
[target.'cfg(unix)'.dev-dependencies]
libc.workspace = true
[lints]
workspace = true
";

    fn findings(text: &str) -> usize {
        check(&File::example("crates/x/Cargo.toml", text)).len()
    }

    #[test]
    fn a_good_manifest_passes() {
        assert_eq!(findings(GOOD), 0);
    }

    #[test]
    fn every_slip_is_found() {
        for (good, bad) in [
            ("{ workspace = true, features = ['rc'] }", "'1.0'"),
            (
                "{ workspace = true, features = ['rc'] }",
                "{ path = '../serde' }",
            ),
            ("libc.workspace = true", "libc = { version = '0.2' }"),
            ("[lints]\nworkspace = true", ""),
            (
                "[lints]\nworkspace = true",
                "[lints.clippy]\npedantic = 'allow'",
            ),
            (
                "version.workspace = true\nedition",
                "version = '1.0.0'\nedition",
            ),
            ("[dependencies]", "[dependencies"),
        ] {
            let text = GOOD.replacen(good, bad, 1);
            assert_ne!(text, GOOD);
            assert_eq!(findings(&text), 1, "{bad}");
        }
    }

    #[test]
    fn members_are_told_from_other_manifests() {
        for member in ["crates/model", "examples/shop-api", "xtask"] {
            assert!(is_member(&format!("{member}/Cargo.toml")), "{member}");
        }
        for other in [
            "Cargo.toml",
            "fuzz/Cargo.toml",
            "crates/model/fuzz/Cargo.toml",
        ] {
            assert!(!is_member(other), "{other}");
        }
    }
}
