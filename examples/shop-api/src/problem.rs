//! What went wrong with a request. Owns the status for it, and that no value is logged.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fieldseal::Error;

pub(crate) enum Problem {
    Missing,
    Vault(Error),
    Database(sqlx::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Vault(error)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match &self {
            // Its text names table, column and key, never a value.
            Self::Vault(error) => tracing::error!("{error}"),
            // Its text may quote values (`Key (email)=(…) already exists`): the code alone.
            Self::Database(error) => {
                let code = error
                    .as_database_error()
                    .and_then(sqlx::error::DatabaseError::code);
                tracing::error!(code = code.as_deref(), "the database refused or is away");
            }
            Self::Missing => {}
        }
        self.status().into_response()
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Missing => StatusCode::NOT_FOUND,
            // The key service or the key store is away.
            Self::Vault(error) if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Vault(Error::Denied { .. }) => StatusCode::FORBIDDEN,
            Self::Vault(Error::NoNormalForm { .. }) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                StatusCode::CONFLICT
            }
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            // Somebody must look: a value in clear, one that was moved or damaged, a lost key.
            Self::Vault(_) | Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
