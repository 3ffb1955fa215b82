//! What the cipher alone takes for the fields of some rows: AES-256-GCM in place over as many bytes,
//! with as many bytes of additional data and a ready key schedule; no allocation, no key to find.

use std::hint::black_box;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce, Tag};
use fieldseal_model::{RowKey, Value};

use super::customer::{SealedCustomer, cells};
use crate::report::Failure;

/// docs/FORMAT.md, section 1: format byte and key id, nonce, tag. The rest is encrypted.
const AROUND: usize = 17 + 12 + 16;
/// Section 2: label, header, and the table's id, with lengths before label and id; the length of the
/// column's id, which follows with the row key.
const AAD: usize = (4 + 18) + 17 + (4 + 14) + 4;
/// No additional data of the workload is longer.
const LONGEST_AAD: usize = 256;

pub(super) struct Bare {
    cipher: Aes256Gcm,
    aad: [u8; LONGEST_AAD],
}

/// One field, encrypted under the bare cipher's own key.
pub(super) struct Field {
    aad: usize,
    nonce: [u8; 12],
    bytes: Vec<u8>,
    tag: Tag,
}

impl Bare {
    pub(super) fn new() -> Self {
        Self {
            cipher: Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&[7; 32])),
            aad: [0x5a; LONGEST_AAD],
        }
    }

    /// As many fields as `rows` have, each with the lengths of one of theirs.
    pub(super) fn fields(&self, rows: &[SealedCustomer]) -> Result<Vec<Field>, Failure> {
        let mut fields = Vec::with_capacity(rows.len() * 6);
        for row in rows {
            let id = Value::integer(&row.id.to_string());
            let id = id.map_err(|error| Failure::of("the row's id", &error))?;
            let key = RowKey::new([&id]).map_err(|error| Failure::of("the row's key", &error))?;
            for (column, sealed) in cells(row) {
                let aad = AAD + column.len() + key.as_bytes().len();
                let bytes = vec![0x61; sealed.len() - AROUND];
                fields.push(self.field(aad, bytes, fields.len() as u64)?);
            }
        }
        Ok(fields)
    }

    fn field(&self, aad: usize, mut bytes: Vec<u8>, number: u64) -> Result<Field, Failure> {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        let tag = self.cipher.encrypt_inout_detached(
            <&Nonce<_>>::from(&nonce),
            &self.aad[..aad],
            bytes.as_mut_slice().into(),
        );
        Ok(Field {
            aad,
            nonce,
            tag: tag.map_err(|error| Failure::of("the bare cipher", &error))?,
            bytes,
        })
    }

    /// Decrypts them in place. The lengths are hidden from the compiler.
    pub(super) fn open(&self, fields: &mut [Field]) -> Result<(), Failure> {
        for field in fields {
            self.cipher
                .decrypt_inout_detached(
                    <&Nonce<_>>::from(&field.nonce),
                    black_box(&self.aad[..field.aad]),
                    black_box(field.bytes.as_mut_slice()).into(),
                    &field.tag,
                )
                .map_err(|error| Failure::of("the bare cipher", &error))?;
            black_box(&field.bytes);
        }
        Ok(())
    }
}
