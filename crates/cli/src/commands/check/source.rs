//! What `check` says of the database that DMS reads, where the policy names its URL. What is
//! looked at is the source crate's.

use fieldseal_source::{SourceDatabase, SourceError};

use super::{Found, Severity};
use crate::config::Config;

const AREA: &str = "source";

/// Looks at the source's settings, tables and foreign keys.
pub(super) async fn look(config: &Config, found: &mut Vec<Found>) {
    let url = match config.source_url() {
        Ok(Some(url)) => url,
        Ok(None) => {
            return found.push(Found::new(
                Severity::Note,
                AREA,
                "the policy names no URL of the source: its settings, keys and cascading foreign \
                 keys are not looked at",
            ));
        }
        Err(failure) => {
            return found.push(Found::new(Severity::Error, AREA, failure.to_string()));
        }
    };
    match findings(config, &url).await {
        Ok(findings) => found.extend(findings.iter().map(|finding| {
            let severity = match finding.severity {
                fieldseal_source::Severity::Error => Severity::Error,
                fieldseal_source::Severity::Warning => Severity::Warning,
            };
            Found::new(severity, AREA, finding.to_string())
        })),
        Err(error) => {
            let place = fieldseal_db::redact_url(&url);
            let text = format!("{place}: {error}; correct the URL, or see that the server runs");
            found.push(Found::new(Severity::Error, AREA, text));
        }
    }
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
