//! Kinesis' errors by name, with the texts that AWS uses where a public report quotes them.

use crate::wire::Failure;

pub(super) fn not_found(what: &str) -> Failure {
    Failure::new("ResourceNotFoundException", what)
}

pub(super) fn invalid(what: &str) -> Failure {
    Failure::new("InvalidArgumentException", what)
}

/// A value outside the constraints of its page (`CommonErrors`).
pub(super) fn validation(what: &str) -> Failure {
    Failure::new("ValidationException", what)
}

pub(super) fn in_use(what: &str) -> Failure {
    Failure::new("ResourceInUseException", what)
}

pub(super) fn limit(what: &str) -> Failure {
    Failure::new("LimitExceededException", what)
}

pub(super) fn throughput(what: &str) -> Failure {
    Failure::new("ProvisionedThroughputExceededException", what)
}

pub(super) fn expired_iterator(what: &str) -> Failure {
    Failure::new("ExpiredIteratorException", what)
}

pub(super) fn expired_token(what: &str) -> Failure {
    Failure::new("ExpiredNextTokenException", what)
}

/// All checks passed and nothing was done, because the caller asked for just that.
pub(super) fn dry_run() -> Failure {
    Failure::new(
        "DryRunOperationException",
        "the request would have succeeded, but DryRun is set",
    )
}
