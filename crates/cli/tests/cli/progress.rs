//! What a long run shows while it goes on: a line that renews itself on a terminal, and plain or
//! JSON log lines where there is none.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::shop::{PLANTED, Service, Shop, binary, customer, load};
use crate::terminal::Terminal;

#[test]
fn a_terminal_shows_rows_rate_and_how_long_it_takes() {
    let shop = Shop::ready();
    shop.write_many(3_000);
    let (mut child, mut terminal) = Terminal::of(shop.command(&["run"]));
    terminal.shows(&[" records, ", "/s, ", " behind, ", " s left"]);
    terminal.shows(&["3000 records, ", "/s, caught up"]);
    assert_eq!(child.ends_by(Signal::TERM), Some(0));
    let all = terminal.all();
    assert!(!all.contains(PLANTED), "{all}");
}

/// Two customers of three are not in the second load, so that they are swept.
#[test]
fn a_sweep_shows_its_count_and_its_rate() {
    let shop = Shop::ready();
    let customers = |ids: &[&str]| -> Vec<Vec<u8>> {
        let row = |id: &&str| load("customers", &customer(id, "planted@example.org"));
        ids.iter().map(row).collect()
    };
    let mut begin = vec!["generation", "begin", "--table", "shop.customers"];
    begin.extend(["--capture", "stopped", "--position"]);
    for (shard, ids, position) in [
        ("a.jsonl", &["1", "2", "3"][..], "mysql-bin.000001:400"),
        ("b.jsonl", &["3"], "mysql-bin.000002:400"),
    ] {
        shop.call(&[&begin[..], &[position]].concat()).ends_with(0);
        shop.write(shard, &customers(ids));
        shop.call(&["run", "--until-idle"]).ends_with(0);
    }
    let table = ["--table", "shop.customers"];
    shop.call(&[&["generation", "complete"][..], &table].concat())
        .ends_with(0);
    let mut sweep = shop.command(&[&["generation", "sweep"][..], &table].concat());
    sweep.stdout(Stdio::null());
    let (mut child, mut terminal) = Terminal::of(sweep);
    terminal.shows(&["sweeping shop.customers: 2 rows and tombstones, ", "/s"]);
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

/// Both print as they go: the count is for those who do not see that.
#[test]
fn what_goes_to_a_file_shows_its_count_on_the_terminal() {
    let shop = Shop::ready();
    let records = [load("customers", &customer("1", "planted-1"))];
    shop.write("a.jsonl", &records);
    shop.call(&["run", "--until-idle"]).ends_with(0);
    for (args, line) in [
        (
            &["inspect", "source/a.jsonl"][..],
            "inspecting: 1 records, ",
        ),
        (&["open", "--table", "shop.customers"], "opening: 1 rows, "),
    ] {
        let mut command = shop.command(args);
        command.stdout(Stdio::null());
        let (mut child, mut terminal) = Terminal::of(command);
        terminal.shows(&[line, "/s"]);
        assert_eq!(child.0.wait().unwrap().code(), Some(0));
    }
}

/// Whatever takes longer with more rows; with `--json` too, and then only on the terminal.
#[test]
fn the_demo_shows_how_far_each_of_its_steps_has_come() {
    let folder = TempDir::new().unwrap();
    let mut demo = binary(folder.path());
    demo.args(["demo", "--rows", "1000", "--dir", "shop", "--json"])
        .stdout(Stdio::piped());
    let (mut child, mut terminal) = Terminal::of(demo);
    for (doing, unit) in [
        ("making the shop: ", " rows and changes, "),
        ("comparing: ", " rows, "),
        ("preparing the search: ", " planted values, "),
        ("searching beside the source: ", "bytes, "),
        ("searching the source: ", " kB, "),
    ] {
        terminal.shows(&[doing, unit, "/s, ", " s left"]);
    }
    let mut out = String::new();
    let stdout = child.0.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut out).unwrap();
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["rows_equal"], report["rows_expected"]);
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

/// Runs the service with these options until it has logged the progress that is asked for, and
/// answers the lines. Nobody reads what it logs of its end: it ends all the same.
fn logged(options: &[&str], is_progress: impl Fn(&str) -> bool) -> Vec<String> {
    let shop = Shop::ready();
    shop.write("a.jsonl", &[load("customers", &customer("1", "planted-1"))]);
    let args = [options, &["run"]].concat();
    let mut command = shop.command(&args);
    let mut child = Service(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = Vec::new();
    // One comes every ten seconds.
    let enough = 40;
    for line in BufReader::new(child.0.stderr.take().unwrap())
        .lines()
        .take(enough)
    {
        lines.push(line.unwrap());
        if is_progress(lines.last().unwrap()) {
            break;
        }
    }
    assert_eq!(child.ends_by(Signal::TERM), Some(0));
    let all = lines.join("\n");
    assert!(!all.contains(PLANTED), "{all}");
    assert!(is_progress(lines.last().unwrap()), "{all}");
    lines
}

#[test]
fn without_a_terminal_there_are_plain_log_lines() {
    let caught_up = |line: &str| line.contains(" records=1 ") && line.contains("lag_bytes=0");
    let lines = logged(&[], |line| line.contains(" progress ") && caught_up(line));
    let last = lines.last().unwrap();
    for part in ["INFO", "applied=1 ", "records_per_second="] {
        assert!(last.contains(part), "{part}: {last}");
    }
    for line in &lines {
        assert!(!line.contains(['\x1b', '\r']), "{line:?}");
    }
}

#[test]
fn json_logs_are_one_object_for_each_line() {
    let object = |line: &str| -> Value {
        let parsed = serde_json::from_str(line);
        parsed.unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let lines = logged(&["--log-format", "json"], |line| {
        let fields = &object(line)["fields"];
        fields["message"] == "progress" && fields["records"] == 1 && fields["lag_bytes"] == 0
    });
    for line in &lines {
        let object = object(line);
        assert!(object["timestamp"].is_string(), "{line}");
        assert!(object["level"].is_string(), "{line}");
    }
    let last = object(lines.last().unwrap());
    let fields = &last["fields"];
    assert!(fields["records_per_second"].is_u64(), "{fields}");
}
