//! The vault: keys in use, or the word that there are none. Owns which of the two databases is
//! spoken to; sealing, opening and look-ups are in modules of their own.

use fieldseal_envelope::{Domain, Purpose, sealed_key_id};
use fieldseal_keys::Keyring;
use fieldseal_model::Plaintext;

use crate::column_opening::open_error;
use crate::{At, Error};

/// Seals and opens. Cheap to clone; clones share their keys.
///
/// ```
/// # async fn start() -> Result<(), fieldseal::StartError> {
/// use std::time::Duration;
/// use fieldseal::Vault;
///
/// let vault = Vault::start("shop")
///     .root_key_file("root.key")
///     .max_age(Duration::from_secs(900))
///     .open("sqlite://target.db")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Vault {
    pub(crate) mode: Mode,
}

#[derive(Clone)]
pub(crate) enum Mode {
    Sealed(Keyring),
    Plaintext,
}

impl Vault {
    /// A vault over a keyring that stands already.
    #[must_use]
    pub const fn over(keyring: Keyring) -> Self {
        Self {
            mode: Mode::Sealed(keyring),
        }
    }

    /// Whether this is the vault of a sealed database.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        matches!(self.mode, Mode::Sealed(_))
    }

    /// Seals bytes that are no column (a cache's entry, a queue's message), bound to `parts`: what
    /// says where they belong, such as the cache's name and the entry's key. A free value never
    /// passes for a column's, nor a column's for one. In plaintext mode the bytes stay as they are:
    /// empty the cache or give it another name on the day of the move, since a process in plaintext
    /// mode answers another's sealed bytes as they are.
    ///
    /// # Errors
    /// [`Error`]; its place is `free value` and the domain.
    pub async fn seal_value(
        &self,
        domain: &str,
        parts: &[&[u8]],
        bytes: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let Mode::Sealed(keyring) = &self.mode else {
            return Ok(bytes.to_vec());
        };
        let name = parsed(domain)?;
        let grants = keyring.grant(&name, Purpose::Value, 1).await;
        let grants = grants.map_err(|error| Error::of_key(free(domain), &error))?;
        let grant = grants.first().ok_or_else(|| Error::Sealing {
            at: free(domain),
            reason: "no leave to seal was given".to_owned(),
        })?;
        let sealed = grant.seal_value(parts, bytes, None);
        sealed.map_err(|error| Error::Sealing {
            at: free(domain),
            reason: error.to_string(),
        })
    }

    /// Opens what [`seal_value`](Self::seal_value) sealed for the same domain and parts. The bytes
    /// are wiped when they are dropped.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open_value(
        &self,
        domain: &str,
        parts: &[&[u8]],
        sealed: &[u8],
    ) -> Result<Plaintext, Error> {
        let Mode::Sealed(keyring) = &self.mode else {
            return Ok(Plaintext::new(sealed.to_vec()));
        };
        let name = parsed(domain)?;
        let id = sealed_key_id(sealed).map_err(|error| open_error(free(domain), error))?;
        let at = || At {
            key: Some(id),
            ..free(domain)
        };
        let key = keyring.opener(id, &name, Purpose::Value).await;
        let key = key.map_err(|error| Error::of_key(at(), &error))?;
        let opened = key.open_value(parts, sealed);
        opened.map_err(|error| open_error(at(), error))
    }
}

/// What errors call a value that is no column.
fn free(domain: &str) -> At {
    At {
        table: "free value".to_owned(),
        column: domain.to_owned(),
        key: None,
    }
}

fn parsed(domain: &str) -> Result<Domain, Error> {
    domain.parse().map_err(|error| Error::Sealing {
        at: free(domain),
        reason: format!("{error}"),
    })
}
