//! Mistakes of a policy file: where each stands and what to do about it. Owns how they are
//! gathered, ordered and shown; does not know what is a mistake.

use std::collections::HashSet;
use std::fmt;

/// One mistake. Its text never holds a value that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// From 1, counted in characters.
    pub column: usize,
    /// The key's path, such as `tables."shop.customers".columns.email`; empty for the whole file.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Every mistake of a policy file, in the file's order; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.shown(None))]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// The mistakes in the file's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// One line per mistake, each beginning with the file's name.
    #[must_use]
    pub fn in_file(&self, file: &str) -> String {
        self.shown(Some(file))
    }

    fn shown(&self, file: Option<&str>) -> String {
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|mistake| match file {
                Some(file) => format!("{file}:{mistake}"),
                None => mistake.to_string(),
            })
            .collect();
        lines.join("\n")
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Where something stands: a byte offset into the text, and the path of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) offset: usize,
    pub(crate) path: String,
}

impl Spot {
    pub(crate) fn file() -> Self {
        Self {
            offset: 0,
            path: String::new(),
        }
    }

    /// The spot of an entry `key` inside this one.
    pub(crate) fn entry(&self, key: &str, offset: usize) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            offset,
            path: format!("{}{dot}{}", self.path, quoted_key(key)),
        }
    }

    /// The spot of an array's element inside this one; shown from 0.
    pub(crate) fn element(&self, number: usize, offset: usize) -> Self {
        Self {
            offset,
            path: format!("{}[{number}]", self.path),
        }
    }
}

/// A key as TOML spells it: bare where it may be.
pub(crate) fn quoted_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        shown(key)
    }
}

/// A word of the file inside a message: quoted, escaped, cut when long.
pub(crate) fn shown(word: &str) -> String {
    const LONGEST: usize = 64;
    match word.char_indices().nth(LONGEST) {
        None => format!("{word:?}"),
        Some((cut, _)) => format!("{:?}…", &word[..cut]),
    }
}

/// A value of the file, to follow a word of a message: only when it looks like a plain word. A
/// URL or a password in the wrong place is not repeated.
pub(crate) fn echoed(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-/ ".contains(c);
    if (1..=24).contains(&value.len()) && value.chars().all(plain) {
        format!(" \"{value}\"")
    } else {
        String::new()
    }
}

/// Gathers mistakes while a file is read and checked.
#[derive(Debug, Default)]
pub(crate) struct Gathered(Vec<(Spot, String)>);

impl Gathered {
    pub(crate) fn add(&mut self, spot: &Spot, message: impl Into<String>) {
        self.0.push((spot.clone(), message.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Orders them, drops repetitions, and turns offsets into lines and columns of `text`.
    pub(crate) fn into_mistakes(mut self, text: &str) -> Mistakes {
        self.0.sort_by_key(|(spot, _)| spot.offset);
        let mut seen = HashSet::new();
        self.0
            .retain(|(spot, message)| seen.insert((spot.offset, message.clone())));
        let place = |(spot, message): (Spot, String)| {
            let before = text.get(..spot.offset).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            Mistake {
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
                path: spot.path,
                message,
            }
        };
        Mistakes(self.0.into_iter().map(place).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Gathered, Spot};

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "a = 1\nbé = 2\n";
        let mut gathered = Gathered::default();
        gathered.add(&Spot::file().entry("x y", 11), "second");
        gathered.add(&Spot::file(), "first");
        let mistakes = gathered.into_mistakes(text);
        assert_eq!(
            mistakes.in_file("p.toml"),
            "p.toml:1:1: first\np.toml:2:5: \"x y\": second"
        );
        assert_eq!(mistakes.to_string(), "1:1: first\n2:5: \"x y\": second");
    }
}
