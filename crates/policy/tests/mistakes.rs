//! Every mistake with its exact message and place. The cases stand in `mistakes.txt`: a title,
//! a file, and what is reported for it. A file lacks the sections it is not about; they are put
//! at its end, where they move no line. `UPDATE_GOLDEN=1` rewrites what is reported.

use std::fmt::Write as _;
use std::path::Path;

use fieldseal_policy::Policy;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes.txt");

/// A section with the text that stands in for it.
const SECTIONS: [(&str, &str); 4] = [
    (
        "[source]",
        "id = \"s\"\nengine = \"mysql\"\nfiles.dir = \"d\"\n",
    ),
    ("[target]", "url = \"sqlite://t.db\"\n"),
    ("[keys]", "deployment = \"d\"\nlocal.root_file = \"k\"\n"),
    ("[tables.", "\"a.b\"]\nkey = { id = \"integer\" }\n"),
];

struct Case {
    title: String,
    file: String,
    reported: String,
}

fn cases(text: &str) -> Vec<Case> {
    let case = |case: &str| {
        let (title, rest) = case.split_once('\n').expect("a title");
        let (file, reported) = rest.split_once("---\n").expect("a line of three dashes");
        Case {
            title: title.to_owned(),
            file: file.to_owned(),
            reported: reported.trim_end().to_owned(),
        }
    };
    text.split("=== ").skip(1).map(case).collect()
}

/// The case's file with the sections that it lacks; `alone` in the title keeps it as it is.
fn whole_file(case: &Case) -> String {
    let mut file = case.file.clone();
    if case.title.ends_with("(alone)") {
        return file;
    }
    for (section, text) in SECTIONS {
        let word = section.trim_matches(['[', ']', '.']);
        let there = [
            section.to_owned(),
            format!("[{word}]"),
            format!("\n{word}."),
        ];
        if !there.iter().any(|start| file.contains(start)) {
            let newline = if section.ends_with(']') { "\n" } else { "" };
            write!(file, "{section}{newline}{text}").expect("memory");
        }
    }
    file
}

fn reported(case: &Case) -> String {
    match Policy::parse(&whole_file(case)) {
        Ok(_) => "no mistake".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn every_mistake_is_reported_with_its_place_and_what_to_do() {
    let text = std::fs::read_to_string(FILE).expect("mistakes.txt is there");
    let cases = cases(&text);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let mut new = text.split("=== ").next().unwrap_or_default().to_owned();
        for case in &cases {
            let (title, file) = (&case.title, &case.file);
            write!(new, "=== {title}\n{file}---\n{}\n\n", reported(case)).expect("memory");
        }
        std::fs::write(Path::new(FILE), new).expect("the folder is writable");
        return;
    }
    assert!(cases.len() > 60, "only {} cases", cases.len());
    for case in &cases {
        assert_eq!(reported(case), case.reported, "{}", case.title);
    }
}

/// A password, a URL or whatever else stands in a wrong place is repeated in no message.
#[test]
fn no_message_repeats_a_secret() {
    const SECRET: &str = "hunter2:p@ss";
    let places = [
        ("[source]", "engine"),
        ("[source]", "id"),
        ("[source]", "url"),
        ("[source]", "url_env"),
        ("[target]", "url"),
        ("[target]", "url_env"),
        ("[target]", "insecure"),
        ("[keys]", "deployment"),
        ("[keys]", "max_uses"),
    ];
    for (section, key) in places {
        let file = format!("{section}\n{key} = \"mysql://ada:{SECRET}@db/shop\"\n");
        let mistakes = Policy::parse(&file).expect_err("a secret is no value");
        assert!(
            mistakes.iter().any(|m| m.path.ends_with(key)),
            "{key} passed"
        );
        assert!(!mistakes.to_string().contains("hunter2"), "{section} {key}");
        let broken = format!("{section}\n{key} = \"mysql://ada:{SECRET}\n");
        let mistakes = Policy::parse(&broken).expect_err("the quote is open");
        assert!(!mistakes.to_string().contains("hunter2"), "{section} {key}");
    }
}
