//! What `check` says of the database that DMS reads, where the policy names its URL. What is
//! looked at is the source crate's.

use fieldseal_db::Database;
use fieldseal_model::Position;
use fieldseal_source::{SourceDatabase, SourceError};
use fieldseal_store::Store;

use super::{Found, Severity};
use crate::config::Config;
use crate::exit::Failure;

const AREA: &str = "source";

/// Looks at the source's settings, tables, columns and foreign keys.
pub(super) async fn look(config: &Config, found: &mut Vec<Found>) {
    let url = match config.source_url() {
        Ok(Some(url)) => url,
        Ok(None) => {
            return found.push(Found::new(
                Severity::Note,
                AREA,
                "the policy names no URL of the source: its settings, keys, columns and cascading \
                 foreign keys are not looked at",
            ));
        }
        Err(failure) => {
            return found.push(Found::new(Severity::Error, AREA, failure.to_string()));
        }
    };
    let findings = match findings(config, &url).await {
        Ok(findings) => findings,
        Err(error) => {
            let place = fieldseal_db::redact_url(&url);
            let text = format!("{place}: {error}; correct the URL, or see that the server runs");
            return found.push(Found::new(Severity::Error, AREA, text));
        }
    };
    let findings = findings.iter();
    found.extend(findings.map(|finding| Found::of_database(AREA, finding)));
    of_columns(config, &url, found).await;
}

/// Compares the policy's columns and their kinds with the source's.
async fn of_columns(config: &Config, url: &str, found: &mut Vec<Found>) {
    match fieldseal_store::read_source_columns(&config.policy, url).await {
        Ok(columns) => {
            let findings = fieldseal_store::column_findings(&config.policy, &columns);
            let findings = findings.iter();
            found.extend(findings.map(|finding| Found::of_database(AREA, finding)));
        }
        Err(error) => {
            let place = fieldseal_db::redact_url(url);
            let text = format!("{place}: {error}; correct the URL, or see that the server runs");
            found.push(Found::new(Severity::Error, AREA, text));
        }
    }
}

/// Compares the end of the source's log with what was applied of it: where the log has fallen
/// back, every new change would lose against older ones, and on PostgreSQL no record shows that.
pub(super) async fn of_log(target: &Database, config: &Config, found: &mut Vec<Found>) {
    // What is wrong with the URL was said before.
    let Ok(Some(url)) = config.source_url() else {
        return;
    };
    // First what was applied: it can only lie below an end that is read after it.
    let store = Store::new(target.clone(), &config.policy);
    let (shard, high) = match store.highest_position().await {
        Ok(Some(applied)) => applied,
        Ok(None) => return,
        Err(error) => {
            let doing = "reading how far the shards are applied";
            let text = Failure::database(doing, &error).to_string();
            return found.push(Found::new(Severity::Error, "target", text));
        }
    };
    let Ok(end) = end(config, &url).await else {
        return;
    };
    if high > end {
        let engine = config.policy.source().engine;
        let text = format!(
            "its log ends at {}, and shard {shard} has a change at {} that is applied: the log \
             has fallen back (a restore, a failover, RESET), or the URL leads to another server \
             than DMS reads; if it fell back, run `fieldseal epoch begin`",
            end.display(engine),
            high.display(engine)
        );
        found.push(Found::new(Severity::Error, AREA, text));
    }
}

async fn end(config: &Config, url: &str) -> Result<Position, SourceError> {
    let source = SourceDatabase::connect(url, config.policy.source().engine).await?;
    let end = source.end().await;
    source.close().await;
    end
}

async fn findings(
    config: &Config,
    url: &str,
) -> Result<Vec<fieldseal_source::Finding>, SourceError> {
    let source = SourceDatabase::connect(url, config.policy.source().engine).await?;
    let findings = source.findings(&config.policy).await;
    source.close().await;
    findings
}
