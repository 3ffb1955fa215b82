//! `fieldseal check`: everything that stands between a policy and a run, at once. Owns the list
//! of what is looked at; the target's findings are the store's, the source
//! database's are in `source`, the keys' in `keys`.

mod keys;
mod source;

use fieldseal_db::{Connect, Database};
use fieldseal_files::Tail;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::RecordSource as _;
use serde_json::json;

use crate::args::ReportArgs;
use crate::config::Config;
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
}

pub(crate) async fn check(args: &ReportArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let mut found: Vec<Found> = config
        .policy
        .weakenings()
        .into_iter()
        .map(|line| Found::new(Severity::Warning, "policy", line))
        .collect();
    of_records(&config, &mut found).await;
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
        of_target(database, &config, migrated, &mut found).await;
    }
    keys::look(&config, database.filter(|_| migrated), &mut found).await;
    report(&found, args.json)
}

/// The records that DMS wrote.
async fn of_records(config: &Config, found: &mut Vec<Found>) {
    let mut add = |severity, text| found.push(Found::new(severity, "source", text));
    let (source, dir) = match (
        crate::source::source(config, Tail::Wait),
        config.source_dir(),
    ) {
        (Ok(source), Ok(dir)) => (source, dir),
        (Err(failure), _) | (_, Err(failure)) => {
            return add(Severity::Error, failure.to_string());
        }
    };
    let shards = match source.shards().await {
        Ok(shards) => shards,
        Err(error) => {
            return add(Severity::Error, crate::source::unlisted(&error).to_string());
        }
    };
    if shards.is_empty() {
        add(Severity::Warning, crate::source::empty(&dir));
    }
    for shard in shards {
        if let Err(error) = source.open(&shard.name, &SequenceNumber::start()).await {
            add(Severity::Error, error.to_string());
        }
    }
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
        Ok(findings) => found.extend(findings.iter().map(|finding| {
            let severity = match finding.severity {
                fieldseal_store::Severity::Error => Severity::Error,
                fieldseal_store::Severity::Warning => Severity::Warning,
            };
            Found::new(severity, "target", finding.to_string())
        })),
        Err(error) => {
            let text = Failure::database("looking at the target's tables", &error).to_string();
            found.push(Found::new(Severity::Error, "target", text));
        }
    }
    // Whether the tables are registered shows only where nothing else is wrong with them.
    let clean = found.iter().all(|one| one.severity != Severity::Error);
    if migrated
        && clean
        && let Err(failure) = wiring::described(database, &config.policy).await
    {
        found.push(Found::new(Severity::Error, "target", failure.to_string()));
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
