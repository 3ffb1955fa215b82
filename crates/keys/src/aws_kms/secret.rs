//! Data keys between the SDK's types and ours. Owns wiping what can be wiped.
//!
//! Wiped: the bytes that the SDK hands out, and the plaintext given to it for `Encrypt`, when its
//! last holder lets go. Not wiped, because no one outside the SDK can reach them: the same bytes
//! as base64 in the body of a request to `Encrypt` and of an answer to `GenerateDataKey` and
//! `Decrypt`, the buffers of HTTP and TLS they passed through, and what the SDK's JSON reader
//! copied. They are freed at the end of the call, and overwritten when the allocator uses them
//! again.

use aws_sdk_kms::primitives::Blob;
use bytes::Bytes;
use fieldseal_envelope::DataKey;
use zeroize::Zeroizing;

/// The data key that the blob holds, and the blob's memory wiped; `None` if it is not 32 bytes.
pub(super) fn data_key(blob: Blob) -> Option<DataKey> {
    // Nobody else holds the blob, so this is its memory and not a copy.
    let bytes = Zeroizing::new(blob.into_inner());
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(DataKey::from_bytes(*key))
}

/// A copy of the key that is wiped when the SDK drops it.
pub(super) fn blob(key: &DataKey) -> Blob {
    let copy = Zeroizing::new(key.expose().to_vec());
    Blob::from_maybe_shared(Bytes::from_owner(copy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_the_way_there_and_back() {
        let key = DataKey::from_bytes([7; 32]);
        let back = data_key(blob(&key)).expect("32 bytes");
        assert_eq!(back.expose(), key.expose());
        assert!(data_key(Blob::new([7; 31])).is_none());
        assert!(data_key(Blob::new([7; 33])).is_none());
    }

    /// Taking the bytes out of a blob moves them: there is no second copy left behind unwiped.
    #[test]
    fn a_blob_gives_away_its_own_memory() {
        let blob = Blob::new(vec![7; 32]);
        let before = blob.as_ref().as_ptr();
        let taken = blob.into_inner();
        assert_eq!(taken.as_ptr(), before);
    }
}
