//! A service's clock, as its answers show it (RFC 9110, section 6.6.1, `Date`). Owns reading it;
//! comparing it with this machine's is the caller's, who has a clock.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

/// Remembers when a call was answered by the service's clock: an interceptor of that call.
#[derive(Clone, Debug, Default)]
pub struct AnsweredAt(Arc<Mutex<Option<i64>>>);

impl AnsweredAt {
    /// Milliseconds since 1970, in whole seconds; none if the answer had no date.
    #[must_use]
    pub fn millis(&self) -> Option<i64> {
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
        let at = context
            .response()
            .headers()
            .get("date")
            .and_then(http_date_millis);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
        Ok(())
    }
}

/// A date as HTTP spells it, in milliseconds since 1970.
#[must_use]
pub fn http_date_millis(date: &str) -> Option<i64> {
    let date = DateTime::from_str(date, Format::HttpDate).ok()?;
    date.to_millis().ok()
}

#[cfg(test)]
mod tests {
    use super::http_date_millis as millis;

    #[test]
    fn a_date_is_a_moment_and_anything_else_is_none() {
        // The RFC's own example; seconds from `date --utc --date=… +%s`.
        let example = millis("Tue, 15 Nov 1994 08:12:31 GMT");
        assert_eq!(example, Some(784_887_151_000));
        assert_eq!(millis("yesterday"), None);
        assert_eq!(millis(""), None);
    }
}
