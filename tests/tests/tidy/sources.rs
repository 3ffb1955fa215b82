//! The house rules of source files that neither rustc nor clippy can hold.

use super::files::File;

/// Lines a file may have before its tests begin.
const MAX_LINES: usize = 800;

/// Where printing is the job; elsewhere it would go past the logs, which hold no values.
const MAY_PRINT: [&str; 4] = ["crates/cli/", "xtask/", "tests/", "benches/"];

/// Never in code, with the reason. In pieces, so that this file does not name them.
const NEVER: [(&str, &str); 3] = [
    (concat!("to", "do!"), "finish it or leave it out"),
    (concat!("unimpl", "emented!"), "finish it or leave it out"),
    (
        concat!("#[ig", "nore"),
        "a test runs or does not exist; budgets come by env variable",
    ),
];

pub(crate) fn check(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find = |line: usize, what: &str| {
        findings.push(format!("{}:{line}: {what}", file.path));
    };
    if !file.text.starts_with("//!") {
        find(
            1,
            "open with //! and say what this file owns and what it does not",
        );
    }
    if file.path.ends_with("/mod.rs") {
        find(1, "write foo.rs beside foo/");
    }
    let before_tests = before_tests(&file.text);
    let lines = before_tests.lines().count();
    if lines > MAX_LINES {
        find(lines, &format!("more than {MAX_LINES} lines: split it"));
    }
    for (number, code) in code(&file.text) {
        for (needle, reason) in NEVER {
            if code.contains(needle) {
                find(number, &format!("{needle}: {reason}"));
            }
        }
    }
    let may_print = MAY_PRINT.iter().any(|folder| file.path.starts_with(folder))
        || file.path.contains("/tests/")
        || file.path.ends_with("/build.rs");
    if !may_print {
        for (number, code) in code(before_tests) {
            // Also `eprint!`, `print!` and `println!`, which it ends with.
            if ["print!(", "println!("]
                .iter()
                .any(|name| code.contains(name))
            {
                find(number, "only the binary prints; use tracing");
            }
        }
    }
    findings
}

/// The modules that vouch for SQL put together at run time: for what is run here, and for what is
/// handed to an application.
const DYNAMIC_SQL: [&str; 2] = ["crates/db/src/sql.rs", "crates/fieldseal/src/bind.rs"];

/// SQL that is put together at run time is vouched for in these modules; tests and examples, which
/// stand for an application, do it themselves.
pub(crate) fn dynamic_sql_stands_in_its_modules(files: &[File]) -> Vec<String> {
    const NAME: &str = concat!("Assert", "SqlSafe");
    files
        .iter()
        .filter(|file| {
            ["crates/", "benches/", "xtask/", "doubles/"]
                .iter()
                .any(|folder| file.path.starts_with(folder))
        })
        .filter(|file| !file.path.contains("/tests/"))
        .filter(|file| !DYNAMIC_SQL.contains(&file.path.as_str()))
        .filter(|file| code(before_tests(&file.text)).any(|(_, code)| code.contains(NAME)))
        .map(|file| format!("{}: {NAME} belongs in {DYNAMIC_SQL:?}", file.path))
        .collect()
}

/// The text up to an inline module of unit tests.
fn before_tests(text: &str) -> &str {
    let mut at = 0;
    while let Some(found) = text[at..].find("#[cfg(test)]\nmod ") {
        let start = at + found;
        let rest = &text[start..];
        let module = rest.lines().nth(1).unwrap_or_default();
        if module.ends_with('{') {
            return &text[..start];
        }
        at = start + 1;
    }
    text
}

/// The lines with code, numbered from 1, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        // A `//` inside a string only cuts the line short: nothing is found that is not there.
        let code = line.split("//").next().unwrap_or_default();
        (!code.trim().is_empty()).then_some((index + 1, code))
    })
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINES, check, dynamic_sql_stands_in_its_modules};
    use crate::files::File;

    fn findings(path: &str, text: &str) -> usize {
        check(&File::example(path, text)).len()
    }

    #[test]
    fn a_good_file_passes() {
        let text = "//! Owns x.\n// a comment may say todo!()\nfn f() {}\n\
                    #[cfg(test)]\nmod tests {\n    fn g() { println!(); }\n}\n";
        assert_eq!(findings("crates/x/src/lib.rs", text), 0);
        let prints = "//! Owns x.\nfn f() { println!(); }\n";
        for path in [
            "crates/cli/src/main.rs",
            "crates/x/tests/a.rs",
            "crates/x/build.rs",
        ] {
            assert_eq!(findings(path, prints), 0, "{path}");
        }
    }

    #[test]
    fn every_slip_is_found() {
        for body in [
            concat!("fn f() { to", "do!() }"),
            concat!("fn f() { unimpl", "emented!(\"x\") }"),
            concat!("#[ig", "nore = \"slow\"]"),
            "fn f() { println!(); }",
            "fn f() { eprint!(\"\"); }",
        ] {
            let text = format!("//! Owns x.\n{body}\n");
            assert_eq!(findings("crates/x/src/lib.rs", &text), 1, "{body}");
        }
        assert_eq!(findings("crates/x/src/lib.rs", "fn f() {}\n"), 1);
        assert_eq!(findings("crates/x/src/y/mod.rs", "//! Owns y.\n"), 1);
    }

    #[test]
    fn tests_do_not_count_as_lines() {
        let long = format!("//! Owns x.\n{}", "fn f() {}\n".repeat(MAX_LINES - 1));
        let tests = "#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(
            findings("crates/x/src/lib.rs", &format!("{long}{tests}")),
            0
        );
        let longer = format!("{long}fn g() {{}}\n{tests}");
        assert_eq!(findings("crates/x/src/lib.rs", &longer), 1);
        let module_elsewhere = format!("//! X.\n#[cfg(test)]\nmod tests;\n{long}");
        assert_eq!(findings("crates/x/src/lib.rs", &module_elsewhere), 1);
    }

    #[test]
    fn dynamic_sql_in_another_place_is_found() {
        let text = concat!("//! Owns x.\nuse sqlx::Assert", "SqlSafe;\n");
        let found = |path: &str| {
            let files = [File::example(path, text)];
            dynamic_sql_stands_in_its_modules(&files).len()
        };
        assert_eq!(found("crates/db/src/sql.rs"), 0);
        assert_eq!(found("crates/fieldseal/src/bind.rs"), 0);
        assert_eq!(found("tests/tests/app/pages.rs"), 0);
        assert_eq!(found("crates/db/src/row.rs"), 1);
        assert_eq!(found("crates/store/src/lib.rs"), 1);
        assert_eq!(found("benches/src/main.rs"), 1);
    }
}
