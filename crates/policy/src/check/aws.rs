//! What AWS services are named by: streams, keys, regions, endpoints, moments. Owns their syntax
//! as the AWS General Reference gives it; whether they exist is asked when they are used. No
//! message repeats what stands in the file: it may be a secret in the wrong place.

use std::net::IpAddr;

use fieldseal_model::SequenceNumber;
use toml::value::{Datetime, Offset};

use crate::check::scalar;
use crate::check::value_type::optional;
use crate::mistakes::{Gathered, Spot};
use crate::policy::{KeyProvider, SecondKey, SourceKind, StreamStart};
use crate::spelling::{At, AwsKmsSection, Field, KinesisSection, SecondKeySpelling, StartSpelling};

pub(super) fn kinesis(section: &KinesisSection, gathered: &mut Gathered) -> Option<SourceKind> {
    let stream = section.stream.get();
    let stream = stream.filter(|at| {
        is_stream(&at.value)
            || refuse(
                gathered,
                &at.spot,
                "must be the ARN of a stream (arn:aws:kinesis:REGION:ACCOUNT:stream/NAME) or its \
                 name: 1 to 128 of a-z, A-Z, 0-9, \"_\", \".\" and \"-\"",
            )
    });
    let region = region(&section.region, stream, gathered);
    let endpoint = endpoint(&section.endpoint, gathered);
    let start = optional(&section.start, |at| start(&at.value, gathered));
    let reads = scalar::number(&section.reads_per_second, 1..=1_000, 5, gathered);
    let bytes = scalar::number(
        &section.read_bytes_per_second,
        (64 << 10)..=(1 << 30),
        2 << 20,
        gathered,
    );
    Some(SourceKind::Kinesis {
        stream: stream?.value.clone(),
        region: region?,
        endpoint: endpoint?,
        start: start?.unwrap_or_default(),
        reads_per_second: reads?,
        read_bytes_per_second: bytes?,
    })
}

pub(super) fn kms(section: &AwsKmsSection, gathered: &mut Gathered) -> Option<KeyProvider> {
    let key = section.key.get().filter(|at| is_key(at, gathered));
    let second_keys = optional(&section.second_keys, |at| {
        second_keys(&at.value, key, gathered)
    });
    let region = region(&section.region, key, gathered);
    let endpoint = endpoint(&section.endpoint, gathered);
    Some(KeyProvider::AwsKms {
        key: key?.value.clone(),
        second_keys: second_keys?.unwrap_or_default(),
        region: region?,
        endpoint: endpoint?,
    })
}

fn second_keys(
    keys: &[At<SecondKeySpelling>],
    first: Option<&At<String>>,
    gathered: &mut Gathered,
) -> Option<Vec<SecondKey>> {
    let mut seen: Vec<String> = first.iter().map(|at| at.value.clone()).collect();
    let mut checked = Vec::with_capacity(keys.len());
    for spelling in keys {
        // A table without its key is a mistake that has been gathered.
        let Some(second) = second_key(spelling, gathered) else {
            continue;
        };
        if seen.contains(&second.key) {
            let reason = "this key is named twice; a second wrap under it protects from nothing";
            refuse(gathered, &spelling.spot, reason);
            continue;
        }
        seen.push(second.key.clone());
        checked.push(second);
    }
    (checked.len() == keys.len()).then_some(checked)
}

fn second_key(spelling: &At<SecondKeySpelling>, gathered: &mut Gathered) -> Option<SecondKey> {
    let (key, endpoint) = match &spelling.value {
        SecondKeySpelling::Arn(arn) => {
            let spot = spelling.spot.clone();
            let value = arn.clone();
            (At { value, spot }, Some(None))
        }
        SecondKeySpelling::Section(section) => {
            let endpoint = endpoint(&section.endpoint, gathered);
            (section.key.get()?.clone(), endpoint)
        }
    };
    let mut good = is_key(&key, gathered);
    if !key.value.starts_with("arn:") {
        let reason = "a second key is named by its whole ARN, which says its region";
        good = refuse(gathered, &key.spot, reason);
    }
    let endpoint = endpoint?;
    good.then_some(SecondKey {
        key: key.value,
        endpoint,
    })
}

/// Gathers a mistake; false, for use as a condition.
fn refuse(gathered: &mut Gathered, spot: &Spot, reason: &str) -> bool {
    gathered.add(spot, reason);
    false
}

fn is_stream(text: &str) -> bool {
    let name = match arn(text, "kinesis") {
        Some((_, resource)) => resource.strip_prefix("stream/").unwrap_or_default(),
        None => text,
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}

fn is_key(at: &At<String>, gathered: &mut Gathered) -> bool {
    let (id, alias) = match arn(&at.value, "kms") {
        Some((_, resource)) => (
            resource.strip_prefix("key/"),
            resource.strip_prefix("alias/"),
        ),
        None => (Some(at.value.as_str()), at.value.strip_prefix("alias/")),
    };
    if alias.is_some_and(|alias| alias.starts_with("aws/")) {
        let reason = "a key that AWS manages cannot be used like this: it is for one AWS service; \
                      make a key of your own";
        return refuse(gathered, &at.spot, reason);
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_-".contains(&b);
    let good = match alias {
        Some(alias) => (1..=250).contains(&alias.len()) && alias.bytes().all(allowed),
        None => id.is_some_and(is_key_id),
    };
    good || refuse(
        gathered,
        &at.spot,
        "must be the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID), a key id, or an alias \
         such as alias/shop",
    )
}

/// A UUID, or that of a multi-Region key: `mrk-` and 32 hexadecimal digits.
fn is_key_id(id: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(rest) = id.strip_prefix("mrk-") {
        return rest.len() == 32 && hex(rest);
    }
    let parts: Vec<&str> = id.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| hex(part))
}

/// Region and resource of an ARN of `service`: `arn:partition:service:region:account:resource`.
fn arn<'t>(text: &'t str, service: &str) -> Option<(&'t str, &'t str)> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [scheme, partition, of, region, account, resource] = parts[..] else {
        return None;
    };
    let good = scheme == "arn"
        && partition.starts_with("aws")
        && of == service
        && is_region(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit());
    good.then_some((region, resource))
}

fn is_region(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (4..=32).contains(&text.len()) && text.contains('-') && text.bytes().all(allowed)
}

/// The region of the ARN `named`, else the one given. Both must be the same.
fn region(
    field: &Field<String>,
    named: Option<&At<String>>,
    gathered: &mut Gathered,
) -> Option<Option<String>> {
    let of_arn = named.and_then(|at| at.value.strip_prefix("arn:")?.split(':').nth(2));
    let given = optional(field, |at| {
        let good = is_region(&at.value);
        if !good {
            gathered.add(
                &at.spot,
                "must be the name of a region, such as \"eu-central-1\"",
            );
        } else if of_arn.is_some_and(|region| region != at.value) {
            gathered.add(&at.spot, "differs from the ARN's region; remove it");
            return None;
        }
        good.then(|| at.value.clone())
    })?;
    Some(of_arn.map(str::to_owned).or(given))
}

fn endpoint(field: &Field<String>, gathered: &mut Gathered) -> Option<Option<String>> {
    optional(field, |at| {
        let good = is_endpoint(&at.value);
        if !good {
            gathered.add(
                &at.spot,
                "must be https://HOST, or http://HOST where the host is this machine (127.0.0.1, \
                 [::1], localhost), and hold no user name or password",
            );
        }
        good.then(|| at.value.clone())
    })
}

/// `fieldseal-aws` holds the same rule for endpoints that do not come from this file.
fn is_endpoint(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    let local = host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    !host.is_empty() && !authority.contains('@') && (scheme == "https" || scheme == "http" && local)
}

fn start(spelling: &StartSpelling, gathered: &mut Gathered) -> Option<StreamStart> {
    let StartSpelling::Place(at) = spelling else {
        return Some(StreamStart::TrimHorizon);
    };
    let section = &at.value;
    if section.timestamp.is_absent() == section.sequence_number.is_absent() {
        gathered.add(
            &at.spot,
            "exactly one of timestamp and sequence_number says where to begin",
        );
        return None;
    }
    if let Some(at) = section.timestamp.get() {
        let millis = epoch_millis(&at.value.0);
        if millis.is_none() {
            gathered.add(
                &at.spot,
                "must have a date, a time and an offset, such as \"2026-11-21T00:00:00Z\"",
            );
        }
        return millis.map(StreamStart::Timestamp);
    }
    let at = section.sequence_number.get()?;
    let number = at.value.parse::<SequenceNumber>();
    if number.is_err() {
        gathered.add(&at.spot, "must be 1 to 128 decimal digits");
    }
    number.ok().map(StreamStart::Sequence)
}

/// Milliseconds since 1970-01-01T00:00:00Z in the Gregorian calendar, without leap seconds, as
/// POSIX counts them. `None` for a moment that is not whole.
fn epoch_millis(moment: &Datetime) -> Option<i64> {
    let (date, time) = (moment.date?, moment.time?);
    let offset = match moment.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    // March begins the year here, so that the leap day is its last.
    let (year, month) = (i64::from(date.year), i64::from(date.month));
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day = year * 365 + leap_days + (month * 153 + 2) / 5 + i64::from(date.day) - 1;
    let days = day - 719_468;
    let minutes = (days * 24 + i64::from(time.hour)) * 60 + i64::from(time.minute) - offset;
    let seconds = minutes * 60 + i64::from(time.second.unwrap_or(0));
    Some(seconds * 1_000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::{epoch_millis, is_endpoint};

    #[test]
    fn moments() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T01:00:00.25+01:00", 250),
            ("1969-12-31T23:59:59Z", -1_000),
            ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2000-03-01T00:00:00Z", 951_868_800_000),
            ("2026-11-21T00:00:00Z", 1_795_219_200_000),
            ("2026-11-20T19:00:00-05:00", 1_795_219_200_000),
        ] {
            let moment = text.parse().expect("RFC 3339");
            assert_eq!(epoch_millis(&moment), Some(millis), "{text}");
        }
        for text in ["2026-11-21", "12:00:00", "2026-11-21T00:00:00"] {
            assert_eq!(epoch_millis(&text.parse().expect("TOML")), None, "{text}");
        }
    }

    #[test]
    fn endpoints_without_tls_are_on_this_machine() {
        for good in [
            "https://kms.eu-central-1.amazonaws.com",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://127.0.0.1@e.com",
            "http://",
            "kms",
            "ftp://localhost",
        ] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }
}
