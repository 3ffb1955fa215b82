//! The text of a vector file.

use fieldseal_model::{Kind, RowKey, Value};

/// Named lines, some of which may repeat.
pub(crate) struct VectorFile<'a> {
    name: &'a str,
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> VectorFile<'a> {
    pub(crate) fn parse(name: &'a str, text: &'a str) -> Self {
        let lines: Vec<_> = text
            .lines()
            .map(|line| {
                line.split_once(": ")
                    .unwrap_or_else(|| panic!("{name}: {line}"))
            })
            .collect();
        assert_eq!(lines.first(), Some(&("fieldseal vector", "1")), "{name}");
        Self { name, lines }
    }

    pub(crate) fn find(&self, field: &str) -> Option<&'a str> {
        let mut all = self.all(field);
        let found = all.next();
        assert!(
            all.next().is_none(),
            "{}: `{field}` stands twice",
            self.name
        );
        found
    }

    pub(crate) fn get(&self, field: &str) -> &'a str {
        self.find(field)
            .unwrap_or_else(|| panic!("{}: no `{field}`", self.name))
    }

    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        unhexed(self.get(field))
    }

    pub(crate) fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        let bytes = self.bytes(field);
        bytes
            .try_into()
            .unwrap_or_else(|_| panic!("{}: `{field}`", self.name))
    }

    fn all(&self, field: &str) -> impl Iterator<Item = &'a str> {
        let wanted = field.to_owned();
        let lines = self.lines.iter().copied();
        lines
            .filter(move |(name, _)| **name == wanted)
            .map(|(_, value)| value)
    }

    pub(crate) fn parts(&self) -> Vec<Vec<u8>> {
        self.all("part").map(unhexed).collect()
    }

    pub(crate) fn kind(&self) -> Kind {
        kind(self.get("kind"))
    }

    /// The plaintext's kind and bytes; the bytes may be no canonical form.
    pub(crate) fn plaintext(&self) -> (Kind, Vec<u8>) {
        let kind = self.find("plaintext kind").map_or(self.kind(), kind);
        let words: Vec<&str> = self.get("plaintext").split(' ').collect();
        let bytes = match words.as_slice() {
            ["repeat", byte, count] => unhexed(byte).repeat(count.parse().unwrap()),
            _ => unhexed(self.get("plaintext")),
        };
        (kind, bytes)
    }

    pub(crate) fn row_key(&self) -> RowKey {
        let values: Vec<Value> = self.all("row key").map(key_value).collect();
        if values.is_empty() {
            RowKey::unbound()
        } else {
            RowKey::new(&values).unwrap()
        }
    }
}

fn key_value(line: &str) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["arrived", "i", "number" | "text", digits] => {
            Value::integer(std::str::from_utf8(&unhexed(digits)).unwrap()).unwrap()
        }
        ["arrived", letter @ ("b" | "u"), width, bytes] => {
            let width = width.strip_prefix("width=").unwrap().parse().unwrap();
            let mut bytes = unhexed(bytes);
            bytes.resize(width, 0);
            Value::from_canonical(kind(letter), bytes).unwrap()
        }
        ["arrived", "t", "char", text] => {
            let text = String::from_utf8(unhexed(text)).unwrap();
            Value::text(text.trim_end_matches(' '))
        }
        [letter, canonical] => Value::from_canonical(kind(letter), unhexed(canonical)).unwrap(),
        _ => panic!("row key: {line}"),
    }
}

fn kind(letter: &str) -> Kind {
    Kind::from_code(letter.as_bytes()[0]).unwrap()
}

fn unhexed(text: &str) -> Vec<u8> {
    match text {
        "empty" => Vec::new(),
        hex => hex::decode(hex).unwrap(),
    }
}
