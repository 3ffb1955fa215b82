//! Why there is no vault. Owns the texts: each says what to do, and holds no password.

use fieldseal_db::DbError;
use fieldseal_keys::{KeyringError, RootFileError};

/// Why there is no vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database, which holds the keys in a sealed one, cannot be had.
    #[error("{place} cannot be had: {source}{}", to_have(place))]
    Database {
        /// Which one: its URL without user, password and parameters, or the pool's.
        place: String,
        /// What the database said.
        #[source]
        source: DbError,
    },
    /// The policy file cannot be read, has mistakes, or names what this program cannot use.
    #[cfg(feature = "policy")]
    #[error("{reason}")]
    Policy {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// The keyring refuses the configuration or the store.
    #[error(transparent)]
    Keys(KeyringError),
    /// The tables of keys are not where the vault's own connections are, or the user may not read
    /// them.
    #[error(
        "{source}; the URL, or the options that the pool connects with, must lead to the tables that \
         `fieldseal migrate` made, and the user needs its rights on them (docs/APPLICATION.md, section \
         5); a pool's hooks are not run for the vault's own connections"
    )]
    KeysNotFound {
        /// What the keyring wanted, and what the database said.
        #[source]
        source: KeyringError,
    },
    /// The root key file cannot be read.
    #[error("{0}{next}", next = to_find(.0))]
    RootKeyFile(RootFileError),
    /// AWS KMS cannot be had.
    #[error("AWS KMS key `{key}`: {reason}")]
    AwsKms {
        /// As the configuration names it.
        key: String,
        /// What was said.
        reason: String,
    },
    /// Plaintext mode over a database that holds sealed data.
    #[error(
        "the database holds sealed data (it has {found}): start with `Vault::start`, not in \
         plaintext mode"
    )]
    SealedDatabase {
        /// The table or column that says so.
        found: &'static str,
    },
    /// Plaintext mode on a connection that is in no database: any of the server's might be meant.
    #[error(
        "the connection is in no database, so nothing tells whether sealed data is written in clear: \
         name a database in its URL"
    )]
    NoDatabase,
}

/// What to do where a database cannot be had.
fn to_have(place: &str) -> &'static str {
    if place.starts_with("sqlite:") {
        "; the file must be there, and a relative path starts at the folder that this process runs in"
    } else {
        "; see that the server runs, is reached from here and lets this user in"
    }
}

/// What to do where there is no root key file; its other errors say so themselves.
fn to_find(error: &RootFileError) -> &'static str {
    let missing = matches!(error, RootFileError::Io { source, .. }
        if source.kind() == std::io::ErrorKind::NotFound);
    if missing {
        "; give the path of the file that `fieldseal migrate` made, or of its copy: a relative path \
         starts at the folder that this process runs in, and a new file would open nothing"
    } else {
        ""
    }
}
