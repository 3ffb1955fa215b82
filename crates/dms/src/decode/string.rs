//! JSON string literals to their text, which is lent by the record unless it holds escapes. Owns
//! those; written here so that a cell's text is unescaped straight into the memory that will be
//! wiped, with no copy left in a parser's buffer.

use std::borrow::Cow;

use fieldseal_model::{Piece, Plaintext};

use crate::DecodeError;

/// The text of a string literal of well-formed JSON (with its quotes), or `None` when the raw
/// value is no string.
pub(super) fn text(raw: &str) -> Option<Result<Cow<'_, str>, DecodeError>> {
    let inner = inner(raw)?;
    if !inner.as_bytes().contains(&b'\\') {
        return Some(Ok(Cow::Borrowed(inner)));
    }
    let bytes = unescape(inner);
    Some(bytes.and_then(|bytes| {
        String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|_| DecodeError::LoneSurrogate)
    }))
}

/// As [`text`], wiped where it is not lent.
pub(super) fn piece(raw: &str) -> Option<Result<Piece<'_>, DecodeError>> {
    let inner = inner(raw)?;
    if inner.as_bytes().contains(&b'\\') {
        Some(unescape(inner).map(|bytes| Plaintext::new(bytes).into()))
    } else {
        Some(Ok(inner.into()))
    }
}

fn inner(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

/// Never reallocates: an escape is at least as long as what it stands for.
fn unescape(inner: &str) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let (character, after) = escape(&rest[at + 1..]).ok_or(DecodeError::LoneSurrogate)?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// The character of the escape whose backslash is gone, and what follows it. In well-formed JSON
/// only a surrogate without its other half has none.
fn escape(rest: &str) -> Option<(char, &str)> {
    let (kind, after) = rest.split_at_checked(1)?;
    let character = match kind {
        "\"" => '"',
        "\\" => '\\',
        "/" => '/',
        "b" => '\u{8}',
        "f" => '\u{c}',
        "n" => '\n',
        "r" => '\r',
        "t" => '\t',
        "u" => return unicode(after),
        _ => return None,
    };
    Some((character, after))
}

fn unicode(rest: &str) -> Option<(char, &str)> {
    let (high, after) = four_digits(rest)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, after));
    }
    let (low, after) = four_digits(after.strip_prefix("\\u")?)?;
    if !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    let scalar = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    Some((char::from_u32(scalar)?, after))
}

fn four_digits(rest: &str) -> Option<(u32, &str)> {
    let (digits, after) = rest.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::DecodeError;

    #[test]
    fn every_escape() {
        let raw = r#""a\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00\u0000é""#;
        assert_eq!(
            text(raw).unwrap().unwrap(),
            "a\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{1f600}\0é"
        );
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        for raw in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\ud83d\n""#,
            r#""\ude00\ud83d""#,
        ] {
            assert_eq!(text(raw), Some(Err(DecodeError::LoneSurrogate)), "{raw}");
        }
    }

    #[test]
    fn other_values_are_no_string() {
        for raw in ["null", "1", "{}", "true", "[\"\"]"] {
            assert_eq!(text(raw), None, "{raw}");
        }
    }
}
