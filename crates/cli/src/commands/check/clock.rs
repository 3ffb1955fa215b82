//! Whether this machine's clock is right, by the target's: AWS refuses requests that are signed
//! more than five minutes off (AWS Signature Version 4, "Troubleshoot").

use fieldseal_db::Database;
use fieldseal_policy::{KeyProvider, SourceKind};

use super::{Found, Severity};
use crate::clock::now_millis;
use crate::config::Config;
use crate::exit::Failure;

const AREA: &str = "clock";

/// What AWS bears, in milliseconds.
const BEARABLE: i64 = 5 * 60 * 1000;

/// Compares the two clocks.
pub(super) async fn look(database: &Database, config: &Config, found: &mut Vec<Found>) {
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
        Ok(None) if signs => Some((
            Severity::Note,
            "the target is a file, so there is no other clock to compare this machine's with; \
             AWS refuses requests that are signed more than five minutes off"
                .to_owned(),
        )),
        Ok(None) => None,
        Ok(Some(server)) => of(server, before, after).map(|text| {
            let severity = if signs {
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
    let (off, word) = if server > after {
        (server - after, "behind")
    } else {
        (before - server, "ahead of")
    };
    (off > BEARABLE).then(|| {
        format!(
            "this machine's clock is {} s {word} the target's, and AWS refuses requests that are \
             signed more than 300 s off; correct it, or the target's, by NTP",
            off / 1000
        )
    })
}

#[cfg(test)]
mod tests {
    use super::of;

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
}
