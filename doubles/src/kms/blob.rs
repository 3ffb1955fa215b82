//! The double's ciphertext blobs: AES-256-GCM (NIST SP 800-38D) under the key's material. The encryption
//! context is additional authenticated data, as AWS says ("Encryption context"), and so is the name of the
//! key, which stands in clear in front. The layout is the double's own; AWS's is not public.
//!
//! `version (1) | length of the id (1) | id | nonce (12) | ciphertext and tag`

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::key::{Context, Key};
use crate::wire::random_bytes;

const VERSION: u8 = 1;

/// A blob whose key is known.
pub(super) struct Blob<'a> {
    header: &'a [u8],
    /// The id of the key that made it.
    pub(super) key_id: &'a str,
    nonce: [u8; NONCE_LEN],
    sealed: &'a [u8],
}

pub(super) fn seal(key: &Key, context: &Context, plaintext: &[u8]) -> Vec<u8> {
    let length = u8::try_from(key.id.len()).expect("a key's id has 36 characters");
    let mut blob = vec![VERSION, length];
    blob.extend_from_slice(key.id.as_bytes());
    let aad = Aad::from(additional(&blob, context));
    // A random nonce: a double makes far fewer than 2^32 blobs with one key.
    let nonce: [u8; NONCE_LEN] = random_bytes();
    let mut sealed = plaintext.to_vec();
    let done =
        cipher(key).seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed);
    done.expect("a plaintext of 4 KiB is short enough");
    blob.extend_from_slice(&nonce);
    blob.extend_from_slice(&sealed);
    blob
}

impl<'a> Blob<'a> {
    /// `None` for what is no blob.
    pub(super) fn parse(blob: &'a [u8]) -> Option<Self> {
        let [VERSION, length, rest @ ..] = blob else {
            return None;
        };
        let (id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (nonce, sealed) = rest.split_first_chunk()?;
        Some(Self {
            header: &blob[..2 + id.len()],
            key_id: std::str::from_utf8(id).ok()?,
            nonce: *nonce,
            sealed,
        })
    }

    /// `None` if key, context and blob do not belong together, or the blob was changed.
    pub(super) fn open(&self, key: &Key, context: &Context) -> Option<Vec<u8>> {
        let aad = Aad::from(additional(self.header, context));
        let mut sealed = self.sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let opened = cipher(key).open_in_place(nonce, aad, &mut sealed);
        opened.ok().map(|plaintext| plaintext.to_vec())
    }
}

fn cipher(key: &Key) -> LessSafeKey {
    let unbound = UnboundKey::new(&AES_256_GCM, &key.material.0);
    LessSafeKey::new(unbound.expect("the material has 32 bytes"))
}

/// Every text with its length in front, so that no two contexts read the same.
fn additional(header: &[u8], context: &Context) -> Vec<u8> {
    let mut bytes = header.to_vec();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Blob, seal};
    use crate::kms::key::{Context, Key};

    fn context(pairs: &[(&str, &str)]) -> Context {
        pairs
            .iter()
            .map(|&(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn a_blob_opens_with_its_key_and_context_only() {
        let key = Key::new("eu-central-1", "1", false, 0);
        let right = context(&[("a", "b"), ("c", "d")]);
        let blob = seal(&key, &right, b"secret");
        let open = |blob: &[u8], key: &Key, context: &Context| {
            Blob::parse(blob).and_then(|blob| blob.open(key, context))
        };
        assert_eq!(open(&blob, &key, &right).as_deref(), Some(&b"secret"[..]));
        assert_eq!(open(&blob, &key, &context(&[("a", "b")])), None);
        assert_eq!(open(&blob, &key, &context(&[("a", "bc"), ("", "d")])), None);
        assert_eq!(
            open(&blob, &Key::new("eu-central-1", "1", false, 0), &right),
            None
        );
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            assert_eq!(open(&changed, &key, &right), None, "byte {at}");
        }
    }
}
