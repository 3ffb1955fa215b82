//! Where the bytes of a sealed value stand (`docs/FORMAT.md`, section 1): header, sizes and
//! padding. Knows no cipher.

use crate::KeyId;
use crate::aad::LP_COLUMN;

/// A value's canonical bytes are at most 16 MiB.
pub const MAX_VALUE_BYTES: usize = 16 << 20;

pub(crate) const NONCE_BYTES: usize = 12;
pub(crate) const TAG_BYTES: usize = 16;
/// Format byte, key id, nonce.
pub(crate) const PREFIX_BYTES: usize = HEADER_BYTES + NONCE_BYTES;
pub(crate) const HEADER_BYTES: usize = 17;
/// The longest sealed value: 16 MiB, kind byte, the largest padding.
const MAX_SEALED_BYTES: usize = MAX_VALUE_BYTES + PREFIX_BYTES + TAG_BYTES + 1 + 4_096;

/// The first bytes of a sealed value, which are also authenticated.
pub(crate) struct Header {
    /// The header behind the label that precedes it in a column's AAD: ready to be copied in one
    /// piece, since small appends cost as much as a tenth of sealing a short value.
    column_aad: [u8; COLUMN_AAD_BYTES],
}

pub(crate) const COLUMN_AAD_BYTES: usize = LP_COLUMN.len() + HEADER_BYTES;

impl Header {
    const PLAIN: u8 = 0x01;
    const PADDED: u8 = 0x02;

    pub(crate) fn new(padded: bool, id: KeyId) -> Self {
        let mut column_aad = [0; COLUMN_AAD_BYTES];
        let (label, header) = column_aad.split_at_mut(LP_COLUMN.len());
        label.copy_from_slice(&LP_COLUMN);
        header[0] = if padded { Self::PADDED } else { Self::PLAIN };
        header[1..].copy_from_slice(id.as_bytes());
        Self { column_aad }
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; HEADER_BYTES] {
        self.column_aad
            .last_chunk()
            .expect("the label stands before it")
    }

    /// How the AAD of a column's value begins: lp(label) ‖ header.
    pub(crate) const fn column_aad(&self) -> &[u8; COLUMN_AAD_BYTES] {
        &self.column_aad
    }
}

/// Why bytes do not open. Deliberately coarse: whoever tampers learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, or of no known format: these bytes were never a sealed value.
    #[error("not a sealed value; check that the column holds what fieldseal wrote")]
    NotSealed,
    /// Anything else: another key, place, kind, or changed bytes.
    #[error(
        "does not open; check that table, column, row, domain and kind are the ones it was sealed for"
    )]
    DoesNotOpen,
}

/// A sealed value's header; nothing is authenticated yet.
pub(crate) struct Prefix<'a> {
    pub(crate) header: &'a [u8; HEADER_BYTES],
    pub(crate) padded: bool,
}

impl<'a> Prefix<'a> {
    pub(crate) fn split(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let header = sealed.first_chunk().ok_or(OpenError::NotSealed)?;
        // The shortest plaintext is a kind byte; padded, a kind byte and the mark 80.
        let (padded, shortest) = match header[0] {
            Header::PLAIN => (false, 1),
            Header::PADDED => (true, 2),
            _ => return Err(OpenError::NotSealed),
        };
        if sealed.len() < PREFIX_BYTES + shortest + TAG_BYTES {
            return Err(OpenError::NotSealed);
        }
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(OpenError::DoesNotOpen);
        }
        Ok(Self { header, padded })
    }
}

/// The rest of a sealed value, to be decrypted in place.
pub(crate) struct Body<'a> {
    pub(crate) nonce: &'a [u8; NONCE_BYTES],
    pub(crate) content: &'a mut [u8],
    pub(crate) tag: &'a [u8; TAG_BYTES],
}

impl<'a> Body<'a> {
    /// `None` for what is too short to have one.
    pub(crate) fn of(sealed: &'a mut [u8]) -> Option<Self> {
        let (_, rest) = sealed.split_first_chunk_mut::<HEADER_BYTES>()?;
        let (nonce, rest) = rest.split_first_chunk_mut()?;
        let (content, tag) = rest.split_last_chunk_mut()?;
        Some(Self {
            nonce,
            content,
            tag,
        })
    }
}

/// The key id in a sealed value's header. Length and format byte are checked; nothing is
/// authenticated, so the id only says which key to ask for.
///
/// # Errors
/// [`OpenError::NotSealed`] when the bytes are too short or of no known format;
/// [`OpenError::DoesNotOpen`] when they are longer than any sealed value.
pub fn sealed_key_id(sealed: &[u8]) -> Result<KeyId, OpenError> {
    let [_, id @ ..] = Prefix::split(sealed)?.header;
    Ok(KeyId::from_bytes(*id))
}

/// Whether a sealed value's header names this key. Nothing else is looked at.
#[must_use]
#[inline]
pub fn names_key(sealed: &[u8], key: &KeyId) -> bool {
    let named = sealed.get(1..HEADER_BYTES);
    named.is_some_and(|named| named == key.as_bytes())
}

/// How many bytes a value of `canonical_len` canonical bytes takes once sealed.
#[must_use]
pub const fn sealed_len(canonical_len: usize, pad: Option<Pad>) -> usize {
    match pad {
        None => 46 + canonical_len,
        Some(Pad(pad)) => 45 + (canonical_len + 2).next_multiple_of(pad as usize),
    }
}

/// A column's `pad`: sealed lengths are told apart only in steps of this many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad(u16);

/// A number that is no `pad`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("pad is 2 to 4096 bytes")]
pub struct InvalidPad;

impl Pad {
    /// The step of `bytes` bytes.
    ///
    /// # Errors
    /// [`InvalidPad`] unless `bytes` is 2 to 4,096.
    pub fn new(bytes: u32) -> Result<Self, InvalidPad> {
        match u16::try_from(bytes) {
            Ok(bytes @ 2..=4_096) => Ok(Self(bytes)),
            _ => Err(InvalidPad),
        }
    }

    /// The step in bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0 as u32
    }
}

/// The length of a padded plaintext without its padding: zeros off the end, then one `80`, and
/// at least the kind byte left.
pub(crate) fn unpadded_len(plaintext: &[u8]) -> Option<usize> {
    let mark = plaintext.iter().rposition(|b| *b != 0)?;
    (plaintext[mark] == PAD_MARK && mark > 0).then_some(mark)
}

/// The byte that ends a padded plaintext's content.
pub(crate) const PAD_MARK: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::{OpenError, Pad, sealed_key_id, sealed_len, unpadded_len};

    #[test]
    fn pads_are_checked() {
        for good in [2, 16, 4_096] {
            assert_eq!(Pad::new(good).unwrap().bytes(), good);
        }
        for bad in [0, 1, 4_097, 65_538] {
            assert!(Pad::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_as_documented() {
        let pad = Some(Pad::new(16).unwrap());
        assert_eq!(sealed_len(15, None), 61);
        assert_eq!(sealed_len(0, pad), 61);
        assert_eq!(sealed_len(14, pad), 61);
        assert_eq!(sealed_len(15, pad), 77);
    }

    #[test]
    fn padding_needs_its_mark_and_a_kind() {
        assert_eq!(unpadded_len(b"tada\x80\0\0"), Some(4));
        assert_eq!(unpadded_len(b"t\x80\x80"), Some(2));
        assert_eq!(unpadded_len(b"tada\0\0"), None);
        assert_eq!(unpadded_len(b"\x80\0\0"), None);
        assert_eq!(unpadded_len(b"\0\0"), None);
    }

    #[test]
    fn length_and_format_come_first() {
        for (format, shortest) in [(1, 46), (2, 47)] {
            let mut bytes = vec![0_u8; shortest];
            bytes[0] = format;
            assert!(sealed_key_id(&bytes).is_ok());
            assert_eq!(
                sealed_key_id(&bytes[..shortest - 1]),
                Err(OpenError::NotSealed)
            );
        }
        for format in [0, 3, b'a', 0xff] {
            let mut bytes = vec![0_u8; 80];
            bytes[0] = format;
            assert_eq!(sealed_key_id(&bytes), Err(OpenError::NotSealed));
        }
    }
}
