//! Makes Rust's half of `tests/vectors/` (`docs/FORMAT.md`, section 8), the same bytes every
//! time, and tests that the files are those. It is compiled for tests only, since it seals with
//! nonces of its own choice. To write files for new cases:
//! `FIELDSEAL_WRITE_VECTORS=1 cargo test -p fieldseal-envelope vector_maker`.

use std::path::PathBuf;

use fieldseal_model::{Kind, RowKey, Value};
use sha2::{Digest, Sha256};

use crate::aad::Binding;
use crate::grant::{Content, seal_with_nonce};
use crate::{
    ColumnId, ColumnRef, DataKey, Definition, IndexKey, IndexLength, Normaliser, Pad, Purpose,
    RootKey, SealingKey, TableId, WrapContext,
};

const EMAIL: &[u8] = b"ada@example.org";
const DOES_NOT_OPEN: &str = "does not open";
const NOT_SEALED: &str = "not sealed";

/// One file to be: named lines in order, of which some may repeat.
#[derive(Clone)]
struct Draft {
    name: String,
    lines: Vec<(&'static str, String)>,
}

impl Draft {
    fn new(name: &str, about: &str, operation: &str, expect: &str) -> Self {
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
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        match self.lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.lines.push((name, value.into())),
        }
        self
    }

    /// Replaces every line of a name that may repeat.
    fn with_all(mut self, name: &'static str, values: &[&str]) -> Self {
        self.lines.retain(|(known, _)| *known != name);
        let new = values.iter().map(|value| (name, (*value).to_owned()));
        self.lines.extend(new);
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.lines.retain(|(known, _)| *known != name);
        self
    }

    /// The same bytes told as another case, which must fail.
    fn failing(&self, name: &str, about: &str, expect: &str) -> Self {
        let mut draft = self.clone().without("plaintext").without("plaintext kind");
        name.clone_into(&mut draft.name);
        draft.with("about", about).with("expect", expect)
    }

    fn text(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect()
    }
}

fn hexed(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        "empty".to_owned()
    } else {
        hex::encode(bytes)
    }
}

fn counting(first: u8) -> [u8; 32] {
    std::array::from_fn(|i| first + i.to_le_bytes()[0])
}

/// `rust` and the number of the case: no two files share a nonce.
fn nonce(number: u16) -> [u8; 12] {
    let mut nonce = *b"rust\0\0\0\0\0\0\0\0";
    nonce[10..].copy_from_slice(&number.to_be_bytes());
    nonce
}

fn sealing_key(purpose: Purpose) -> SealingKey {
    let domain = "contact".parse().expect("a domain");
    let key = SealingKey::derive(&DataKey::from_bytes(counting(0)), &domain, purpose);
    key.unwrap_or_else(|error| panic!("{error}"))
}

fn email_column() -> ColumnRef {
    let table = TableId::new("shop.customers").expect("an id");
    ColumnRef::new(table, ColumnId::new("email").expect("an id"))
}

/// A column's value sealed as it should be, for `row`.
fn column(
    name: &str,
    about: &str,
    number: u16,
    row: &RowKey,
    row_lines: &[&str],
    value: &Value,
    pad: Option<u32>,
) -> (Draft, Vec<u8>) {
    let content = Content {
        kind: value.kind(),
        bytes: value.expose(),
        pad: pad.map(|pad| Pad::new(pad).expect("a pad")),
    };
    let binding_column = email_column();
    let binding = Binding::Column(&binding_column, row);
    let mut sealed = Vec::new();
    let key = sealing_key(Purpose::Seal);
    seal_with_nonce(&key, &nonce(number), &binding, &content, &mut sealed);
    let kind = if value.is_null() {
        Kind::Text
    } else {
        value.kind()
    };
    let mut draft = Draft::new(name, about, "open column", "ok")
        .with("data key", hex::encode(counting(0)))
        .with("domain", "contact")
        .with("purpose", "seal")
        .with("table", "shop.customers")
        .with("column", "email")
        .with_all("row key", row_lines)
        .with("kind", char::from(kind.code()))
        .with("nonce", hex::encode(nonce(number)));
    if let Some(pad) = pad {
        draft = draft.with("pad", pad.to_string());
    }
    if value.is_null() {
        draft = draft.with("seal null", "yes").with("plaintext kind", "z");
    }
    draft = draft
        .with("plaintext", hexed(value.expose()))
        .with("sealed", hex::encode(&sealed));
    (draft, sealed)
}

fn row_42() -> RowKey {
    RowKey::new([&Value::integer("42").expect("an integer")]).expect("a key")
}

/// The e-mail address of customer 42.
fn email(name: &str, number: u16, pad: Option<u32>) -> (Draft, Vec<u8>) {
    let value = Value::from_canonical(Kind::Text, EMAIL.to_vec()).expect("text");
    column(
        name,
        "An e-mail address.",
        number,
        &row_42(),
        &["i 3432"],
        &value,
        pad,
    )
}

fn wrong_places() -> Vec<Draft> {
    let (good, _) = email("good", 1, None);
    let no = |name: &str, about: &str| good.failing(name, about, DOES_NOT_OPEN);
    vec![
        no("wrong-table", "Another table.").with("table", "shop.staff"),
        no("wrong-column", "Another column.").with("column", "name"),
        no("wrong-place-shifted", "The border between the ids moved.")
            .with("table", "shop.customer")
            .with("column", "semail"),
        no("wrong-row", "Another row.").with_all("row key", &["i 3433"]),
        no(
            "wrong-row-kind",
            "The key as text instead of as an integer.",
        )
        .with_all("row key", &["t 3432"]),
        no("wrong-row-unbound", "No row at all.").with_all("row key", &[]),
        no("wrong-row-more", "One key column more.").with_all("row key", &["i 3432", "i 3432"]),
        no("wrong-key", "Another data key.").with("data key", hex::encode(counting(1))),
        no("wrong-domain", "Another domain.").with("domain", "payment"),
        no("wrong-purpose", "The key of another purpose.").with("purpose", "value"),
        no("wrong-kind", "The column holds another kind.").with("kind", "j"),
        good,
    ]
}

fn free_values() -> Vec<Draft> {
    let parts: [&[u8]; 2] = [b"cache", b"42"];
    let content = Content {
        kind: Kind::Bytes,
        bytes: EMAIL,
        pad: None,
    };
    let key = sealing_key(Purpose::Value);
    let mut sealed = Vec::new();
    let binding = Binding::Value(&parts);
    seal_with_nonce(&key, &nonce(2), &binding, &content, &mut sealed);
    let value = Draft::new("value", "A free value.", "open value", "ok")
        .with("data key", hex::encode(counting(0)))
        .with("domain", "contact")
        .with("purpose", "value")
        .with("kind", "b")
        .with_all("part", &["6361636865", "3432"])
        .with("nonce", hex::encode(nonce(2)))
        .with("plaintext", hex::encode(EMAIL))
        .with("sealed", hex::encode(&sealed));
    let no = |name: &str, about: &str| value.failing(name, about, DOES_NOT_OPEN);
    let column = |draft: Draft| {
        draft
            .with_all("part", &[])
            .with("do", "open column")
            .with("table", "cache")
            .with("column", "42")
    };
    let as_value = |name: &str, about: &str| {
        let (good, _) = email("good", 1, None);
        good.failing(name, about, DOES_NOT_OPEN)
            .with("do", "open value")
            .with_all("row key", &[])
            .with_all("part", &["73686f702e637573746f6d657273", "656d61696c"])
    };
    vec![
        no("value-wrong-part", "Another part.").with_all("part", &["6361636865", "3433"]),
        no("value-parts-shifted", "The border between the parts moved.")
            .with_all("part", &["636163686534", "32"]),
        no("value-fewer-parts", "One part less.").with_all("part", &["6361636865"]),
        column(no("value-as-column", "A free value opened as a column.")),
        column(no(
            "value-as-column-seal",
            "The same with a key of the purpose seal.",
        ))
        .with("purpose", "seal"),
        as_value("column-as-value", "A column opened as a free value.").with("purpose", "value"),
        as_value(
            "column-as-value-seal",
            "The same with the key that sealed it.",
        ),
        value,
    ]
}

fn damaged() -> Vec<Draft> {
    let (good, sealed) = email("good", 1, None);
    let (padded, padded_sealed) = email("padded", 3, Some(32));
    let flip = |draft: &Draft, sealed: &[u8], name: &str, at: usize, bit: u8, expect: &str| {
        let mut changed = sealed.to_vec();
        changed[at] ^= bit;
        let about = format!("Byte {at} changed by {bit:02x}.");
        let draft = draft.failing(&format!("flip-{name}"), &about, expect);
        draft.with("sealed", hex::encode(changed))
    };
    let last = sealed.len() - 1;
    let mut drafts: Vec<Draft> = [
        ("format-unknown", 0, 0x02, NOT_SEALED),
        ("format-zero", 0, 0x01, NOT_SEALED),
        ("format-high", 0, 0x80, NOT_SEALED),
        ("format-padded", 0, 0x03, DOES_NOT_OPEN),
        ("key-id-first", 1, 0x01, DOES_NOT_OPEN),
        ("key-id-last", 16, 0x80, DOES_NOT_OPEN),
        ("nonce-first", 17, 0x01, DOES_NOT_OPEN),
        ("nonce-last", 28, 0x80, DOES_NOT_OPEN),
        ("kind", 29, 0x01, DOES_NOT_OPEN),
        ("text", 30, 0x20, DOES_NOT_OPEN),
        ("text-last", last - 16, 0x01, DOES_NOT_OPEN),
        ("tag-first", last - 15, 0x80, DOES_NOT_OPEN),
        ("tag-last", last, 0x01, DOES_NOT_OPEN),
    ]
    .into_iter()
    .map(|(name, at, bit, expect)| flip(&good, &sealed, name, at, bit, expect))
    .collect();
    let padding = padded_sealed.len() - 17;
    let pad = flip(
        &padded,
        &padded_sealed,
        "padding",
        padding,
        0x01,
        DOES_NOT_OPEN,
    );
    let plain = flip(
        &padded,
        &padded_sealed,
        "format-plain",
        0,
        0x03,
        DOES_NOT_OPEN,
    );
    drafts.extend([pad, plain, padded.clone()]);

    let cut = |draft: &Draft, name: String, bytes: &[u8], expect| {
        let about = format!("{} bytes of it.", bytes.len());
        draft
            .failing(&name, &about, expect)
            .with("sealed", hexed(bytes))
    };
    for length in [0, 1, 16, 17, 28, 29, 30, 45] {
        let name = format!("cut-{length}");
        drafts.push(cut(&good, name, &sealed[..length], NOT_SEALED));
    }
    for length in [46, last - 8, last] {
        let name = format!("cut-{length}");
        drafts.push(cut(&good, name, &sealed[..length], DOES_NOT_OPEN));
    }
    let shortest = padded_sealed[..46].to_vec();
    drafts.push(cut(
        &padded,
        "cut-padded-46".to_owned(),
        &shortest,
        NOT_SEALED,
    ));
    let shortest = padded_sealed[..47].to_vec();
    drafts.push(cut(
        &padded,
        "cut-padded-47".to_owned(),
        &shortest,
        DOES_NOT_OPEN,
    ));
    let longer = [sealed.as_slice(), &[0]].concat();
    drafts.push(cut(
        &good,
        "cut-not-but-longer".to_owned(),
        &longer,
        DOES_NOT_OPEN,
    ));
    drafts
}

fn values() -> Vec<Draft> {
    let row = row_42();
    let sealed = |name: &str, about: &str, number, value: &Value, pad| {
        column(name, about, number, &row, &["i 3432"], value, pad).0
    };
    let empty = Value::text("");
    let null = sealed("null", "A sealed NULL.", 6, &Value::null(), Some(64));
    let big = Value::bytes(vec![b'a'; 1 << 20]);
    let (big, bytes) = column("big", "1 MiB.", 7, &row, &["i 3432"], &big, None);
    vec![
        sealed("empty", "An empty text.", 4, &empty, None),
        sealed(
            "empty-padded",
            "An empty text, padded.",
            5,
            &empty,
            Some(64),
        ),
        null.failing(
            "null-unexpected",
            "NULL where none is sealed.",
            DOES_NOT_OPEN,
        )
        .without("seal null"),
        null,
        big.with("plaintext", "repeat 61 1048576").with(
            "sealed",
            format!("sha-256 {}", hex::encode(Sha256::digest(&bytes))),
        ),
    ]
}

fn row_keys() -> Vec<Draft> {
    let email = Value::text("ada@example.org");
    let sealed = |name: &str, about: &str, number, key: &[Value], lines: &[&str]| {
        let row = RowKey::new(key).expect("a key");
        column(name, about, number, &row, lines, &email, None).0
    };
    let integer = || vec![Value::integer("42").expect("an integer")];
    let binary = || vec![Value::bytes(vec![1, 2, 0, 0])];
    let short = sealed(
        "key-binary-short",
        "A BINARY(4) key as the binlog strips it.",
        12,
        &binary(),
        &["arrived b width=4 0102"],
    );
    let pair = [Value::text("ab"), Value::text("c")];
    let pair = sealed(
        "key-two-columns",
        "A key of two columns.",
        14,
        &pair,
        &["t 6162", "t 63"],
    );
    vec![
        short
            .failing(
                "key-binary-unpadded",
                "The same key left short.",
                DOES_NOT_OPEN,
            )
            .with_all("row key", &["b 0102"]),
        short,
        sealed(
            "key-number",
            "The key as a number.",
            10,
            &integer(),
            &["arrived i number 3432"],
        ),
        sealed(
            "key-string",
            "The key as a string with zeros before it.",
            11,
            &integer(),
            &["arrived i text 30303432"],
        ),
        sealed(
            "key-binary-padded",
            "A BINARY(4) key as SELECT returns it.",
            13,
            &binary(),
            &["arrived b width=4 01020000"],
        ),
        pair.failing(
            "key-two-columns-shifted",
            "The border between the columns moved.",
            DOES_NOT_OPEN,
        )
        .with_all("row key", &["t 61", "t 6263"]),
        pair,
        sealed(
            "key-char",
            "A CHAR key that arrives with its spaces.",
            15,
            &[Value::text("ab")],
            &["arrived t char 61622020"],
        ),
        column(
            "key-unbound",
            "Bound to the column only.",
            16,
            &RowKey::unbound(),
            &[],
            &email,
            None,
        )
        .0,
    ]
}

fn indexes() -> Vec<Draft> {
    let index = |name: &str, about: &str, expect: &str, value: &Value, definition: &Definition| {
        let domain = "contact".parse().expect("a domain");
        let data_key = DataKey::from_bytes(counting(0x20));
        let key = IndexKey::derive(&data_key, &domain, &email_column(), "look_up", definition);
        let length = IndexLength::new(16).expect("a length");
        let draft = Draft::new(name, about, "index", expect)
            .with("data key", hex::encode(counting(0x20)))
            .with("domain", "contact")
            .with("purpose", "index")
            .with("table", "shop.customers")
            .with("column", "email")
            .with("index name", "look_up")
            .with("definition", definition.to_string())
            .with("bytes", "16")
            .with("kind", char::from(definition.kind().code()))
            .with("plaintext kind", char::from(value.kind().code()))
            .with("plaintext", hexed(value.expose()));
        match key.compute(value, length).ok().flatten() {
            Some(index) => draft.with("index", hex::encode(index)),
            None => draft,
        }
    };
    let define = |kind, normalisers: &[Normaliser]| {
        Definition::new(kind, normalisers.to_vec()).expect("a definition")
    };
    let digits = define(Kind::Text, &[Normaliser::Digits]);
    let folded = define(Kind::Text, &[Normaliser::NfkcCasefold]);
    let phone = Value::text("+49 (30) ٣ 123-45");
    let bytes = Value::bytes(vec![0, 1, 2]);
    let scripts = Value::text("ΣΊΣΥΦΟΣ İ ﬃ ｶﾞ \u{1100}\u{1161} A\u{30a}\u{200b}");
    vec![
        index(
            "index-digits",
            "The digits of a phone number.",
            "ok",
            &phone,
            &digits,
        ),
        index(
            "index-scripts",
            "Case and width in many scripts.",
            "ok",
            &scripts,
            &folded,
        ),
        index(
            "index-bytes",
            "Raw bytes.",
            "ok",
            &bytes,
            &define(Kind::Bytes, &[]),
        ),
        index("index-null", "NULL.", "no index", &Value::null(), &digits),
        index(
            "index-nothing-left",
            "No digit at all.",
            "no index",
            &Value::text("n/a"),
            &digits,
        ),
        index(
            "index-noncharacter",
            "A noncharacter.",
            "no normal form",
            &Value::text("a\u{fdd0}"),
            &folded,
        ),
    ]
}

fn wraps() -> Vec<Draft> {
    let root = RootKey::from_bytes(counting(0x60));
    let context = WrapContext {
        deployment: "shop-eu".to_owned(),
        domain: "contact".parse().expect("a domain"),
        purpose: Purpose::Index,
    };
    let data_key = DataKey::from_bytes(counting(0x20));
    let wrapped = root.wrap_with_nonce(&nonce(20), &data_key, &context);
    let good = Draft::new("wrap", "A local wrap.", "unwrap", "ok")
        .with("root key", hex::encode(counting(0x60)))
        .with("deployment", "shop-eu")
        .with("domain", "contact")
        .with("purpose", "index")
        .with("data key", hex::encode(counting(0x20)))
        .with("wrapped", hex::encode(&wrapped));
    let (shut, no_wrap) = ("does not unwrap", "not a wrap");
    let changed = |name: &str, about: &str, expect, bytes: &[u8]| {
        let draft = good.failing(name, about, expect).without("data key");
        draft.with("wrapped", hexed(bytes))
    };
    let flipped = |at: usize| {
        let mut bytes = wrapped.clone();
        bytes[at] ^= 1;
        bytes
    };
    vec![
        changed("wrap-version", "An unknown version.", no_wrap, &flipped(0)),
        changed("wrap-root-id", "Another root id in it.", shut, &flipped(1)),
        changed("wrap-nonce", "A changed nonce.", shut, &flipped(17)),
        changed("wrap-key", "A changed key.", shut, &flipped(29)),
        changed("wrap-tag", "A changed tag.", shut, &flipped(76)),
        changed("wrap-cut", "One byte less.", no_wrap, &wrapped[..76]),
        changed("wrap-purpose", "Another purpose.", shut, &wrapped).with("purpose", "seal"),
        changed("wrap-root", "Another root key.", shut, &wrapped)
            .with("root key", hex::encode(counting(0x61))),
        good,
    ]
}

#[test]
fn the_files_are_what_this_code_makes() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let write = std::env::var_os("FIELDSEAL_WRITE_VECTORS").is_some();
    let parts = [
        wrong_places(),
        free_values(),
        damaged(),
        values(),
        row_keys(),
        indexes(),
        wraps(),
    ];
    let mut names = std::collections::BTreeSet::new();
    for draft in parts.concat() {
        assert!(
            names.insert(draft.name.clone()),
            "{} is made twice",
            draft.name
        );
        let file = folder.join(format!("{}.txt", draft.name));
        if write {
            std::fs::write(&file, draft.text()).unwrap();
        }
        let stored = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(stored, draft.text(), "{}", file.display());
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let ours = text.contains("\nmade by: rust\n");
        assert_eq!(ours, names.contains(name), "{name}: who made it?");
    }
}
