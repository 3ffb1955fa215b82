//! The shape of a Signature Version 4 header (IAM User Guide, "Elements of an AWS API request signature"):
//! present, well-formed, for this region, service and day. The signature itself is not computed: the double
//! knows no secret, so any will do.

use hyper::HeaderMap;

use super::{Failure, text};

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";

/// Headers that a signature must cover.
const SIGNED: [&str; 2] = ["host", "x-amz-date"];

/// The access key id of a request that is signed in due form.
pub(super) fn access_key(
    headers: &HeaderMap,
    region: &str,
    service: &str,
) -> Result<String, Failure> {
    let missing = "Missing Authentication Token";
    let header = text(headers, "authorization")
        .ok_or_else(|| Failure::new("MissingAuthenticationTokenException", missing))?;
    let incomplete = |what: &str| Failure::new("IncompleteSignatureException", what);
    let parts = header
        .strip_prefix(ALGORITHM)
        .ok_or_else(|| incomplete("the algorithm is not AWS4-HMAC-SHA256"))?;
    let part = |name: &str| {
        let mut parts = parts.split(',').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let credential = part("Credential").ok_or_else(|| incomplete("no Credential"))?;
    let signed = part("SignedHeaders").ok_or_else(|| incomplete("no SignedHeaders"))?;
    let signature = part("Signature").ok_or_else(|| incomplete("no Signature"))?;
    let date = text(headers, "x-amz-date").ok_or_else(|| incomplete("no X-Amz-Date"))?;

    let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if signature.len() != 64 || !signature.bytes().all(lower_hex) {
        return Err(incomplete("the signature is not 64 hexadecimal digits"));
    }
    for name in SIGNED {
        if !signed.split(';').any(|signed| signed == name) {
            return Err(incomplete(&format!("the signature does not cover {name}")));
        }
    }
    scope(credential, date, region, service)
}

/// `KEY/20261121/eu-central-1/kinesis/aws4_request`
fn scope(credential: &str, date: &str, region: &str, service: &str) -> Result<String, Failure> {
    let invalid = |what: &str| Failure::new("InvalidSignatureException", what);
    let parts: Vec<&str> = credential.split('/').collect();
    let [key, day, its_region, its_service, "aws4_request"] = parts[..] else {
        return Err(invalid(
            "Credential should have the scope KEY/day/region/service/aws4_request",
        ));
    };
    if key.is_empty() {
        let code = "UnrecognizedClientException";
        return Err(Failure::new(
            code,
            "The security token included in the request is invalid.",
        ));
    }
    if !basic_format(date) || !date.starts_with(day) {
        return Err(invalid(
            "Date in Credential scope does not match YYYYMMDD from X-Amz-Date",
        ));
    }
    if its_region != region {
        return Err(invalid(&format!(
            "Credential should be scoped to a valid region, not '{its_region}'."
        )));
    }
    if its_service != service {
        return Err(invalid(&format!(
            "Credential should be scoped to correct service: '{service}'."
        )));
    }
    Ok(key.to_owned())
}

/// `20261121T065554Z`
fn basic_format(date: &str) -> bool {
    date.len() == 16
        && date.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::access_key;
    use hyper::HeaderMap;

    fn told(authorization: &str) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization.parse().unwrap());
        headers.insert("x-amz-date", "20261121T065554Z".parse().unwrap());
        access_key(&headers, "eu-central-1", "kms").map_err(|failure| failure.code)
    }

    fn header(scope: &str, signed: &str, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}"
        )
    }

    #[test]
    fn a_signature_in_due_form_tells_its_key() {
        let (scope, signed) = (
            "ME/20261121/eu-central-1/kms/aws4_request",
            "host;x-amz-date",
        );
        let signature = "0a".repeat(32);
        assert_eq!(
            told(&header(scope, signed, &signature)).as_deref(),
            Ok("ME")
        );
        let incomplete = Err("IncompleteSignatureException");
        assert_eq!(told("Basic abc"), incomplete);
        assert_eq!(told(&header(scope, "host", &signature)), incomplete);
        assert_eq!(told(&header(scope, signed, "0A")), incomplete);
        for wrong in [
            "ME/20261122/eu-central-1/kms/aws4_request",
            "ME/20261121/us-east-1/kms/aws4_request",
            "ME/20261121/eu-central-1/kinesis/aws4_request",
            "ME/20261121/eu-central-1/kms",
        ] {
            let told = told(&header(wrong, signed, &signature));
            assert_eq!(told, Err("InvalidSignatureException"), "{wrong}");
        }
    }

    #[test]
    fn no_signature_is_no_caller() {
        let failure = access_key(&HeaderMap::new(), "eu-central-1", "kms");
        let code = failure.map_err(|failure| failure.code);
        assert_eq!(code, Err("MissingAuthenticationTokenException"));
    }
}
