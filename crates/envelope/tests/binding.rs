//! A value opens only where it was sealed: one assertion for each way to be elsewhere.

#![allow(clippy::unwrap_used, reason = "a panic in a test is its failure")]

use std::sync::Arc;

use fieldseal_envelope::{
    ColumnId, ColumnRef, DataKey, Domain, Expected, OpenError, Pad, Purpose, SealingKey, TableId,
    sealed_key_id, sealed_len,
};
use fieldseal_model::{Kind, RowKey, Value};

fn key(bytes: u8, domain: &str, purpose: Purpose) -> Arc<SealingKey> {
    let domain: Domain = domain.parse().unwrap();
    let key = SealingKey::derive(&DataKey::from_bytes([bytes; 32]), &domain, purpose);
    Arc::new(key.unwrap_or_else(|error| panic!("{error}")))
}

fn column(table: &str, column: &str) -> ColumnRef {
    ColumnRef::new(TableId::new(table).unwrap(), ColumnId::new(column).unwrap())
}

fn row(id: &str) -> RowKey {
    RowKey::new([&Value::integer(id).unwrap()]).unwrap()
}

const TEXT: Expected = Expected::of(Kind::Text);
const NO: Option<OpenError> = Some(OpenError::DoesNotOpen);

fn sealed() -> Vec<u8> {
    let mut out = Vec::new();
    let email = column("shop.customers", "email");
    let value = Value::text("ada@example.org");
    let grant = key(1, "contact", Purpose::Seal).grant(1).unwrap();
    grant
        .seal_column(&email, &row("42"), &value, None, &mut out)
        .unwrap();
    out
}

#[test]
fn only_its_own_place_opens_it() {
    let sealed = sealed();
    let mine = key(1, "contact", Purpose::Seal);
    let email = column("shop.customers", "email");
    let open = |key: &SealingKey, column: &ColumnRef, row: &RowKey, expected| {
        let copied = key.open_column(column, row, expected, &sealed);
        let mut bytes = sealed.clone();
        let kind = key.column_opener(column, expected).open(row, &mut bytes);
        assert_eq!(kind.err(), copied.as_ref().err().copied(), "in place");
        if let Ok(value) = &copied {
            assert_eq!((kind, bytes.as_slice()), (Ok(Kind::Text), value.expose()));
        }
        copied
    };
    let opened = open(&mine, &email, &row("42"), TEXT);
    assert_eq!(opened.ok().unwrap().expose(), b"ada@example.org");

    let error = |key: &SealingKey, column: &ColumnRef, row: &RowKey, expected| {
        open(key, column, row, expected).err()
    };
    assert_eq!(
        error(&mine, &column("shop.staff", "email"), &row("42"), TEXT),
        NO,
        "table"
    );
    assert_eq!(
        error(&mine, &column("shop.customers", "name"), &row("42"), TEXT),
        NO,
        "column"
    );
    assert_eq!(error(&mine, &email, &row("43"), TEXT), NO, "row");
    assert_eq!(error(&mine, &email, &RowKey::unbound(), TEXT), NO, "no row");
    let other_key = key(2, "contact", Purpose::Seal);
    assert_eq!(error(&other_key, &email, &row("42"), TEXT), NO, "key");
    let other_domain = key(1, "payment", Purpose::Seal);
    assert_eq!(error(&other_domain, &email, &row("42"), TEXT), NO, "domain");
    let other_purpose = key(1, "contact", Purpose::Value);
    assert_eq!(
        error(&other_purpose, &email, &row("42"), TEXT),
        NO,
        "purpose"
    );
    let json = Expected::of(Kind::Json);
    assert_eq!(error(&mine, &email, &row("42"), json), NO, "kind");
}

#[test]
fn the_header_names_the_key() {
    let mine = key(1, "contact", Purpose::Seal);
    assert_eq!(sealed_key_id(&sealed()), Ok(mine.id()));
    assert_ne!(mine.id(), key(1, "contact", Purpose::Value).id());
    assert_ne!(mine.id(), key(1, "payment", Purpose::Seal).id());
}

#[test]
fn the_purpose_index_seals_nothing() {
    let domain: Domain = "contact".parse().unwrap();
    let key = SealingKey::derive(&DataKey::from_bytes([1; 32]), &domain, Purpose::Index);
    assert!(key.is_err());
}

#[test]
fn a_free_value_is_no_column_and_has_its_own_parts() {
    let values = key(1, "contact", Purpose::Value);
    let grant = values.grant(1).unwrap();
    let sealed = grant.seal_value(&[b"cache", b"42"], b"ada", None).unwrap();
    let open = |parts: &[&[u8]]| values.open_value(parts, &sealed);
    assert_eq!(open(&[b"cache", b"42"]).ok().unwrap().expose(), b"ada");
    assert_eq!(open(&[b"cache", b"43"]).err(), NO);
    assert_eq!(open(&[b"cache4", b"2"]).err(), NO);
    assert_eq!(open(&[b"cache"]).err(), NO);
    assert_eq!(open(&[]).err(), NO);
    let seals = key(1, "contact", Purpose::Seal);
    assert_eq!(seals.open_value(&[b"cache", b"42"], &sealed).err(), NO);
    let cache = column("cache", "42");
    let as_column = values.open_column(&cache, &RowKey::unbound(), TEXT, &sealed);
    assert_eq!(as_column.err(), NO);
}

#[test]
fn null_opens_only_where_null_is_sealed() {
    let mine = key(1, "contact", Purpose::Seal);
    let email = column("shop.customers", "email");
    let pad = Pad::new(32).ok();
    let seal = |value: &Value| {
        let mut out = Vec::new();
        let grant = mine.grant(1).unwrap();
        grant
            .seal_column(&email, &row("42"), value, pad, &mut out)
            .unwrap();
        out
    };
    let null = seal(&Value::null());
    // As long as any short value: its length does not tell that it is NULL.
    assert_eq!(null.len(), seal(&Value::text("ada@example.org")).len());
    assert_eq!(null.len(), sealed_len(0, pad));
    let open = |expected| mine.open_column(&email, &row("42"), expected, &null);
    assert!(open(TEXT.or_null()).ok().unwrap().is_null());
    assert_eq!(open(TEXT).err(), NO);
    // Only the column's word makes NULL acceptable, not a kind asked for.
    assert_eq!(open(Expected::of(Kind::Null)).err(), NO);
}

/// What is kept of a column between two values: neither the row nor the padding. A value of any
/// length is where the sealed one was, and another key's stays shut before and after.
#[test]
fn one_opener_opens_the_values_of_every_row() {
    let email = column("shop.customers", "email");
    let [mine, other] = [1, 2].map(|bytes| key(bytes, "contact", Purpose::Seal));
    let mut opener = mine.column_opener(&email, TEXT);
    assert_eq!(opener.id(), &mine.id());
    let pads = [None, Pad::new(16).ok()];
    for (length, id) in (0..100).zip(["7", "1234567", "8"].into_iter().cycle()) {
        for pad in pads {
            let text: String = ('!'..='~').cycle().skip(length).take(length).collect();
            let value = Value::text(&text);
            let sealed = |key: &Arc<SealingKey>| {
                let mut sealed = Vec::new();
                let grant = key.grant(1).unwrap();
                grant
                    .seal_column(&email, &row(id), &value, pad, &mut sealed)
                    .unwrap();
                sealed
            };
            assert_eq!(opener.open(&row(id), &mut sealed(&other)).err(), NO);
            assert_eq!(opener.open(&row("9"), &mut sealed(&mine)).err(), NO);
            let mut sealed = sealed(&mine);
            let memory = sealed.as_ptr();
            let opened = opener.open(&row(id), &mut sealed);
            assert_eq!((opened, sealed.as_ptr()), (Ok(Kind::Text), memory));
            assert_eq!(sealed, value.expose(), "{length}");
        }
    }
}

#[test]
fn a_nonce_is_never_seen_twice() {
    let grant = key(9, "contact", Purpose::Seal).grant(20_000).unwrap();
    let email = column("shop.customers", "email");
    let nonces: std::collections::HashSet<Vec<u8>> = (0..20_000)
        .map(|_| {
            let mut out = Vec::new();
            let value = Value::text("ada");
            grant
                .seal_column(&email, &row("42"), &value, None, &mut out)
                .unwrap();
            out[17..29].to_vec()
        })
        .collect();
    assert_eq!(nonces.len(), 20_000);
}
