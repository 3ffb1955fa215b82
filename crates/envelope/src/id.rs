//! Public names of keys: 16 bytes derived from the key itself. Owns their texts; not secret.

use std::fmt;
use std::str::FromStr;

/// A text that is not 32 lower case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id is 32 lower case hex digits")]
pub struct InvalidId;

fn parse(text: &str) -> Result<[u8; 16], InvalidId> {
    // One spelling only, so that an id compares equal as text too.
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(InvalidId);
    }
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId)?;
    Ok(bytes)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id! {
    /// Names a data key together with its domain and purpose; stands in every sealed value.
    KeyId
}

id! {
    /// Names a local root key; stands in every local wrap.
    RootKeyId
}

#[cfg(test)]
mod tests {
    use super::KeyId;

    #[test]
    fn one_spelling() {
        let text = "61ecdcbdd96911ab0a2b7f1ba2bca0f8";
        let id: KeyId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(format!("{id:?}"), text);
        for bad in ["", "61", &text.to_uppercase(), &format!("{text}00")] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }
}
