//! Whether this machine's clock is right: by AWS's own, where a stream is read or KMS wraps keys, and
//! by the target's.
//! AWS refuses requests that are signed more than five minutes off (IAM User Guide, "Troubleshoot
//! Signature Version 4 requests for AWS APIs"), and says in its refusal what its clock shows.

use fieldseal_db::Database;
use fieldseal_policy::{KeyProvider, SourceKind};

use super::{Found, Severity};
use crate::clock::now_millis;
use crate::config::Config;
use crate::exit::Failure;

const AREA: &str = "clock";

/// What AWS bears, in milliseconds.
const BEARABLE: i64 = 5 * 60 * 1000;

/// What is worth saying, in milliseconds: a clock that is a minute off is kept by nobody, and
/// reaches five one day.
const NOTED: i64 = 60 * 1000;

/// Compares this machine's clock, which showed `before` and `after`, with AWS's in between.
pub(super) fn of_aws(aws: i64, before: i64, after: i64, found: &mut Vec<Found>) {
    let Some((off, word)) = off_by(aws, before, after, NOTED) else {
        return;
    };
    // Beyond that AWS itself would have refused; what plays AWS on this machine may not look.
    let severity = if off > BEARABLE {
        Severity::Error
    } else {
        Severity::Warning
    };
    let seconds = off / 1000;
    let text = format!(
        "this machine's clock is {seconds} s {word} AWS's, which refuses requests that are signed \
         more than 300 s off; correct it by NTP"
    );
    found.push(Found::new(severity, AREA, text));
}

/// Compares this machine's clock with the target's; `by_aws`: AWS's own was asked already.
pub(super) async fn look(
    database: &Database,
    config: &Config,
    by_aws: bool,
    found: &mut Vec<Found>,
) {
    let signs = matches!(config.policy.source().kind, SourceKind::Kinesis { .. })
        || matches!(config.policy.keys().provider, KeyProvider::AwsKms { .. });
    let before = now_millis();
    let answer = database.server_clock().await;
    let after = now_millis();
    let finding = match answer {
        Err(error) => {
            let text = Failure::database("reading the target's clock", &error).to_string();
            Some((Severity::Warning, text))
        }
        Ok(None) if signs && !by_aws => Some((
            Severity::Note,
            "the target is a file, so this machine's clock is compared with no other; AWS refuses \
             requests that are signed more than five minutes off, and says so"
                .to_owned(),
        )),
        Ok(None) => None,
        Ok(Some(server)) => of(server, before, after).map(|text| {
            let severity = if signs && !by_aws {
                Severity::Error
            } else {
                Severity::Warning
            };
            (severity, text)
        }),
    };
    found.extend(finding.map(|(severity, text)| Found::new(severity, AREA, text)));
}

/// What is wrong with a clock that showed `before` and `after` around the server's answer.
fn of(server: i64, before: i64, after: i64) -> Option<String> {
    let (off, word) = off_by(server, before, after, BEARABLE)?;
    let seconds = off / 1000;
    Some(format!(
        "this machine's clock is {seconds} s {word} the target's, and AWS refuses requests that are \
         signed more than 300 s off; correct it, or the target's, by NTP"
    ))
}

/// By how much this machine's clock, which showed `before` and `after`, is off the other one's in
/// between, if by more than `bearable`.
fn off_by(other: i64, before: i64, after: i64, bearable: i64) -> Option<(i64, &'static str)> {
    let (off, word) = if other > after {
        (other - after, "behind")
    } else {
        (before - other, "ahead of")
    };
    (off > bearable).then_some((off, word))
}

#[cfg(test)]
mod tests {
    use super::{Severity, of, of_aws};

    #[test]
    fn five_minutes_are_borne() {
        assert_eq!(of(1_000_000, 999_000, 1_001_000), None);
        assert_eq!(of(1_300_000, 999_000, 1_000_000), None);
        assert_eq!(of(699_000, 999_000, 1_009_000), None);
        let behind = of(1_301_000, 999_000, 1_000_000).unwrap();
        assert!(behind.contains("301 s behind"), "{behind}");
        let ahead = of(600_000, 999_000, 1_000_000).unwrap();
        assert!(ahead.contains("399 s ahead"), "{ahead}");
    }

    #[test]
    fn a_minute_off_awss_clock_is_said() {
        let said = |aws: i64| {
            let mut found = Vec::new();
            of_aws(aws, 1_000_000, 1_002_000, &mut found);
            found.pop().map(|one| (one.severity, one.text))
        };
        assert!(said(1_061_000).is_none());
        assert!(said(940_000).is_none());
        let (severity, text) = said(1_063_000).unwrap();
        assert_eq!(severity, Severity::Warning);
        assert!(text.contains("61 s behind"), "{text}");
        let (severity, text) = said(600_000).unwrap();
        assert_eq!(severity, Severity::Error);
        assert!(text.contains("400 s ahead"), "{text}");
    }
}
