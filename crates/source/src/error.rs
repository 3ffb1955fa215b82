//! Why the source did not answer. Owns the words; no text of the server's is among them.

use fieldseal_db::{DbError, DbErrorKind};

/// A question that the source did not answer, or whose answer must not be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The database failed.
    #[error("{doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What came of it.
        source: DbError,
    },
    /// The account may not ask, or may not write.
    #[error("{doing}: the account may not; {advice}")]
    Privilege {
        /// What was being done.
        doing: &'static str,
        /// What to do.
        advice: String,
    },
    /// The server answers, and is not fit to be asked: everything that is wrong, with what to do.
    #[error("{0}")]
    Unfit(String),
}

impl SourceError {
    /// A database error; one for want of a privilege says which to grant.
    pub(crate) fn of(doing: &'static str, advice: &str, source: DbError) -> Self {
        if source.kind() == DbErrorKind::Privilege {
            return Self::Privilege {
                doing,
                advice: advice.to_owned(),
            };
        }
        Self::Database { doing, source }
    }

    /// Whether the same question, asked again later, may be answered.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Database { source, .. } => source.is_transient(),
            Self::Privilege { .. } | Self::Unfit(_) => false,
        }
    }
}
