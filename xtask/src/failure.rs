//! Why xtask ends early.

use std::fmt::Display;

/// Why a command did not run to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A signal asked us to end; its number. Everything started is stopped on the way out.
    Stopped(u8),
    /// Something is wrong; the text says what, where and what to do.
    Told(String),
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn told(message: impl Into<String>) -> Self {
        Self::Told(message.into())
    }
}

/// Turns any error into a failure that says what was being done.
pub(crate) trait Doing<T> {
    /// `what` reads on from "cannot".
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::Told(format!("cannot {}: {error}", what())))
    }
}
