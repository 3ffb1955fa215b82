//! Local root keys and the wraps they make (`docs/FORMAT.md`, section 5). Owns the 77 bytes of a
//! wrap; does not know where wraps or root keys are kept.

use zeroize::{Zeroize, Zeroizing};

use crate::aad::{WRAP, lp_into};
use crate::cipher::Cipher;
use crate::layout::{NONCE_BYTES, TAG_BYTES};
use crate::nonce::fill_random;
use crate::{DataKey, Domain, NoRandomness, Purpose, RootKeyId, kdf};

const VERSION: u8 = 0x01;
const WRAP_BYTES: usize = 77;

/// What a wrap is bound to, besides the root key: the same three things that a KMS is given as
/// its encryption context.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WrapContext {
    /// The deployment's permanent id.
    pub deployment: String,
    /// The data key's domain.
    pub domain: Domain,
    /// The data key's purpose.
    pub purpose: Purpose,
}

/// A 256-bit key that wraps data keys, kept in a root key file. Wiped on drop; no `Debug`, no
/// `Clone`.
pub struct RootKey {
    id: RootKeyId,
    key: Zeroizing<[u8; 32]>,
}

/// Why a wrap did not give a data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// Wrong length or version byte.
    #[error("not a local wrap; a local wrap is 77 bytes and begins with 01")]
    NotAWrap,
    /// Another root key, deployment, domain or purpose, or changed bytes.
    #[error(
        "the wrap does not open; check the root key file, the deployment id, the domain and the purpose"
    )]
    DoesNotUnwrap,
}

impl RootKey {
    /// A new root key from the kernel's random bytes.
    ///
    /// # Errors
    /// [`NoRandomness`] when the kernel gives none.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Zeroizing::new([0; 32]);
        fill_random(key.as_mut_slice())?;
        Ok(Self::with_id(key))
    }

    /// The root key with these bytes.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let key = Zeroizing::new(bytes);
        bytes.zeroize();
        Self::with_id(key)
    }

    fn with_id(key: Zeroizing<[u8; 32]>) -> Self {
        let id = RootKeyId::from_bytes(*kdf::expand(&key, &[b"fieldseal/1 root-id"]));
        Self { id, key }
    }

    /// The id, derived from the key.
    #[must_use]
    pub const fn id(&self) -> RootKeyId {
        self.id
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.key
    }

    /// Wraps a data key.
    ///
    /// # Errors
    /// [`NoRandomness`] when the kernel gives no nonce.
    pub fn wrap(&self, data_key: &DataKey, context: &WrapContext) -> Result<Vec<u8>, NoRandomness> {
        let mut nonce = [0; NONCE_BYTES];
        fill_random(&mut nonce)?;
        Ok(self.wrap_with_nonce(&nonce, data_key, context))
    }

    /// Apart from [`wrap`](Self::wrap) only known-answer tests call it, since it trusts the nonce.
    pub(crate) fn wrap_with_nonce(
        &self,
        nonce: &[u8; NONCE_BYTES],
        data_key: &DataKey,
        context: &WrapContext,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(WRAP_BYTES);
        out.push(VERSION);
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(nonce);
        let mut body = Zeroizing::new(*data_key.expose());
        let tag = Cipher::new(&self.wrapping_key())
            .encrypt(nonce, &self.aad(context), body.as_mut_slice())
            .expect("32 bytes are within the limits of GCM");
        out.extend_from_slice(body.as_slice());
        out.extend_from_slice(&tag);
        out
    }

    /// Opens a wrap. The caller compares [`DataKey::id`] with the id it asked for.
    ///
    /// # Errors
    /// [`UnwrapError::NotAWrap`] by length or version byte, else [`UnwrapError::DoesNotUnwrap`].
    pub fn unwrap(&self, wrapped: &[u8], context: &WrapContext) -> Result<DataKey, UnwrapError> {
        if wrapped_root_id(wrapped)? != self.id {
            return Err(UnwrapError::DoesNotUnwrap);
        }
        let (nonce, rest) = wrapped[17..]
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(UnwrapError::NotAWrap)?;
        let (body, tag) = rest
            .split_last_chunk::<TAG_BYTES>()
            .ok_or(UnwrapError::NotAWrap)?;
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(body);
        Cipher::new(&self.wrapping_key())
            .decrypt(nonce, &self.aad(context), key.as_mut_slice(), tag)
            .map_err(|_| UnwrapError::DoesNotUnwrap)?;
        Ok(DataKey::from_bytes(*key))
    }

    fn wrapping_key(&self) -> Zeroizing<[u8; 32]> {
        kdf::expand(&self.key, &[b"fieldseal/1 wrap"])
    }

    fn aad(&self, context: &WrapContext) -> Vec<u8> {
        let mut aad = Vec::with_capacity(160);
        lp_into(&mut aad, WRAP);
        aad.push(VERSION);
        aad.extend_from_slice(self.id.as_bytes());
        lp_into(&mut aad, context.deployment.as_bytes());
        aad.extend_from_slice(&kdf::context(&context.domain, context.purpose));
        aad
    }
}

/// Which root key a local wrap names. Nothing is authenticated; a root key that the
/// configuration does not name is never tried.
///
/// # Errors
/// [`UnwrapError::NotAWrap`] by length or version byte.
pub fn wrapped_root_id(wrapped: &[u8]) -> Result<RootKeyId, UnwrapError> {
    match wrapped.split_first_chunk::<17>() {
        Some(([VERSION, id @ ..], _)) if wrapped.len() == WRAP_BYTES => {
            Ok(RootKeyId::from_bytes(*id))
        }
        _ => Err(UnwrapError::NotAWrap),
    }
}

#[cfg(test)]
mod tests {
    use super::{RootKey, UnwrapError, WrapContext, wrapped_root_id};
    use crate::{DataKey, Purpose};

    fn context() -> WrapContext {
        WrapContext {
            deployment: "shop-eu".to_owned(),
            domain: "contact".parse().unwrap(),
            purpose: Purpose::Seal,
        }
    }

    #[test]
    fn a_wrap_opens_only_where_it_was_made_for() {
        let root = RootKey::from_bytes([7; 32]);
        let wrapped = root
            .wrap(&DataKey::from_bytes([9; 32]), &context())
            .unwrap();
        assert_eq!(wrapped.len(), 77);
        assert_eq!(wrapped_root_id(&wrapped), Ok(root.id()));
        assert_eq!(
            root.unwrap(&wrapped, &context()).ok().unwrap().expose(),
            &[9; 32]
        );

        let refused = |root: &RootKey, context: &WrapContext| root.unwrap(&wrapped, context).err();
        let no = Some(UnwrapError::DoesNotUnwrap);
        assert_eq!(refused(&RootKey::from_bytes([8; 32]), &context()), no);
        let deployment = "shop-us".to_owned();
        assert_eq!(
            refused(
                &root,
                &WrapContext {
                    deployment,
                    ..context()
                }
            ),
            no
        );
        let domain = "payment".parse().unwrap();
        assert_eq!(
            refused(
                &root,
                &WrapContext {
                    domain,
                    ..context()
                }
            ),
            no
        );
        let purpose = Purpose::Value;
        assert_eq!(
            refused(
                &root,
                &WrapContext {
                    purpose,
                    ..context()
                }
            ),
            no
        );
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let root = RootKey::from_bytes([7; 32]);
        let wrapped = root
            .wrap(&DataKey::from_bytes([9; 32]), &context())
            .unwrap();
        for bit in 0..wrapped.len() * 8 {
            let mut changed = wrapped.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(root.unwrap(&changed, &context()).is_err(), "bit {bit}");
        }
        for length in 0..wrapped.len() {
            let error = root.unwrap(&wrapped[..length], &context()).err();
            assert_eq!(error, Some(UnwrapError::NotAWrap), "{length} bytes");
        }
    }
}
