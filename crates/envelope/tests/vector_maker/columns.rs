//! A column's value sealed as it should be, and the same told of a wrong place.

use fieldseal_model::{Kind, RowKey, Value};

use super::draft::{Draft, counting, hexed, nonce};
use super::{DOES_NOT_OPEN, EMAIL};
use crate::aad::Binding;
use crate::grant::{Content, seal_with_nonce};
use crate::{ColumnId, ColumnRef, DataKey, Pad, Purpose, SealingKey, TableId};

pub(super) fn wrong_places() -> Vec<Draft> {
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

/// The e-mail address of customer 42.
pub(super) fn email(name: &str, number: u16, pad: Option<u32>) -> (Draft, Vec<u8>) {
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

/// A column's value sealed as it should be, for `row`.
pub(super) fn column(
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

pub(super) fn sealing_key(purpose: Purpose) -> SealingKey {
    let domain = "contact".parse().expect("a domain");
    let key = SealingKey::derive(&DataKey::from_bytes(counting(0)), &domain, purpose);
    key.unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn email_column() -> ColumnRef {
    let table = TableId::new("shop.customers").expect("an id");
    ColumnRef::new(table, ColumnId::new("email").expect("an id"))
}

pub(super) fn row_42() -> RowKey {
    RowKey::new([&Value::integer("42").expect("an integer")]).expect("a key")
}
