//! What no file of the checkout may hold: paths of the machine it was written on, and package
//! registries other than the public ones.

use super::files::File;

/// In pieces, so that this file does not name them.
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
const NPM: &str = "\"resolved\": \"https://registry.npmjs.org/";

pub(crate) fn check(file: &File) -> Vec<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let mut findings = Vec::new();
    if [".npmrc", "pip.conf"].contains(&name) {
        findings.push(format!(
            "{}: belongs to a machine, not to the project",
            file.path
        ));
    }
    for (index, line) in file.text.lines().enumerate() {
        let mut find = |what: &str| {
            findings.push(format!("{}:{}: {what}", file.path, index + 1));
        };
        if MACHINE_PATHS.iter().any(|path| names_path(line, path)) {
            find("a path of somebody's machine");
        }
        if names_registry(name, &file.path, line.trim()) {
            find("a registry other than the public one");
        }
    }
    findings
}

/// Whether the absolute path stands in the line, and not as the end of a longer one.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-~}>)*".contains(c))
    })
}

fn names_registry(name: &str, path: &str, line: &str) -> bool {
    match name {
        "Cargo.lock" => line.starts_with("source = ") && line != CRATES_IO,
        "package-lock.json" => line.starts_with("\"resolved\"") && !line.starts_with(NPM),
        "config.toml" if path.contains(".cargo/") => ["[source", "[registr", "registry"]
            .iter()
            .any(|start| line.starts_with(start)),
        _ if name.starts_with("requirements") => [
            "-i ",
            "--index-url",
            "--extra-index-url",
            "--find-links",
            "--trusted-host",
        ]
        .iter()
        .any(|start| line.starts_with(start)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::files::File;

    fn findings(path: &str, text: &str) -> usize {
        check(&File::example(path, text)).len()
    }

    #[test]
    fn good_files_pass() {
        for text in [
            "see docs/work/plan",
            "$HOME/work/x and ../root/y",
            "https://example.org/work/",
        ] {
            assert_eq!(findings("README.md", text), 0, "{text}");
        }
        assert_eq!(findings("Cargo.lock", super::CRATES_IO), 0);
        assert_eq!(
            findings("requirements.txt", "cryptography==1 --hash=sha256:00"),
            0
        );
    }

    #[test]
    fn machine_paths_are_found() {
        for path in super::MACHINE_PATHS {
            for text in [
                format!("{path}x"),
                format!("a `{path}x`"),
                format!("f={path}x"),
            ] {
                assert_eq!(findings("README.md", &text), 1, "{text}");
            }
        }
    }

    #[test]
    fn other_registries_are_found() {
        for (path, text) in [
            (
                "Cargo.lock",
                "source = \"registry+https://example.org/index\"",
            ),
            ("fuzz/Cargo.lock", "source = \"git+https://example.org/x\""),
            (
                "tests/package-lock.json",
                "  \"resolved\": \"https://example.org/x.tgz\",",
            ),
            (".cargo/config.toml", "[source.crates-io]"),
            (
                "tests/python/requirements.txt",
                "--index-url https://example.org",
            ),
            ("tests/.npmrc", "x"),
        ] {
            assert_eq!(findings(path, text), 1, "{path}");
        }
    }
}
