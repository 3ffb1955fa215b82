//! Blind indexes, and data keys under a local root key.

use fieldseal_model::{Kind, Value};

use super::columns::email_column;
use super::draft::{Draft, counting, hexed, nonce};
use crate::{
    DataKey, Definition, IndexKey, IndexLength, Normaliser, Purpose, RootKey, WrapContext,
};

pub(super) fn indexes() -> Vec<Draft> {
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

pub(super) fn wraps() -> Vec<Draft> {
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
