//! What the normalisers of blind indexes do to a text. Owns NFKC_Casefold and the one Unicode
//! version it is pinned to; their names are in `definition`.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, WhiteSpace};
use icu_properties::{CodePointMapData, CodePointSetData};
use zeroize::Zeroizing;

/// The Unicode version of every normaliser named `…/1`. It never changes: a new version of
/// Unicode is a new normaliser, `…/2`.
pub const UNICODE_VERSION: &str = "18.0.0";

// The data crates say which version they hold. Another one must not compile, in this workspace
// or in any program that links it: indexes made before would silently miss.
const _: () = assert!(
    is_pinned(icu_properties_data::unicode_tag!())
        && is_pinned(icu_normalizer_data::unicode_tag!())
        && is_pinned(icu_casemap_data::unicode_tag!()),
    "the ICU data is of another Unicode version than the normalisers are pinned to"
);

const fn is_pinned(tag: &str) -> bool {
    let (tag, pinned) = (tag.as_bytes(), UNICODE_VERSION.as_bytes());
    let mut at = 0;
    while at < tag.len() && at < pinned.len() && tag[at] == pinned[at] {
        at += 1;
    }
    at == tag.len() && at == pinned.len()
}

/// The text has a code point that the pinned version of Unicode does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text has a code point that Unicode {UNICODE_VERSION} does not assign")]
pub struct NoNormalForm;

/// Removes Unicode White_Space at both ends.
pub(crate) fn trim(text: &str) -> &str {
    let space = CodePointSetData::new::<WhiteSpace>();
    text.trim_matches(|c| space.contains(c))
}

/// Keeps ASCII 0–9.
pub(crate) fn digits(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    kept.extend(text.chars().filter(char::is_ascii_digit));
    kept
}

/// toNFKC_Casefold of the Unicode Standard, section 3.13, R5: each character is replaced by its
/// NFKC_Casefold mapping, then the whole is brought to NFC.
pub(crate) fn nfkc_casefold(text: &str) -> Result<Zeroizing<String>, NoNormalForm> {
    if text.is_ascii() {
        return Ok(Zeroizing::new(text.to_ascii_lowercase()));
    }
    let category = CodePointMapData::<GeneralCategory>::new();
    let mut mapped = Zeroizing::new(String::with_capacity(text.len() * 2));
    for c in text.chars() {
        if c.is_ascii() {
            mapped.push(c.to_ascii_lowercase());
        } else if category.get(c) == GeneralCategory::Unassigned {
            return Err(NoNormalForm);
        } else {
            mapped.push_str(&mapping(c));
        }
    }
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    let mut out = Zeroizing::new(String::with_capacity(mapped.len()));
    // Writing to a string cannot fail.
    let _ = nfc.normalize_to(&mapped, &mut *out);
    Ok(out)
}

/// NFKC_CF of one character, as DerivedNormalizationProps.txt defines it: NFKC, case folding and
/// removal of default ignorable code points, repeated until the result is stable.
fn mapping(c: char) -> Zeroizing<String> {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let folder = CaseMapper::new();
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let mut now = Zeroizing::new(String::from(c));
    loop {
        let composed = Zeroizing::new(nfkc.normalize(&now).into_owned());
        let folded = Zeroizing::new(folder.fold_string(&composed).into_owned());
        let mut next = Zeroizing::new(String::with_capacity(folded.len()));
        next.extend(folded.chars().filter(|c| !ignorable.contains(*c)));
        if *next == *now {
            return next;
        }
        now = next;
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::{digits, nfkc_casefold, trim};

    fn folded(text: &str) -> String {
        nfkc_casefold(text).unwrap().to_string()
    }

    #[test]
    fn known_mappings() {
        for (from, to) in [
            ("Ada@Example.ORG", "ada@example.org"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("ẞ", "ss"),
            ("ﬃ", "ffi"),
            ("Å", "å"),
            ("A\u{30a}", "å"),
            ("\u{212b}", "å"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("İ", "i\u{307}"),
            ("ｆｕｌｌ　ＷＩＤＴＨ", "full width"),
            ("a\u{ad}b\u{200b}c\u{fe0f}", "abc"),
            ("①", "1"),
            ("ｶﾞ", "ガ"),
            ("\u{1100}\u{1161}", "가"),
            ("\u{345}", "ι"),
            ("ᾼ", "αι"),
            ("\u{3164}", ""),
        ] {
            assert_eq!(folded(from), to, "{from}");
        }
    }

    #[test]
    fn unassigned_code_points_have_no_form() {
        for text in ["\u{378}", "ok\u{e0fff}", "\u{fdd0}", "a\u{10ffff}"] {
            assert!(nfkc_casefold(text).is_err(), "{text:?}");
        }
        // Private use is assigned to nobody, but it is assigned.
        assert_eq!(folded("\u{e000}"), "\u{e000}");
    }

    #[test]
    fn idempotent_on_every_code_point() {
        for c in '\0'..=char::MAX {
            let mut text = String::from(c);
            // A base and a mark, so that composition with neighbours is met as well.
            text.insert(0, 'E');
            text.push('\u{301}');
            if let Ok(once) = nfkc_casefold(&text) {
                assert_eq!(folded(&once), *once, "U+{:04X}", u32::from(c));
            }
        }
    }

    /// The whole mapping, pinned: new data of the same version must not change it either.
    #[test]
    fn the_mapping_never_changes() {
        let mut hash = Sha256::new();
        for c in '\0'..=char::MAX {
            if let Ok(mapped) = nfkc_casefold(c.encode_utf8(&mut [0; 4])) {
                hash.update(u32::from(c).to_be_bytes());
                hash.update(mapped.as_bytes());
                hash.update([trim(c.encode_utf8(&mut [0; 4])).is_empty().into()]);
            }
        }
        assert_eq!(
            hex::encode(hash.finalize()),
            "ea6eead4fed40f70afd9792ffb290a2701c64d45ed3c0794437c37d8d6f6482d"
        );
    }

    #[test]
    fn white_space_goes_at_the_ends_only() {
        assert_eq!(trim("\u{3000}\u{a0} a b\t\r\n\u{2028}\u{85}"), "a b");
        // Zero width space is not White_Space.
        assert_eq!(trim("\u{200b}a"), "\u{200b}a");
        assert_eq!(trim(" \u{2003} "), "");
    }

    #[test]
    fn only_ascii_digits_are_digits() {
        assert_eq!(*digits("+49 (0)30 ٣１2"), "490302");
    }
}
