//! What a failed call to KMS means: an outage, a refusal, or a wrap that is not genuine. Owns the
//! texts, each with the key, the region and what to do; none holds a key or a wrap.
//!
//! What AWS says is told by its error code alone. Its messages may quote what was sent: that of a
//! refused signature can hold the whole canonical request, with the session token in it.
//! CloudTrail has the messages of refused calls.
//!
//! Error codes are those of the AWS KMS API Reference, each operation's "Errors" and "Common
//! Errors". They are compared as texts: access and throttling errors are modelled by no operation.

use std::time::Duration;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};

use crate::provider::ProviderError;

/// The operations in use. These and no others: the least IAM policy lists the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    GenerateDataKey,
    Encrypt,
    Decrypt,
    DescribeKey,
}

impl Call {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GenerateDataKey => "GenerateDataKey",
            Self::Encrypt => "Encrypt",
            Self::Decrypt => "Decrypt",
            Self::DescribeKey => "DescribeKey",
        }
    }
}

/// What was asked of whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) call: Call,
    /// An ARN; while a key is being looked up, the name that the configuration gives it.
    pub(super) key: &'a str,
    pub(super) region: &'a str,
}

/// The way an error goes, with what to do about it.
enum Meaning {
    Unavailable(&'static str),
    Denied(&'static str),
    Invalid(&'static str),
}

impl Asked<'_> {
    /// The error that a failed call is.
    pub(super) fn failed<E>(&self, error: &SdkError<E>) -> ProviderError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let SdkError::ServiceError(answer) = error else {
            return self.unanswered(error);
        };
        let code = code(error.code());
        let status = answer.raw().status().as_u16();
        let said = format!("KMS said {code}");
        match meaning(self.call, code, status) {
            Meaning::Unavailable(advice) => self.unavailable(&format!("{advice} ({said})")),
            Meaning::Denied(advice) => self.denied(&format!("{advice} ({said})")),
            Meaning::Invalid(what) => ProviderError::Invalid {
                reason: format!("{}: {what} ({said})", self.what()),
            },
        }
    }

    /// The error of a call that was not made, because KMS did not answer before.
    pub(super) fn not_asked(&self, pause: Duration) -> ProviderError {
        let millis = pause.as_millis();
        self.unavailable(&format!(
            "it did not answer before and is asked again in {millis} ms"
        ))
    }

    /// The error of an answer that cannot be right.
    pub(super) fn odd(&self, what: &str) -> ProviderError {
        ProviderError::Invalid {
            reason: format!("{}: {what}", self.what()),
        }
    }

    pub(super) fn denied(&self, advice: &str) -> ProviderError {
        ProviderError::Denied {
            reason: format!("{}: {advice}", self.what()),
        }
    }

    fn unavailable(&self, advice: &str) -> ProviderError {
        ProviderError::Unavailable {
            reason: format!("{}: {advice}", self.what()),
        }
    }

    fn unanswered<E>(&self, error: &SdkError<E>) -> ProviderError
    where
        E: std::error::Error + 'static,
    {
        let late = "no answer in time; look at the network and at KMS";
        match error {
            SdkError::TimeoutError(_) => self.unavailable(late),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => self.unavailable(late),
            // Nothing was sent or read, so nothing can be quoted.
            SdkError::DispatchFailure(failure) if failure.is_io() => self.unavailable(&format!(
                "the call could not be made; look at the network and the endpoint ({})",
                chain(error)
            )),
            SdkError::ResponseError(_) => self.unavailable("the answer could not be read"),
            // Credentials are got by calls too, and their errors quote as much.
            _ => self.unavailable(
                "the call could not be made; look at the credentials and where they come from, \
                 at the network and the endpoint",
            ),
        }
    }

    fn what(&self) -> String {
        let (call, key, region) = (self.call.name(), self.key, self.region);
        format!("kms:{call} with {key} in {region}")
    }
}

fn meaning(call: Call, code: &str, status: u16) -> Meaning {
    use Meaning::{Denied, Invalid, Unavailable};
    match code {
        "AccessDeniedException" | "NotAuthorized" | "InvalidGrantTokenException" => Denied(
            "this caller is not allowed to; grant it the call, with this encryption context, in \
             the key's policy or in IAM",
        ),
        // A wrong secret, a wrong clock and another region's endpoint are all told by this code.
        "InvalidSignatureException" | "SignatureDoesNotMatch" => Denied(
            "the signature is not accepted; look at the secret, at the clock, and whether the \
             endpoint is that of the key's region",
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "OptInRequired" => Denied(
            "these credentials are not accepted; look at where they come from, and at the clock",
        ),
        "DisabledException" => Denied("the key is disabled; enable it"),
        "KMSInvalidStateException" => Denied(
            "the key's state does not allow it; cancel its deletion, enable it, or wait until it \
             is made",
        ),
        "NotFoundException" => {
            Denied("there is no such key in this region and account; correct the key or the region")
        }
        "InvalidKeyUsageException" | "InvalidArnException" => {
            Denied("this key cannot wrap data keys; use a symmetric key for encryption")
        }
        "InvalidCiphertextException" | "IncorrectKeyException" => Invalid(
            "it is damaged, or was made under another key or for another deployment, domain or \
             purpose",
        ),
        // A wrap of an impossible length is refused before it is looked at.
        "ValidationException" if call == Call::Decrypt => Invalid("it cannot be a wrap of KMS"),
        "ThrottlingException"
        | "Throttling"
        | "LimitExceededException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException" => {
            Unavailable("KMS throttles this account and region; look at its request quotas")
        }
        "KMSInternalException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        | "InternalFailure"
        | "ServiceUnavailable" => Unavailable("KMS failed; look at its state"),
        _ if status == 429 || status >= 500 => Unavailable("KMS failed; look at its state"),
        _ => Denied("KMS refused the call"),
    }
}

/// The code, unless it is not one: whoever answers in the place of KMS can write anything there.
fn code(code: Option<&str>) -> &str {
    let looks_like_one =
        |code: &&str| code.len() <= 80 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    match code {
        None | Some("") => "no error code",
        Some(code) => Some(code)
            .filter(looks_like_one)
            .unwrap_or("something that is no error code"),
    }
}

/// An error with its causes, as the SDK's own text names the outermost only.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::config::http::HttpResponse;
    use aws_sdk_kms::error::{ConnectorError, ErrorMetadata};
    use aws_sdk_kms::operation::decrypt::DecryptError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    const ASKED: Asked<'static> = Asked {
        call: Call::Decrypt,
        key: "alias/shop",
        region: "eu-central-1",
    };

    fn answered(code: &str, message: &str) -> String {
        let metadata = ErrorMetadata::builder().code(code).message(message);
        let status = 400.try_into().expect("a status");
        let raw = HttpResponse::new(status, SdkBody::from(message));
        let error = SdkError::service_error(DecryptError::generic(metadata.build()), raw);
        ASKED.failed(&error).to_string()
    }

    #[test]
    fn what_was_not_answered_may_pass() {
        type Failed = SdkError<DecryptError, HttpResponse>;
        let told = |error: Failed| match ASKED.failed(&error) {
            ProviderError::Unavailable { reason } => reason,
            other => panic!("{other:?}"),
        };
        // A limit of the SDK's own, and one of the connection's.
        let connection = ConnectorError::timeout("no bytes".into());
        for late in [
            Failed::timeout_error("12 s are over"),
            Failed::dispatch_failure(connection),
        ] {
            let reason = told(late);
            assert!(reason.contains("no answer in time"), "{reason}");
        }
        let refused = ConnectorError::io("connection refused".into());
        let reason = told(Failed::dispatch_failure(refused));
        assert!(reason.contains("the network"), "{reason}");
        assert!(!reason.contains("in time"), "{reason}");
    }

    /// As AWS words it where the signature does not match.
    #[test]
    fn what_a_message_quotes_is_not_passed_on() {
        let message = "The request signature we calculated does not match the signature you \
                       provided. The Canonical String for this request should have been 'POST\n/\n\n\
                       x-amz-security-token:IQoJb3JpZ2luX2VjEB\n'";
        for code in [
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "AccessDeniedException",
            "ThrottlingException",
            "Whatever",
        ] {
            let told = answered(code, message);
            assert!(told.contains(code) && told.contains("alias/shop"), "{told}");
            assert!(!told.contains("IQoJb3"), "{told}");
            assert!(!told.contains("Canonical"), "{told}");
        }
        for code in ["x-amz-security-token:IQoJb3", "IQoJb3 IQoJb3", ""] {
            let told = answered(code, message);
            assert!(!told.contains("IQoJb3"), "{told}");
        }
    }

    /// Credentials that cannot be got fail the call with what their own service said.
    #[test]
    fn what_the_credentials_service_said_is_not_passed_on() {
        let source = "The Canonical String should have been IQoJb3";
        let error: SdkError<DecryptError, HttpResponse> = SdkError::construction_failure(source);
        let told = ASKED.failed(&error).to_string();
        assert!(told.contains("credentials"), "{told}");
        assert!(!told.contains("IQoJb3"), "{told}");
    }
}
