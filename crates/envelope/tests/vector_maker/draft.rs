//! One file to be: named lines in order. Owns their text, and the bytes all cases count on.

/// One file to be: named lines in order, of which some may repeat.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) name: String,
    lines: Vec<(&'static str, String)>,
}

impl Draft {
    pub(super) fn new(name: &str, about: &str, operation: &str, expect: &str) -> Self {
        let draft = Self {
            name: name.to_owned(),
            lines: vec![("fieldseal vector", "1".to_owned())],
        };
        draft
            .with("about", about)
            .with("made by", "rust")
            .with("do", operation)
            .with("expect", expect)
    }

    /// Sets a line: in place where it stands, else at the end.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        match self.lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.lines.push((name, value.into())),
        }
        self
    }

    /// Replaces every line of a name that may repeat.
    pub(super) fn with_all(mut self, name: &'static str, values: &[&str]) -> Self {
        self.lines.retain(|(known, _)| *known != name);
        let new = values.iter().map(|value| (name, (*value).to_owned()));
        self.lines.extend(new);
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.lines.retain(|(known, _)| *known != name);
        self
    }

    /// The same bytes told as another case, which must fail.
    pub(super) fn failing(&self, name: &str, about: &str, expect: &str) -> Self {
        let mut draft = self.clone().without("plaintext").without("plaintext kind");
        name.clone_into(&mut draft.name);
        draft.with("about", about).with("expect", expect)
    }

    pub(super) fn text(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect()
    }
}

pub(super) fn hexed(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        "empty".to_owned()
    } else {
        hex::encode(bytes)
    }
}

pub(super) fn counting(first: u8) -> [u8; 32] {
    std::array::from_fn(|i| first + i.to_le_bytes()[0])
}

/// `rust` and the number of the case: no two files share a nonce.
pub(super) fn nonce(number: u16) -> [u8; 12] {
    let mut nonce = *b"rust\0\0\0\0\0\0\0\0";
    nonce[10..].copy_from_slice(&number.to_be_bytes());
    nonce
}
