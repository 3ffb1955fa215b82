//! `fieldseal inspect`: what DMS output holds and what a policy would make of it. Shows names,
//! places and reasons, never a value.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use fieldseal_dms::{DecodeError, Decoded, Decoder, Record};
use fieldseal_files::RecordStream;
use fieldseal_model::{Change, Row, SourceOrder, TableName};
use fieldseal_pipeline::{DryRun, Verdict};
use serde_json::{Value, json};

use crate::args::InspectArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::{Lines, counted, safe};
use crate::progress::Counting;

pub(crate) fn inspect(args: &InspectArgs) -> Result<Exit, Failure> {
    let config = args.config.as_deref().map(Config::read).transpose()?;
    let mut dry_run = config
        .as_ref()
        .map(|config| DryRun::new(&config.policy))
        .transpose()
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let stream = records(&args.file)?;
    let decoder = Decoder::default();
    let mut lines = Lines::new();
    let mut tally = Tally::default();
    let mut counting = Counting::unless_seen("inspecting", "records");
    for record in stream {
        let record = record.map_err(|error| unreadable(&args.file, &error))?;
        for decoded in decoder.decode(record.data.expose()) {
            tally.records += 1;
            let verdict = dry_run
                .as_mut()
                .map(|dry_run| dry_run.verdict(&decoded.result));
            let named = config.is_none() || is_listed(config.as_ref(), &decoded);
            let found = Found::of(&decoded, named, verdict);
            tally.add(&found);
            lines.line(if args.json {
                found.json(tally.records)
            } else {
                found.text(tally.records)
            })?;
        }
        if let Some(counting) = &mut counting {
            counting.reached(tally.records);
        }
    }
    lines.finish()?;
    drop(counting);
    if !args.json {
        eprintln!("{}", tally.text());
    }
    Ok(if tally.errors == 0 {
        Exit::Done
    } else {
        Exit::NotAsItShouldBe
    })
}

fn records(path: &Path) -> Result<RecordStream, Failure> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| unreadable(path, &error))?)
    };
    RecordStream::new(input).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        ErrorKind::NotFound => "correct the path, or give - to read standard input",
        ErrorKind::IsADirectory => "name one file of the folder",
        ErrorKind::PermissionDenied => "make it readable for this user",
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData => {
            "the file is cut off or damaged: record it again"
        }
        _ => "see that it is a file of DMS output, plain or gzip",
    };
    Failure::new(
        Exit::Failed,
        format!("{} cannot be read: {error}; {advice}", path.display()),
    )
}

/// Whether the policy knows the table that a refused record names: only then may it be shown.
fn is_listed(config: Option<&Config>, decoded: &Decoded) -> bool {
    config
        .zip(decoded.refused_table.as_ref())
        .is_some_and(|(config, table)| config.policy.table_by_source(table).is_some())
}

/// One record as it is shown.
struct Found<'a> {
    kind: &'static str,
    operation: Option<&'static str>,
    /// Schema and table.
    table: Option<(&'a str, &'a str)>,
    columns: Vec<&'a str>,
    order: Option<SourceOrder>,
    error: Option<DecodeError>,
    verdict: Option<Verdict<'a>>,
}

impl<'a> Found<'a> {
    fn of(decoded: &'a Decoded<'_>, is_named: bool, verdict: Option<Verdict<'a>>) -> Self {
        let empty = Found {
            kind: "error",
            operation: None,
            table: None,
            columns: Vec::new(),
            order: None,
            error: None,
            verdict,
        };
        match &decoded.result {
            Ok(Record::Row(change)) => Found {
                kind: "data",
                operation: Some(change.operation.name()),
                table: Some((&change.table.schema, &change.table.table)),
                columns: names(change),
                order: change.order,
                ..empty
            },
            Ok(Record::Control(control)) => Found {
                kind: "control",
                operation: Some(control.operation.name()),
                table: Some(named(&control.table)),
                columns: control.columns.iter().map(String::as_str).collect(),
                ..empty
            },
            Ok(Record::Internal(internal)) => Found {
                kind: "ignored",
                operation: Some(internal.operation.name()),
                table: Some(named(&internal.table)),
                ..empty
            },
            Err(error) => Found {
                table: decoded
                    .refused_table
                    .as_ref()
                    .filter(|_| is_named)
                    .map(named),
                error: Some(*error),
                ..empty
            },
        }
    }

    fn text(&self, number: u64) -> String {
        // DMS's own tables have no schema.
        let table = match self.table {
            Some(("", table)) => safe(table),
            Some((schema, table)) => safe(&format!("{schema}.{table}")),
            None => "-".to_owned(),
        };
        let columns: Vec<String> = self.columns.iter().map(|name| safe(name)).collect();
        format!(
            "{number}: {} {} {table} at {} [{}] {}",
            self.kind,
            self.operation.unwrap_or("-"),
            self.place().unwrap_or_else(|| "-".to_owned()),
            columns.join(", "),
            self.outcome()
        )
    }

    fn json(&self, number: u64) -> String {
        let mut object = json!({
            "record": number,
            "kind": self.kind,
            "operation": self.operation,
            "schema": self.table.map(|(schema, _)| schema),
            "table": self.table.map(|(_, table)| table),
            "columns": self.columns,
            "position": self.place(),
            "error": self.error.map(DecodeError::reason),
        });
        if let Some(verdict) = &self.verdict {
            let (word, reason, column) = parts(verdict);
            object["verdict"] = Value::from(word);
            object["reason"] = Value::from(reason);
            object["column"] = Value::from(column);
        }
        object.to_string()
    }

    fn place(&self) -> Option<String> {
        self.order.map(|order| {
            let position = order.position.display(order.engine);
            format!("{position}/{}", order.record)
        })
    }

    /// What is wrong with it, and what the policy makes of it.
    fn outcome(&self) -> String {
        let verdict = self.verdict.as_ref().map(|verdict| {
            let (word, reason, column) = parts(verdict);
            let column = column.map(|name| format!(", column {}", safe(name)));
            match reason {
                Some(reason) => format!("{word}: {reason}{}", column.unwrap_or_default()),
                None => word.to_owned(),
            }
        });
        match (self.error, verdict) {
            (Some(error), Some(verdict)) => format!("{verdict} ({error})"),
            (Some(error), None) => format!("{}: {error}", error.reason()),
            (None, Some(verdict)) => verdict,
            (None, None) => "ok".to_owned(),
        }
    }
}

fn named(table: &TableName) -> (&str, &str) {
    (&table.schema, &table.table)
}

/// The columns of the row, then those that only its before-image has.
fn names<'a>(change: &'a Change<'_>) -> Vec<&'a str> {
    let row = change.row.iter().map(|(name, _)| name);
    let before = change.before.iter().flat_map(Row::iter);
    let only_before = before
        .map(|(name, _)| name)
        .filter(|name| change.row.get(name).is_none());
    row.chain(only_before).collect()
}

/// The verdict's word, its reason, and the column at fault.
fn parts<'a>(verdict: &Verdict<'a>) -> (&'static str, Option<&'static str>, Option<&'a str>) {
    match verdict {
        Verdict::Applied => ("applied", None, None),
        Verdict::Noted => ("noted", None, None),
        Verdict::Skipped => ("skipped", None, None),
        Verdict::Quarantined { reason, column } => ("quarantined", Some(reason), *column),
        Verdict::Stops { reason } => ("stops-the-shard", Some(reason), None),
    }
}

/// How many there were.
#[derive(Default)]
struct Tally {
    records: u64,
    errors: u64,
    applied: u64,
    quarantined: u64,
    stops: u64,
    judged: bool,
}

impl Tally {
    fn add(&mut self, found: &Found<'_>) {
        self.errors += u64::from(found.error.is_some());
        let Some(verdict) = found.verdict else { return };
        self.judged = true;
        match verdict {
            Verdict::Applied => self.applied += 1,
            Verdict::Quarantined { .. } => self.quarantined += 1,
            Verdict::Stops { .. } => self.stops += 1,
            Verdict::Noted | Verdict::Skipped => {}
        }
    }

    fn text(&self) -> String {
        let counted = format!(
            "{}, {}",
            counted(self.records, "record"),
            counted(self.errors, "error")
        );
        if !self.judged {
            return counted;
        }
        format!(
            "{counted}; {} would be applied, {} quarantined, {} would stop the shard (a dry run: \
             it takes for granted that every load has its generation and that values fit the \
             target's columns)",
            self.applied, self.quarantined, self.stops
        )
    }
}
