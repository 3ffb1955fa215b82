//! A data key: 256 secret bytes and the id that they have in a domain. Owns wiping them; does
//! not know where they are kept.

use zeroize::{Zeroize, Zeroizing};

use crate::nonce::fill_random;
use crate::{Domain, KeyId, NoRandomness, Purpose, kdf};

/// 32 secret bytes from which one domain's keys are derived. Wiped on drop; no `Debug`, no
/// `Clone`, no `Serialize`.
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A new key from the kernel's random bytes.
    ///
    /// # Errors
    /// [`NoRandomness`] when the kernel gives none.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; 32]);
        fill_random(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The key with these bytes, such as a wrap was opened to.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let key = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        key
    }

    /// The secret bytes, to be wrapped and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key's id in a domain, for a purpose. Whoever unwraps a key compares this with the id
    /// it was asked for, so that a swapped wrap is found out.
    #[must_use]
    pub fn id(&self, domain: &Domain, purpose: Purpose) -> KeyId {
        let ctx = kdf::context(domain, purpose);
        KeyId::from_bytes(*kdf::expand(self.expose(), &[b"fieldseal/1 id", &ctx]))
    }
}
