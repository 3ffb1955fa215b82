//! Which endpoints are allowed. Owns one rule: without TLS only to this machine, since requests
//! to KMS are answered with data keys and records from Kinesis are plaintext.

use std::net::IpAddr;

use crate::AwsError;

/// Checks one endpoint; `setting` says where it is set. Its text is in no message: an URL can
/// hold a password.
pub(crate) fn check(setting: &str, endpoint: &str) -> Result<(), AwsError> {
    refusal(endpoint).map_or(Ok(()), |reason| {
        Err(AwsError::Endpoint {
            setting: setting.to_owned(),
            reason,
        })
    })
}

/// Checks every endpoint that the environment names, for all services or for one
/// (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
pub(crate) fn check_environment() -> Result<(), AwsError> {
    for (name, value) in std::env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
            continue;
        };
        if name == "AWS_ENDPOINT_URL" || name.starts_with("AWS_ENDPOINT_URL_") {
            check(name, value)?;
        }
    }
    Ok(())
}

fn refusal(endpoint: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = endpoint.split_once("://") else {
        return Some("it must begin with https://, or with http:// for this machine");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("it holds a user name or a password");
    }
    let host = host(authority);
    if host.is_empty() {
        return Some("it names no host");
    }
    match scheme {
        "https" => None,
        "http" if is_loopback(host) => None,
        "http" => Some(
            "http:// is allowed for this machine only (127.0.0.1, [::1], localhost), since data \
             keys would travel unencrypted; use https://",
        ),
        _ => Some("it must begin with https://, or with http:// for this machine"),
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{check, refusal};

    #[test]
    fn without_tls_only_to_this_machine() {
        for good in [
            "https://kms.eu-central-1.amazonaws.com",
            "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com:443/",
            "http://127.0.0.1:4567",
            "http://127.9.9.9",
            "http://localhost:4567/path",
            "http://[::1]:4567",
        ] {
            assert_eq!(refusal(good), None, "{good}");
        }
        for bad in [
            "http://kms.eu-central-1.amazonaws.com",
            "http://10.0.0.1:4567",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://localhost@example.com",
            "http://example.com/127.0.0.1",
            "http://[fd00::1]",
            "http://",
            "https://ada:pw@localhost",
            "ftp://localhost",
            "127.0.0.1:4567",
            "",
        ] {
            assert!(refusal(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_repeats_nothing_of_the_endpoint() {
        let error = check("endpoint", "https://ada:hunter2@localhost").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
