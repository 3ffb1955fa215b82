//! Free values, and columns and free values told as each other.

use fieldseal_model::Kind;

use super::columns::{email, sealing_key};
use super::draft::{Draft, counting, nonce};
use super::{DOES_NOT_OPEN, EMAIL};
use crate::Purpose;
use crate::aad::Binding;
use crate::grant::{Content, seal_with_nonce};

pub(super) fn free_values() -> Vec<Draft> {
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
