//! `fieldseal check`: everything that stands between a policy and a run, at once. Owns the list
//! of what is looked at; the target's findings are the store's, the source
//! database's are in `source`, those of the records in `records`, the keys' in `keys`.

mod clock;
mod keys;
mod kms;
mod records;
mod source;

use fieldseal_db::{Connect, Database, Finding};
use fieldseal_policy::{FirstLoad, Table};
use fieldseal_store::Store;
use serde_json::json;

use crate::args::CheckArgs;
use crate::config::{Config, NoPolicy};
use crate::exit::{Exit, Failure};
use crate::print::{Lines, counted, safe};
use crate::wiring;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Fieldseal must not or cannot run like this.
    Error,
    /// It works; somebody should have decided so.
    Warning,
    /// Nothing is wrong; worth knowing.
    Note,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding: where, what, and what to do.
pub(crate) struct Found {
    severity: Severity,
    area: &'static str,
    text: String,
}

impl Found {
    pub(crate) fn new(severity: Severity, area: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            severity,
            area,
            text,
        }
    }

    /// What is wrong with a database, or may be.
    pub(crate) fn of_database(area: &'static str, finding: &Finding) -> Self {
        let severity = match finding.severity {
            fieldseal_db::Severity::Error => Severity::Error,
            fieldseal_db::Severity::Warning => Severity::Warning,
        };
        Self::new(severity, area, finding.to_string())
    }
}

pub(crate) async fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let (args, put_mark) = (&args.report, args.put_mark);
    let config = match Config::checked(&args.config.config) {
        Ok(config) => config,
        Err(why) => return without_policy(why, args.json),
    };
    let mut found: Vec<Found> = config
        .policy
        .weakenings()
        .into_iter()
        .map(|line| Found::new(Severity::Warning, "policy", line))
        .collect();
    let by_stream = records::look(&config, put_mark, &mut found).await;
    source::look(&config, &mut found).await;
    let database = match wiring::connect(&config, Connect::default()).await {
        Ok(database) => Some(database),
        Err(failure) => {
            found.push(Found::new(Severity::Error, "target", failure.to_string()));
            None
        }
    };
    let mut migrated = false;
    if let Some(database) = &database {
        migrated = of_migrations(database, &mut found).await;
        if migrated {
            source::of_log(database, &config, &mut found).await;
        }
        of_target(database, &config, migrated, &mut found).await;
    }
    let known = database.clone().filter(|_| migrated);
    let by_aws = keys::look(&config, known, by_stream, &mut found).await;
    if let Some(database) = &database {
        clock::look(database, &config, by_aws, &mut found).await;
    }
    report(&found, args.json)
}

/// Without a policy there is nothing else to look at. A program that reads the report gets one all
/// the same.
fn without_policy(why: NoPolicy, json: bool) -> Result<Exit, Failure> {
    if !json {
        return Err(why.into());
    }
    let error = |text| Found::new(Severity::Error, "policy", text);
    let found: Vec<Found> = match why {
        NoPolicy::Unread(text) => vec![error(text)],
        NoPolicy::Mistaken(mistakes, file) => mistakes
            .iter()
            .map(|mistake| error(format!("{file}:{mistake}")))
            .collect(),
    };
    report(&found, json)?;
    Ok(Exit::Policy)
}

/// Whether Fieldseal's own tables are as this version wants them.
async fn of_migrations(database: &Database, found: &mut Vec<Found>) -> bool {
    let text = match wiring::pending(database).await {
        Ok(pending) if pending.is_empty() => return true,
        Ok(pending) => format!(
            "migrations have not run: {}; run `fieldseal migrate`",
            pending.join(", ")
        ),
        Err(failure) => failure.to_string(),
    };
    found.push(Found::new(Severity::Error, "target", text));
    false
}

async fn of_target(database: &Database, config: &Config, migrated: bool, found: &mut Vec<Found>) {
    match fieldseal_store::findings(database, &config.policy).await {
        Ok(findings) => {
            let findings = findings.iter();
            found.extend(findings.map(|finding| Found::of_database("target", finding)));
        }
        Err(error) => {
            let text = Failure::database("looking at the target's tables", &error).to_string();
            found.push(Found::new(Severity::Error, "target", text));
        }
    }
    // Whether the tables are registered shows only where nothing else is wrong with them.
    let clean = found.iter().all(|one| one.severity != Severity::Error);
    if migrated && clean {
        match wiring::described(database, &config.policy).await {
            Ok(store) => of_loads(&store, config, found).await,
            Err(failure) => found.push(Found::new(Severity::Error, "target", failure.to_string())),
        }
    }
}

/// Tables whose full load would be held, row by row, because nobody has said that it begins.
async fn of_loads(store: &Store, config: &Config, found: &mut Vec<Found>) {
    let generations = match store.generations().await {
        Ok(generations) => generations,
        Err(error) => {
            let text = Failure::database("reading the generations", &error).to_string();
            return found.push(Found::new(Severity::Error, "target", text));
        }
    };
    let waits = |table: &&Table| {
        let has_one = generations.iter().any(|one| one.table == table.id.as_str());
        table.first_load == FirstLoad::Registered && !has_one
    };
    let tables: Vec<&str> = config
        .policy
        .tables()
        .iter()
        .filter(waits)
        .map(|table| table.id.as_str())
        .collect();
    if !tables.is_empty() {
        let text = format!(
            "no generation has begun for {}: rows of a full load are held until one has; run \
             `fieldseal generation begin` before DMS starts the load, or say first_load = \
             \"unregistered\" where this is the first and only load, captured without a break \
             since before it",
            tables.join(", ")
        );
        found.push(Found::new(Severity::Warning, "target", text));
    }
}

fn report(found: &[Found], json: bool) -> Result<Exit, Failure> {
    let count = |severity| {
        let of_it = found.iter().filter(|one| one.severity == severity);
        of_it.count() as u64
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut lines = Lines::new();
    if json {
        let findings: Vec<_> = found
            .iter()
            .map(|one| json!({"severity": one.severity.word(), "area": one.area, "text": one.text}))
            .collect();
        let object = json!({
            "ok": errors == 0, "errors": errors, "warnings": warnings, "findings": findings,
        });
        lines.line(object.to_string())?;
    } else {
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            for one in found.iter().filter(|one| one.severity == severity) {
                let text = safe(&one.text);
                lines.line(format!("{} ({}): {text}", severity.word(), one.area))?;
            }
        }
        lines.line(match errors {
            0 => format!(
                "ok: {}, {}",
                counted(0, "error"),
                counted(warnings, "warning")
            ),
            _ => format!(
                "not ok: {}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            ),
        })?;
    }
    lines.finish()?;
    Ok(if errors == 0 {
        Exit::Done
    } else {
        Exit::NotAsItShouldBe
    })
}
