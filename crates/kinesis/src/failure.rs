//! What a failed call is told as. Owns which failures may pass by themselves and what to do about
//! the others. Messages of AWS are not passed on: they may quote what was sent.

use std::time::Duration;

use fieldseal_pipeline::SourceError;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallError {
    /// Which call.
    pub(crate) operation: &'static str,
    pub(crate) kind: Kind,
    /// The service's code, where it answered.
    pub(crate) code: String,
    /// The service's clock, where it answered and said so.
    pub(crate) clock: Option<String>,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Slower, please.
    Throttled,
    /// The iterator is older than five minutes.
    ExpiredIterator,
    /// What was asked for is not there: a sequence number of another shard or from before the
    /// oldest record.
    Invalid,
    /// No such stream or shard.
    Gone,
    /// The stream is being made or changed.
    Busy,
    /// These credentials may not.
    Denied,
    /// The credentials are unknown, expired, or the clock is wrong.
    Credentials,
    /// The key of the stream's encryption at rest cannot be used.
    StreamKey,
    /// No answer.
    Unreachable,
    /// The service failed.
    Service,
    /// Something that asking again does not change.
    Refused,
}

impl Kind {
    /// What a code of the service means ("Common Error Types" and each operation's "Errors" in
    /// the Kinesis API reference).
    pub(crate) fn of(code: &str, status: u16) -> Self {
        match code {
            "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "KMSThrottlingException" => Self::Throttled,
            "ExpiredIteratorException" | "ExpiredNextTokenException" => Self::ExpiredIterator,
            "InvalidArgumentException" | "ValidationException" => Self::Invalid,
            "ResourceNotFoundException" => Self::Gone,
            "ResourceInUseException" => Self::Busy,
            "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "OptInRequired" => {
                Self::Denied
            }
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired" => Self::Credentials,
            code if code.starts_with("KMS") => Self::StreamKey,
            "RequestTimeout" | "RequestTimeoutException" => Self::Unreachable,
            _ if status >= 500 => Self::Service,
            _ => Self::Refused,
        }
    }
}

impl CallError {
    /// Whether the same call may work later, with nobody doing anything about it.
    pub(crate) fn is_transient(&self) -> bool {
        match self.kind {
            Kind::Throttled
            | Kind::ExpiredIterator
            | Kind::Busy
            | Kind::Unreachable
            | Kind::Service => true,
            // Renewed by their provider.
            Kind::Credentials => matches!(
                self.code.as_str(),
                "ExpiredToken" | "ExpiredTokenException" | "RequestExpired"
            ),
            Kind::Invalid | Kind::Gone | Kind::Denied | Kind::StreamKey | Kind::Refused => false,
        }
    }

    /// As an error of the source; `place` is the stream, with the shard where there is one.
    pub(crate) fn told(&self, place: &str) -> SourceError {
        let call = self.operation;
        let code = match self.code.as_str() {
            "" => "no code",
            code => code,
        };
        let advice = match self.kind {
            Kind::Throttled => {
                "it is tried again; if it goes on, other consumers read the same shards: give each less (source.reads_per_second, source.read_bytes_per_second)"
            }
            Kind::ExpiredIterator => "it is tried again",
            Kind::Invalid => "Kinesis does not take what was asked for",
            Kind::Gone => {
                "it does not exist; see the stream's name, the account and the region (source.stream, source.region), or whether it was deleted"
            }
            Kind::Busy => "the stream is being made or changed; it is tried again",
            Kind::Denied => {
                "these credentials may not do this; allow the call for the stream in the policy of the role, see deploy/iam"
            }
            Kind::Credentials => {
                "AWS does not accept the credentials; see where they come from, whether they have expired, and this machine's clock"
            }
            Kind::StreamKey => {
                "the KMS key of the stream's encryption cannot be used; see its state, and that the role may kms:Decrypt with it"
            }
            Kind::Unreachable => {
                "no answer; it is tried again; see the network, source.endpoint, and where the credentials come from"
            }
            Kind::Service => "Kinesis failed; it is tried again",
            Kind::Refused => "Kinesis refuses it",
        };
        let clock = match (&self.kind, &self.clock) {
            (Kind::Credentials, Some(clock)) => format!(", which is to show {clock}"),
            _ => String::new(),
        };
        SourceError {
            what: format!("{place}: {call} failed ({code}): {advice}{clock}"),
            transient: self.is_transient(),
            lost: false,
        }
    }
}

/// Something that trying again will not change.
pub(crate) fn permanent(what: String) -> SourceError {
    SourceError {
        what,
        transient: false,
        lost: false,
    }
}

/// Records that were to be read are there no more.
pub(crate) fn dropped(what: String) -> SourceError {
    SourceError {
        lost: true,
        ..permanent(what)
    }
}

/// Up to `longest`, at random, and at least half of it.
pub(crate) fn jittered(longest: Duration) -> Duration {
    // Without randomness there is no jitter, which costs nothing but elegance.
    let share = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(0.5 + 0.5 * f64::from(share) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{CallError, Kind};

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        let transient = |code: &str, status: u16| {
            let error = CallError {
                operation: "GetRecords",
                kind: Kind::of(code, status),
                code: code.to_owned(),
                clock: None,
            };
            error.told("stream s").transient
        };
        for code in [
            "ProvisionedThroughputExceededException",
            "KMSThrottlingException",
            "ExpiredIteratorException",
            "ExpiredTokenException",
        ] {
            assert!(transient(code, 400), "{code}");
        }
        assert!(transient("InternalFailure", 500));
        assert!(transient("", 503));
        for code in [
            "AccessDeniedException",
            "ResourceNotFoundException",
            "InvalidArgumentException",
            "KMSDisabledException",
            "InvalidSignatureException",
            "Whatever",
        ] {
            assert!(!transient(code, 400), "{code}");
        }
    }

    #[test]
    fn who_is_refused_for_the_time_is_told_the_right_one() {
        let date = "Sat, 21 Nov 2026 09:00:00 GMT";
        let told = |code: &str| {
            let error = CallError {
                operation: "DescribeStreamSummary",
                kind: Kind::of(code, 400),
                code: code.to_owned(),
                clock: Some(date.to_owned()),
            };
            error.told("stream s").what
        };
        let refused = told("InvalidSignatureException");
        assert!(refused.contains(date), "{refused}");
        assert!(!told("AccessDeniedException").contains(date));
    }
}
