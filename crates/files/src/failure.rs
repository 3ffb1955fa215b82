//! What a failing file is told as. Owns the wording and which failures may pass by themselves.

use std::io::{self, ErrorKind};
use std::path::Path;

use fieldseal_pipeline::SourceError;

/// Something that trying again will not change.
pub(crate) fn permanent(what: String) -> SourceError {
    SourceError {
        what,
        transient: false,
        lost: false,
    }
}

/// The system could not do `doing` with `path`.
pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> SourceError {
    let transient = matches!(
        error.kind(),
        ErrorKind::Interrupted
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
    );
    SourceError {
        what: format!(
            "cannot {doing} {}: {error}; see that it is there and that this user may read it",
            path.display()
        ),
        transient,
        lost: false,
    }
}

/// `path` ends before `offset`, where reading was to go on.
pub(crate) fn shrunk(path: &Path, offset: u64) -> SourceError {
    permanent(format!(
        "{} ends before offset {offset}, up to which it was read: the file was cut or replaced; \
         put the former file back, or give the new one another name",
        path.display()
    ))
}
