//! Masks: the little of a value that is shown in clear beside it. Owns what they reveal; a mask
//! is plaintext by choice of the policy.

use fieldseal_model::Canonical;

/// Always four, so that a mask does not tell how much it hides.
const HIDDEN: &str = "****";

/// What a mask column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Four stars and the last so many characters; only the stars when the value has no more
    /// than that.
    KeepLast(u8),
    /// What stands behind the last `@`, ASCII letters lower case; nothing without an `@`.
    EmailDomain,
}

impl Mask {
    /// What is shown of the value; nothing (stored as NULL) for NULL and for the kinds that have
    /// no text: float, bytes and UUID.
    #[must_use]
    pub fn apply(self, value: &Canonical<'_>) -> Option<String> {
        if value.is_null() {
            return None;
        }
        let text = value.expose_text()?;
        match self {
            Self::KeepLast(kept) => Some(format!("{HIDDEN}{}", last(text, kept.into()))),
            Self::EmailDomain => {
                let (_, domain) = text.rsplit_once('@')?;
                (!domain.is_empty()).then(|| domain.to_ascii_lowercase())
            }
        }
    }
}

/// The last `kept` characters, or none of a text that has no more than those.
fn last(text: &str, kept: usize) -> &str {
    // The character before the kept ones must exist, else everything would be shown.
    let mut from_the_end = text.char_indices().rev();
    match kept.checked_sub(1).map(|before| from_the_end.nth(before)) {
        Some(Some((start, _))) if start > 0 => &text[start..],
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use fieldseal_model::Value;

    use super::Mask;

    fn kept(text: &str, n: u8) -> String {
        Mask::KeepLast(n).apply(&Value::text(text)).unwrap()
    }

    #[test]
    fn the_last_characters() {
        assert_eq!(kept("4111111111111111", 4), "****1111");
        assert_eq!(kept("12345", 4), "****2345");
        assert_eq!(kept("naïveté", 2), "****té");
        assert_eq!(kept("12345", 0), "****");
    }

    #[test]
    fn a_short_value_shows_nothing() {
        for short in ["", "1", "1234"] {
            assert_eq!(kept(short, 4), "****");
        }
    }

    #[test]
    fn the_domain_of_an_address() {
        let domain = |text: &str| Mask::EmailDomain.apply(&Value::text(text));
        assert_eq!(
            domain("\"a@b\"@Example.ORG").as_deref(),
            Some("example.org")
        );
        assert_eq!(domain("ada@"), None);
        assert_eq!(domain("ada"), None);
    }

    #[test]
    fn null_and_bytes_show_nothing() {
        assert_eq!(Mask::KeepLast(4).apply(&Value::null()), None);
        assert_eq!(Mask::KeepLast(4).apply(&Value::bytes(vec![65; 9])), None);
        let number = Value::integer("123456").unwrap();
        assert_eq!(Mask::KeepLast(2).apply(&number).as_deref(), Some("****56"));
    }
}
