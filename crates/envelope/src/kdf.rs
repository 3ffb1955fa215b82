//! HKDF with SHA-256 (RFC 5869), the salt absent: the one way this crate makes keys from keys.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::aad::lp_into;
use crate::{Domain, Purpose};

/// `N` bytes for `info`, which is the parts joined. `N` is at most 64 here.
pub(crate) fn expand<const N: usize>(key: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "RFC 5869 allows at most 255 blocks") };
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(None, key)
        .expand_multi_info(info, out.as_mut_slice())
        .expect("the length was checked at compile time");
    out
}

/// *ctx* = lp(domain) ‖ lp(purpose).
pub(crate) fn context(domain: &Domain, purpose: Purpose) -> Vec<u8> {
    let mut ctx = Vec::with_capacity(80);
    lp_into(&mut ctx, domain.as_str().as_bytes());
    lp_into(&mut ctx, purpose.as_str().as_bytes());
    ctx
}

#[cfg(test)]
mod tests {
    use super::{context, expand};
    use crate::{DataKey, Purpose};

    /// The anchor values of `docs/FORMAT.md`, section 6.
    #[test]
    fn the_anchor_keys() {
        let data_key = DataKey::from_bytes(std::array::from_fn(|i| i.to_le_bytes()[0]));
        let contact = "contact".parse().unwrap();
        let id = |domain| data_key.id(domain, Purpose::Seal).to_string();
        assert_eq!(id(&contact), "61ecdcbdd96911ab0a2b7f1ba2bca0f8");
        assert_eq!(
            id(&"payment".parse().unwrap()),
            "e9f41fc925cb8ed4920af1ecbfa12626"
        );
        let ctx = context(&contact, Purpose::Seal);
        let aes = expand::<32>(data_key.expose(), &[b"fieldseal/1 key", &ctx]);
        assert_eq!(
            hex::encode(*aes),
            "7d2c8001233ca92ff40f8332fd7d3d0a499a4a9e754ebcf66709bfaacd86eb56"
        );
    }
}
