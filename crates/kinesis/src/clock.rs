//! The service's clock, as its answers show it (RFC 9110, section 6.6.1, `Date`). Owns reading it;
//! comparing it with this machine's is the caller's, who has a clock.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kinesis::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_kinesis::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kinesis::error::BoxError;
use aws_sdk_kinesis::primitives::{DateTime, DateTimeFormat};

/// Remembers when a call was answered by the service's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnsweredAt(Arc<Mutex<Option<i64>>>);

impl AnsweredAt {
    /// Milliseconds since 1970, in whole seconds; none if the answer had no date.
    pub(crate) fn millis(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for AnsweredAt {
    fn name(&self) -> &'static str {
        "AnsweredAt"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let at = context.response().headers().get("date").and_then(millis);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
        Ok(())
    }
}

/// A date as HTTP spells it.
pub(crate) fn millis(date: &str) -> Option<i64> {
    let date = DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?;
    date.to_millis().ok()
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn a_date_is_a_moment_and_anything_else_is_none() {
        // The RFC's own example; seconds from `date --utc --date=… +%s`.
        let example = millis("Tue, 15 Nov 1994 08:12:31 GMT");
        assert_eq!(example, Some(784_887_151_000));
        assert_eq!(millis("yesterday"), None);
        assert_eq!(millis(""), None);
    }
}
