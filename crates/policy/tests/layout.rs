//! What makes stored values readable, and what a changed policy loses of it.

use fieldseal_policy::{Absent, Bind, Policy};

const HEAD: &str = r#"
    source = { id = "s", engine = "postgres", files = { dir = "d" } }
    target = { url_env = "URL", insecure = true }
    keys = { deployment = "d", local = { root_file = "k" } }
    [tables."a.b"]
"#;

const TABLE: &str = r#"
    key = [{ tenant = "integer" }, { code = { kind = "bytes", width = 16, target = "c" } }]
    bind = [{ no = { kind = "text", fixed_char = true } }, { tenant = "integer" }]
    absent = "null"
    columns.no = { keep = true, target = "number" }
    columns.price = { seal = "payment", kind = "decimal", scale = 2, id = "p" }
    columns.note = { seal = "contact", kind = "text", pad = 16, seal_null = true, target = "n" }
    columns.flag = { seal = "contact", kind = "boolean", index = [
        { name = "e", column = "flag_bidx", accept_leak = true }
    ] }
"#;

fn policy(table: &str) -> Policy {
    match Policy::parse(&format!("{HEAD}{table}")) {
        Ok(policy) => policy,
        Err(mistakes) => panic!("{mistakes}"),
    }
}

#[test]
fn every_fact_is_a_line() {
    assert_eq!(
        policy(TABLE).tables()[0].layout(),
        [
            "table id \"a.b\"",
            "bound to \"number\" text fixed_char, \"tenant\" integer",
            "column \"price\" id \"p\" domain payment kind decimal scale 2",
            "column \"n\" id \"note\" domain contact kind text",
            "column \"n\" seals null",
            "column \"flag\" id \"flag\" domain contact kind boolean",
        ]
    );
}

/// Each replacement makes values unreadable that were stored before it.
#[test]
fn a_change_that_makes_values_unreadable_is_seen() {
    let stored = policy(TABLE).tables()[0].layout();
    let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    let changes = [
        ("absent = \"null\"", "id = \"other\"", 0),
        (
            "bind = [{ no = { kind = \"text\", fixed_char = true } }, { tenant = \"integer\" }]",
            "",
            1,
        ),
        ("fixed_char = true", "fixed_char = false", 1),
        ("scale = 2", "scale = 1", 2),
        ("id = \"p\"", "", 2),
        ("seal = \"payment\"", "seal = \"contact\"", 2),
        (
            "kind = \"text\", pad = 16, seal_null = true",
            "kind = \"json\"",
            3,
        ),
        (", seal_null = true", "", 4),
        ("kind = \"boolean\"", "kind = \"integer\"", 5),
    ];
    for (from, to, lost) in changes {
        let changed = TABLE.replacen(from, to, 1);
        assert_ne!(changed, TABLE, "{from}");
        let policy = policy(&changed);
        assert_eq!(
            policy.tables()[0].lost_from(&stored),
            Some(stored[lost]),
            "{from}"
        );
    }
}

#[test]
fn harmless_changes_lose_nothing() {
    let stored = policy(TABLE).tables()[0].layout();
    let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    for (from, to) in [
        ("pad = 16", "pad = 32"),
        ("absent = \"null\"", "absent = \"quarantine\""),
        (
            "columns.no =",
            "columns.extra = { seal = \"x\", kind = \"text\" }\ncolumns.no =",
        ),
    ] {
        let changed = TABLE.replacen(from, to, 1);
        assert_ne!(changed, TABLE, "{from}");
        assert_eq!(
            policy(&changed).tables()[0].lost_from(&stored),
            None,
            "{from}"
        );
    }
}

/// The row key itself is the binding, so saying it twice changes nothing.
#[test]
fn the_key_bound_by_name_is_the_row() {
    let row = "key = { id = \"integer\" }\ncolumns.a = { seal = \"x\", kind = \"text\" }\n";
    let named = format!("bind = {{ id = \"integer\" }}\n{row}");
    assert_eq!(
        policy(row).tables()[0].layout(),
        policy(&named).tables()[0].layout()
    );
    let none = format!("bind = \"column\"\n{row}");
    assert_eq!(policy(&none).tables()[0].layout()[1], "bound to no row");
}

#[test]
fn a_bound_column_is_never_made_up() {
    let policy = policy(TABLE);
    let table = &policy.tables()[0];
    assert_eq!(table.absent, Absent::Null);
    assert_eq!(table.column("no").unwrap().absent, Absent::Quarantine);
    assert_eq!(table.column("price").unwrap().absent, Absent::Null);
    assert!(matches!(&table.bind, Bind::Columns(columns) if columns[0].target == "number"));
    assert_eq!(table.bound_columns().len(), 2);
}

#[test]
fn weakenings_are_listed() {
    let lines = policy(TABLE).weakenings();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("without TLS") && lines[1].contains("\"flag\""));
    let row = "bind = \"column\"\nkey = { id = \"integer\" }\n";
    let sealed = format!("{row}columns.a = {{ seal = \"x\", kind = \"text\" }}\n");
    assert!(policy(&sealed).weakenings()[1].contains("swap"));
    assert_eq!(
        policy(row).weakenings().len(),
        1,
        "nothing is sealed, nothing is bound"
    );
}

/// The URL may be anything; it is not shown by `Debug` either.
#[test]
fn debug_shows_no_url() {
    let text = format!("{HEAD}key = {{ id = \"integer\" }}")
        .replace("url_env = \"URL\"", "url = \"mysql://ada@db/shop\"");
    let shown = format!("{:?}", Policy::parse(&text).unwrap());
    assert!(shown.contains("Literal") && !shown.contains("ada"));
}
