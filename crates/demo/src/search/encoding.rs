//! The spellings in which a planted value may stand in a file. Owns the patterns.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// One spelling. The three alignments of base64 are the three places at which a value may begin
/// within a group of three bytes that is encoded with what stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The bytes themselves.
    Raw,
    /// Hexadecimal digits, a–f.
    HexLower,
    /// Hexadecimal digits, A–F.
    HexUpper,
    /// base64 (RFC 4648, section 4), the value at the beginning of a group.
    Base64,
    /// base64, one byte before the value in its group.
    Base64Behind1,
    /// base64, two bytes before the value in its group.
    Base64Behind2,
    /// base64url (RFC 4648, section 5), the value at the beginning of a group.
    Base64Url,
    /// base64url, one byte before the value in its group.
    Base64UrlBehind1,
    /// base64url, two bytes before the value in its group.
    Base64UrlBehind2,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// A JSON string with the escapes that JSON demands.
    Json,
    /// A JSON string, `\/` too.
    JsonSlash,
    /// A JSON string, what is not ASCII as `\uxxxx` with a–f.
    JsonLower,
    /// A JSON string, what is not ASCII as `\uXXXX` with A–F.
    JsonUpper,
    /// A JSON string, `\/` and `\uxxxx` with a–f.
    JsonLowerSlash,
    /// A JSON string, `\/` and `\uXXXX` with A–F.
    JsonUpperSlash,
}

impl Encoding {
    /// Every spelling.
    pub const ALL: [Self; 17] = [
        Self::Raw,
        Self::HexLower,
        Self::HexUpper,
        Self::Base64,
        Self::Base64Behind1,
        Self::Base64Behind2,
        Self::Base64Url,
        Self::Base64UrlBehind1,
        Self::Base64UrlBehind2,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::Json,
        Self::JsonSlash,
        Self::JsonLower,
        Self::JsonUpper,
        Self::JsonLowerSlash,
        Self::JsonUpperSlash,
    ];

    /// The value in this spelling; `None` when a spelling further up in [`ALL`](Self::ALL) is
    /// the same.
    pub(super) fn spell(self, value: &str) -> Option<Vec<u8>> {
        let url = |standard: Self, behind: usize| {
            let spelled = base64(value, &URL_SAFE_NO_PAD, behind);
            (Some(&spelled) != standard.spell(value).as_ref()).then_some(spelled)
        };
        match self {
            Self::Raw => Some(value.as_bytes().to_vec()),
            Self::HexLower => Some(hex(value, b"0123456789abcdef")),
            Self::HexUpper => {
                let spelled = hex(value, b"0123456789ABCDEF");
                spelled
                    .iter()
                    .any(u8::is_ascii_alphabetic)
                    .then_some(spelled)
            }
            Self::Base64 => Some(base64(value, &STANDARD_NO_PAD, 0)),
            Self::Base64Behind1 => Some(base64(value, &STANDARD_NO_PAD, 1)),
            Self::Base64Behind2 => Some(base64(value, &STANDARD_NO_PAD, 2)),
            Self::Base64Url => url(Self::Base64, 0),
            Self::Base64UrlBehind1 => url(Self::Base64Behind1, 1),
            Self::Base64UrlBehind2 => url(Self::Base64Behind2, 2),
            Self::Utf16Le => Some(value.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Self::Utf16Be => Some(value.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Json => json(value, Unicode::AsIs, false),
            Self::JsonSlash => json(value, Unicode::AsIs, true),
            Self::JsonLower => json(value, Unicode::Lower, false),
            Self::JsonUpper => json(value, Unicode::Upper, false),
            Self::JsonLowerSlash => json(value, Unicode::Lower, true),
            Self::JsonUpperSlash => json(value, Unicode::Upper, true),
        }
    }
}

fn hex(value: &str, digits: &[u8; 16]) -> Vec<u8> {
    let pair = |byte: u8| {
        [
            digits[usize::from(byte >> 4)],
            digits[usize::from(byte & 15)],
        ]
    };
    value.bytes().flat_map(pair).collect()
}

/// The characters that depend on the value alone, with `behind` bytes before it in its group.
fn base64(value: &str, alphabet: &impl Engine, behind: usize) -> Vec<u8> {
    let mut bytes = vec![0; behind];
    bytes.extend_from_slice(value.as_bytes());
    let whole = bytes.len().is_multiple_of(3);
    let mut spelled = alphabet.encode(bytes).into_bytes();
    // A last character that holds bits of what follows.
    if !whole {
        spelled.pop();
    }
    // Six bits each: 8 bits before the value reach into the second character, 16 into the third.
    let unsure = [0, 2, 3][behind];
    spelled.drain(..unsure);
    spelled
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unicode {
    AsIs,
    Lower,
    Upper,
}

/// `None` when nothing in `value` makes this spelling differ from a simpler one.
fn json(value: &str, unicode: Unicode, slash: bool) -> Option<Vec<u8>> {
    let must = value.contains(|c: char| c < ' ' || c == '"' || c == '\\');
    let differs = match (unicode, slash) {
        (Unicode::AsIs, false) => must,
        (Unicode::AsIs, true) => value.contains('/'),
        (_, false) => !value.is_ascii(),
        (_, true) => !value.is_ascii() && value.contains('/'),
    };
    if !differs {
        return None;
    }
    let mut spelled = String::with_capacity(value.len() * 3);
    for c in value.chars() {
        match c {
            '"' => spelled.push_str("\\\""),
            '\\' => spelled.push_str("\\\\"),
            '\n' => spelled.push_str("\\n"),
            '\r' => spelled.push_str("\\r"),
            '\t' => spelled.push_str("\\t"),
            '/' if slash => spelled.push_str("\\/"),
            c if c < ' ' => push_escape(&mut spelled, c, unicode),
            c if !c.is_ascii() && unicode != Unicode::AsIs => push_escape(&mut spelled, c, unicode),
            c => spelled.push(c),
        }
    }
    Some(spelled.into_bytes())
}

fn push_escape(spelled: &mut String, c: char, unicode: Unicode) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        spelled.push_str(&match unicode {
            Unicode::Upper => format!("\\u{unit:04X}"),
            Unicode::AsIs | Unicode::Lower => format!("\\u{unit:04x}"),
        });
    }
}
