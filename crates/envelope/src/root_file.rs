//! The text of a local root key file (`docs/FORMAT.md`, section 5). Pure: making, reading and
//! guarding the file is the work of the crate `keys`.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::{RootKey, RootKeyId};

const FIRST_LINE: &str = "fieldseal-root 1";

/// The root keys of one file: the first wraps, all unwrap. Never empty, no key twice.
pub struct RootKeyFile(Vec<RootKey>);

/// Why a text is no root key file. Names the line, never its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRootKeyFile {
    /// The first line is another.
    #[error(
        "line 1 of the root key file is not `fieldseal-root 1`; check that it is the right file"
    )]
    FirstLine,
    /// A line that is not an id and a key.
    #[error(
        "line {line} of the root key file is not 32 and 64 lower case hex digits with a space between"
    )]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// The id does not belong to the key.
    #[error("line {line} of the root key file has an id that is not its key's; restore the file")]
    WrongId {
        /// Counted from 1.
        line: usize,
    },
    /// A key for the second time.
    #[error("line {line} of the root key file repeats a key; remove the line")]
    Repeated {
        /// Counted from 1.
        line: usize,
    },
    /// No key at all.
    #[error("the root key file holds no key; restore it")]
    Empty,
}

impl RootKeyFile {
    /// The file of one key.
    #[must_use]
    pub fn new(key: RootKey) -> Self {
        Self(vec![key])
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// See [`InvalidRootKeyFile`].
    pub fn parse(text: &str) -> Result<Self, InvalidRootKeyFile> {
        let mut lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
        if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
            return Err(InvalidRootKeyFile::FirstLine);
        }
        let mut keys: Vec<RootKey> = Vec::new();
        for (line, text) in lines {
            let (id, key) = parse_line(text).ok_or(InvalidRootKeyFile::Line { line })?;
            if key.id() != id {
                return Err(InvalidRootKeyFile::WrongId { line });
            }
            if keys.iter().any(|known| known.id() == id) {
                return Err(InvalidRootKeyFile::Repeated { line });
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(InvalidRootKeyFile::Empty);
        }
        Ok(Self(keys))
    }

    /// The text of the file, secret.
    #[must_use]
    pub fn format(&self) -> Zeroizing<String> {
        // Room for all of it, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(20 + self.0.len() * 98));
        text.push_str(FIRST_LINE);
        text.push('\n');
        for key in &self.0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{} ", key.id());
            for byte in key.expose() {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        text
    }

    /// The same keys with `key` before them: from now on it wraps.
    #[must_use]
    pub fn with_first(mut self, key: RootKey) -> Self {
        self.0.retain(|known| known.id() != key.id());
        self.0.insert(0, key);
        self
    }

    /// The key that wraps.
    #[must_use]
    pub fn first(&self) -> &RootKey {
        &self.0[0]
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, id: RootKeyId) -> Option<&RootKey> {
        self.0.iter().find(|key| key.id() == id)
    }

    /// Every key, the one that wraps first.
    pub fn keys(&self) -> impl Iterator<Item = &RootKey> {
        self.0.iter()
    }
}

fn parse_line(line: &str) -> Option<(RootKeyId, RootKey)> {
    let (id, key) = line.split_once(' ')?;
    if key.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(key, bytes.as_mut_slice()).ok()?;
    Some((id.parse().ok()?, RootKey::from_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::{InvalidRootKeyFile, RootKeyFile};
    use crate::RootKey;

    fn error(text: &str) -> Option<InvalidRootKeyFile> {
        RootKeyFile::parse(text).err()
    }

    #[test]
    fn written_and_read_back() {
        let old = RootKey::from_bytes([1; 32]);
        let new = RootKey::from_bytes([2; 32]);
        let (old_id, new_id) = (old.id(), new.id());
        let text = RootKeyFile::new(old).with_first(new).format();
        let file = RootKeyFile::parse(&text).ok().unwrap();
        assert_eq!(file.first().id(), new_id);
        assert!(file.get(old_id).is_some());
        assert_eq!(file.keys().count(), 2);
        assert_eq!(*file.format(), *text);
    }

    #[test]
    fn mistakes_name_their_line() {
        let text = RootKeyFile::new(RootKey::from_bytes([1; 32])).format();
        let line = text.lines().nth(1).unwrap();
        let other = RootKeyFile::new(RootKey::from_bytes([2; 32])).format();
        let other = other.lines().nth(1).unwrap();
        assert_eq!(error(""), Some(InvalidRootKeyFile::FirstLine));
        assert_eq!(
            error("fieldseal-root 2\n"),
            Some(InvalidRootKeyFile::FirstLine)
        );
        assert_eq!(error("fieldseal-root 1\n"), Some(InvalidRootKeyFile::Empty));
        let wrong = format!("{}{}", &other[..33], &line[33..]);
        for (body, expected) in [
            ("x", InvalidRootKeyFile::Line { line: 2 }),
            (&line.to_uppercase(), InvalidRootKeyFile::Line { line: 2 }),
            (&format!("{line}\n"), InvalidRootKeyFile::Line { line: 3 }),
            (
                &format!("{line}\n{line}"),
                InvalidRootKeyFile::Repeated { line: 3 },
            ),
            (&wrong, InvalidRootKeyFile::WrongId { line: 2 }),
        ] {
            assert_eq!(
                error(&format!("fieldseal-root 1\n{body}\n")),
                Some(expected)
            );
        }
    }
}
