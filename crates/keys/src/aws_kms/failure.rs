//! What a failed call to KMS means: an outage, a refusal, or a wrap that is not genuine. Owns the
//! texts, each with the key, the region and what to do; none holds a key or a wrap.
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
        let code = error.code().unwrap_or("no error code");
        let status = answer.raw().status().as_u16();
        let said = match error.message() {
            Some(message) => format!("KMS said {code}: {}", one_line(message)),
            None => format!("KMS said {code}"),
        };
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
        let what = match error {
            SdkError::TimeoutError(_) => "no answer in time; look at the network and at KMS",
            SdkError::ResponseError(_) => "the answer could not be read",
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                "no answer in time; look at the network and at KMS"
            }
            _ => {
                "the call could not be made; look at the network, the endpoint and the credentials"
            }
        };
        self.unavailable(&format!("{what} ({})", chain(error)))
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
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
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

/// Longer than any message of KMS, shorter than a page of HTML from a proxy.
const LONGEST: usize = 400;

fn one_line(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(LONGEST).collect()
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
    one_line(&text)
}
