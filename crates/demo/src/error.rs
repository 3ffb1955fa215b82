//! Why the demo could not be written or searched. Owns the wording.

use std::io;
use std::path::PathBuf;

/// Why the demo could not be written or searched. Its text holds no value.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder could not be read or written.
    #[error("cannot {doing} {}: {error}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Too few rows for everything that happens in the scenario.
    #[error("{0} rows are too few for the demo: take {least} or more", least = crate::MIN_ROWS)]
    TooFewRows(u64),
}

impl DemoError {
    /// For `map_err`.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { doing, path, error }
    }
}
