//! AES-256-GCM in place, with its schedule ready. Owns the only calls of the library; what is
//! encrypted, bound to what, is the callers'.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key};

use crate::layout::{NONCE_BYTES, TAG_BYTES};

/// A key, which wipes itself on drop. No `Debug`, no `Clone`.
pub(crate) struct Cipher(Aes256Gcm);

/// GCM's own limits are 64 GiB of plaintext and 2^61 bytes of additional data.
#[derive(Debug)]
pub(crate) struct TooLong;

/// Another key, nonce, additional data or tag; the bytes are as they were.
#[derive(Debug)]
pub(crate) struct Forged;

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key)))
    }

    /// Encrypts `body` in place and gives the tag. Never inlined, so that the library's own code
    /// stands there once for all callers and is inlined into this.
    #[inline(never)]
    pub(crate) fn encrypt(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], TooLong> {
        let tag = self
            .0
            .encrypt_inout_detached(nonce.into(), aad, body.into());
        tag.map(Into::into).map_err(|_| TooLong)
    }

    /// Decrypts `body` in place, if the tag is its. Never inlined, as [`encrypt`](Self::encrypt).
    #[inline(never)]
    pub(crate) fn decrypt(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        body: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), Forged> {
        self.0
            .decrypt_inout_detached(nonce.into(), aad, body.into(), tag.into())
            .map_err(|_| Forged)
    }
}
