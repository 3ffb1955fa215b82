//! What can go wrong when a row is sealed, opened or looked up. Owns the texts: they name table,
//! column and key id, and never hold a value.

use std::fmt;

use fieldseal_envelope::KeyId;
use fieldseal_keys::{KeyStoreError, KeyringError, ProviderError};

use crate::column::Column;

/// What a service may not do without; the statements are in `docs/APPLICATION.md`.
const RIGHTS: &str = "the service's database user needs SELECT on fieldseal_meta, \
    fieldseal_data_keys and fieldseal_key_wraps, to seal also INSERT on the last two and UPDATE \
    (reserved, state, slot) on fieldseal_data_keys, and in MySQL and MariaDB UPDATE (id) on \
    fieldseal_meta (the GRANTs of docs/APPLICATION.md, section 5); a SQLite file must be writable";

/// Where something went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The table in the database.
    pub table: String,
    /// The column in the database.
    pub column: String,
    /// The key that the value names, where it names one.
    pub key: Option<KeyId>,
}

impl At {
    #[cold]
    pub(crate) fn column(column: &Column, key: Option<KeyId>) -> Self {
        Self {
            table: column.table.clone(),
            column: column.name.clone(),
            key,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)?;
        match self.key {
            Some(key) => write!(f, " (key {key})"),
            None => Ok(()),
        }
    }
}

/// Why something was not sealed, opened or looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The column holds something that no seal made: perhaps a value in clear, perhaps the rest of a
    /// sealed one that was cut off within its first 46 bytes.
    #[error(
        "{at}: not a sealed value; it may be in clear, or was cut short: find out who wrote it, and \
         seal it anew"
    )]
    NotSealed {
        /// Where.
        at: At,
    },
    /// A vault for the plaintext database found bytes where a value in clear should stand.
    #[error("{at}: bytes in a column of the plaintext database; is it the sealed one?")]
    NotPlaintext {
        /// Where.
        at: At,
    },
    /// It was sealed for another row, column, table or kind, or is damaged. One that lost so many bytes
    /// that too few are left for a sealed value is [`NotSealed`](Self::NotSealed).
    #[error("{at}: does not open here; it was sealed for another place or kind, or is damaged")]
    DoesNotOpen {
        /// Where.
        at: At,
    },
    /// The value is of another kind than the column or the field, or out of the field's range.
    #[error("{at}: {reason}")]
    WrongKind {
        /// Where.
        at: At,
        /// What is wrong, without the value.
        reason: String,
    },
    /// The column is NULL and the field's type has no place for that.
    #[error("{at}: NULL; make the field an Option")]
    Null {
        /// Where.
        at: At,
    },
    /// The value to be sealed is wider than its column, or has more digits behind the point.
    #[error("{at}: the value is too wide for its column, which takes {takes}")]
    TooWide {
        /// Where.
        at: At,
        /// What the column takes.
        takes: String,
    },
    /// The key service denies this process the key. Declare the field as an `Access` to get the
    /// rest of the row.
    #[error("{at}: {reason}")]
    Denied {
        /// Where.
        at: At,
        /// What the service said.
        reason: String,
    },
    /// A field that was denied when its row was opened cannot be sealed again.
    #[error("{at}: was denied when the row was opened, so there is nothing to seal")]
    NeverOpened {
        /// Where.
        at: At,
    },
    /// The key cannot be had now. Trying again may help.
    #[error("{at}: its key cannot be had now: {reason}")]
    KeyUnavailable {
        /// Where.
        at: At,
        /// What the key service or the key store said.
        reason: String,
    },
    /// The key store does not know the key: the value is of another deployment, or the store is an
    /// older copy.
    #[error("{at}: its key is not in the key store")]
    KeyUnknown {
        /// Where.
        at: At,
    },
    /// The key has no wrap under a wrapping key of the configuration any more.
    #[error("{at}: its key is retired: {reason}")]
    KeyRetired {
        /// Where.
        at: At,
        /// Under what it is wrapped.
        reason: String,
    },
    /// The key is not one of the column's domain and purpose: the value was moved from a column of
    /// another domain, the domain is misspelt, or the key store was damaged or attacked.
    #[error("{at}: {reason}")]
    Alarm {
        /// Where.
        at: At,
        /// What the keyring found.
        reason: String,
    },
    /// The blind index beside the value belongs to another value.
    #[error("{at}: the blind index in column {index} belongs to another value")]
    IndexMismatch {
        /// Where.
        at: At,
        /// The index column.
        index: String,
    },
    /// A normaliser of the blind index refuses the value.
    #[error("{at}: the value has no normal form for the blind index in column {index}")]
    NoNormalForm {
        /// Where.
        at: At,
        /// The index column.
        index: String,
    },
    /// The columns that sealed values are bound to make no row key.
    #[error("{table}: the row's key columns make no row key: {reason}")]
    RowKey {
        /// The table.
        table: String,
        /// Why not.
        reason: String,
    },
    /// The keys failed in a way that trying again does not mend, or this vault has none.
    #[error("{at}: the keys failed: {reason}")]
    Keys {
        /// Where.
        at: At,
        /// What the keyring or the key store said.
        reason: String,
    },
    /// The sealing library refused.
    #[error("{at}: was not sealed: {reason}")]
    Sealing {
        /// Where.
        at: At,
        /// What it said.
        reason: String,
    },
    /// The rows were not opened because the process' threads are ending.
    #[error("the thread that opened the rows is gone")]
    Threads,
}

impl Error {
    /// Whether the same call may succeed later with nothing changed by hand.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::KeyUnavailable { .. })
    }

    /// That a value was to be sealed or opened by a vault of the plaintext database.
    pub(crate) fn no_keys(at: At) -> Self {
        let reason = "this vault is the plaintext database's and has none".to_owned();
        Self::Keys { at, reason }
    }

    /// What it means for a column that a key cannot be had.
    pub(crate) fn of_key(at: At, error: &KeyringError) -> Self {
        let reason = error.to_string();
        match error {
            KeyringError::Store {
                source: KeyStoreError::Forbidden { .. },
                ..
            } => Self::Keys {
                at,
                reason: format!("{reason}: {RIGHTS}"),
            },
            KeyringError::Unknown { .. } => Self::KeyUnknown { at },
            KeyringError::NoUsableWrap { .. } => Self::KeyRetired { at, reason },
            _ if error.is_alarm() => Self::Alarm { at, reason },
            _ if is_denied(error) => Self::Denied { at, reason },
            _ if error.is_temporary() => Self::KeyUnavailable { at, reason },
            _ => Self::Keys { at, reason },
        }
    }
}

/// Whether every wrap was denied. One that merely did not answer might have opened.
pub(crate) fn is_denied(error: &KeyringError) -> bool {
    match error {
        KeyringError::Refused { refused, .. } | KeyringError::NotWrapped { refused, .. } => {
            let denied = |error: &ProviderError| matches!(error, ProviderError::Denied { .. });
            !refused.is_empty() && refused.iter().all(|wrap| denied(&wrap.error))
        }
        _ => false,
    }
}
