//! The same field by Tink: its AEAD with a template of AES-256-GCM, one key in the keyset. Owns
//! nothing but the calls; what a row's additional data is, is the parent's.

use std::hint::black_box;

use super::{ROUND, VALUE};
use crate::report::Failure;

pub(super) struct Tink {
    aead: Box<dyn tink_core::Aead>,
    sealed: Vec<u8>,
}

impl Tink {
    pub(super) fn new(aad: &[u8]) -> Result<Self, Failure> {
        tink_aead::init();
        let handle = tink_core::keyset::Handle::new(&tink_aead::aes256_gcm_key_template());
        let handle = handle.map_err(|error| failed(&error))?;
        let aead = tink_aead::new(&handle).map_err(|error| failed(&error))?;
        let sealed = aead.encrypt(VALUE.as_bytes(), aad);
        let sealed = sealed.map_err(|error| failed(&error))?;
        Ok(Self { aead, sealed })
    }

    pub(super) fn seal(&self, aad: &[u8]) -> Result<(), Failure> {
        for _ in 0..ROUND {
            let sealed = self
                .aead
                .encrypt(black_box(VALUE.as_bytes()), black_box(aad));
            black_box(sealed.map_err(|error| failed(&error))?);
        }
        Ok(())
    }

    pub(super) fn open(&self, aad: &[u8]) -> Result<(), Failure> {
        for _ in 0..ROUND {
            let opened = self.aead.decrypt(black_box(&self.sealed), black_box(aad));
            black_box(opened.map_err(|error| failed(&error))?);
        }
        Ok(())
    }
}

fn failed(error: &tink_core::TinkError) -> Failure {
    Failure::of("Tink", error)
}
