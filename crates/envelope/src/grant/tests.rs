//! What a grant promises: counts, lengths, errors that leave everything as it was.

use std::sync::Arc;

use fieldseal_model::{Kind, RowKey, Value};

use super::{Content, Field, Grant, SealError, seal_with_nonce};
use crate::aad::Binding;
use crate::layout::NONCE_BYTES;
use crate::{
    ColumnId, ColumnRef, DataKey, Expected, Limit, MAX_VALUE_BYTES, NoRandomness, OpenError, Pad,
    Purpose, SealingKey, TableId,
};

fn key(bytes: u8, purpose: Purpose, limit: Limit) -> Arc<SealingKey> {
    let domain = "contact".parse().unwrap();
    let data_key = DataKey::from_bytes([bytes; 32]);
    let key = SealingKey::derive_with_limit(&data_key, &domain, purpose, limit);
    Arc::new(key.unwrap_or_else(|error| panic!("{error}")))
}

fn column() -> ColumnRef {
    ColumnRef::new(
        TableId::new("shop.customers").unwrap(),
        ColumnId::new("email").unwrap(),
    )
}

fn seal(grant: &Grant, value: &Value, pad: Option<Pad>) -> Result<Vec<u8>, SealError> {
    let mut out = Vec::new();
    grant.seal_column(&column(), &RowKey::unbound(), value, pad, &mut out)?;
    Ok(out)
}

#[test]
fn the_anchor_sealed_value() {
    let data_key = DataKey::from_bytes(std::array::from_fn(|i| i.to_le_bytes()[0]));
    let domain = "contact".parse().unwrap();
    let key = SealingKey::derive(&data_key, &domain, Purpose::Seal)
        .ok()
        .unwrap();
    let row = RowKey::new([&Value::integer("42").unwrap()]).unwrap();
    let content = Content {
        kind: Kind::Text,
        bytes: b"ada@example.org",
        pad: None,
    };
    let nonce = std::array::from_fn(|i| i.to_le_bytes()[0]);
    let mut out = Vec::new();
    let binding = Binding::Column(&column(), &row);
    seal_with_nonce(&key, &nonce, &binding, &content, &mut out);
    assert_eq!(
        hex::encode(&out),
        "0161ecdcbdd96911ab0a2b7f1ba2bca0f8000102030405060708090a0b\
         7cfd4cabbbfb1ece3798a2dcaad5d2a66f64e23fd7b0866be3bf59155fe67490"
    );
    let opened = key.open_column(&column(), &row, Expected::of(Kind::Text), &out);
    assert_eq!(opened.ok().unwrap().expose(), b"ada@example.org");
}

#[test]
fn counted_over_threads_and_never_beyond() {
    let grant = key(101, Purpose::Seal, Limit::HARD).grant(1_000).unwrap();
    let sealed: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let value = Value::text("ada");
                    (0..400)
                        .filter(|_| seal(&grant, &value, None).is_ok())
                        .count()
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    assert_eq!((sealed, grant.left()), (1_000, 0));
    assert_eq!(
        seal(&grant, &Value::null(), Pad::new(2).ok()),
        Err(SealError::Used)
    );
}

#[test]
fn the_limit_holds_for_every_copy_of_a_key() {
    let limit = Limit::at_most(10);
    let first = key(102, Purpose::Seal, limit);
    drop(first.grant(7).unwrap());
    // Derived anew, as after leaving a cache: the seven stay counted, though none was made.
    let again = key(102, Purpose::Seal, limit);
    let refused = again.grant(4).err().unwrap();
    assert_eq!(refused.key_id, first.id());
    assert!(again.grant(3).is_ok());
    assert!(first.grant(1).is_err());
    assert!(first.grant(u32::MAX).is_err());
    assert_eq!(Limit::at_most(u32::MAX), Limit::HARD);
}

#[test]
fn a_forked_copy_of_a_grant_seals_nothing() {
    let mut grant = key(103, Purpose::Seal, Limit::HARD).grant(5).unwrap();
    grant.process = grant.process.wrapping_add(1);
    assert_eq!(
        seal(&grant, &Value::text("ada"), None),
        Err(SealError::Used)
    );
    assert_eq!(grant.left(), 5);
}

#[test]
fn what_is_not_sealed_leaves_nothing_behind() {
    let seals = key(104, Purpose::Seal, Limit::HARD).grant(9).unwrap();
    let values = key(104, Purpose::Value, Limit::HARD).grant(9).unwrap();
    let text = Value::text("ada");
    assert_eq!(seal(&values, &text, None), Err(SealError::Purpose));
    assert_eq!(
        seals.seal_value(&[b"q"], b"ada", None),
        Err(SealError::Purpose)
    );
    assert_eq!(values.seal_value(&[], b"ada", None), Err(SealError::Parts));
    let many = vec![b"p".as_slice(); 256];
    assert_eq!(
        values.seal_value(&many, b"ada", None),
        Err(SealError::Parts)
    );
    assert!(values.seal_value(&many[1..], b"ada", None).is_ok());
    assert_eq!(
        seal(&seals, &Value::null(), None),
        Err(SealError::NullUnpadded)
    );
    let long = Value::bytes(vec![0; MAX_VALUE_BYTES + 1]);
    let mut out = b"before".to_vec();
    let row = RowKey::unbound();
    let result = seals.seal_column(&column(), &row, &long, None, &mut out);
    assert_eq!(
        (result, out.as_slice()),
        (Err(SealError::TooLong), b"before".as_slice())
    );
    assert_eq!((seals.left(), values.left()), (9, 8));
}

#[test]
fn many_are_counted_together_and_open_one_by_one() {
    let key = key(106, Purpose::Seal, Limit::HARD);
    let grant = key.grant(3).unwrap();
    let (column, row) = (column(), RowKey::unbound());
    let values = [Value::text("ada"), Value::text("bob")];
    let fields: Vec<_> = values
        .iter()
        .map(|value| Field {
            column: &column,
            row: &row,
            value: value.lend(),
            pad: None,
        })
        .collect();
    let mut sealed = b"before".to_vec();
    grant.seal_columns(&fields, &mut sealed).unwrap();
    let mut rest = sealed.strip_prefix(b"before").unwrap();
    for field in &fields {
        let (sealed, behind) = rest.split_at(field.sealed_len());
        let opened = key.open_column(&column, &row, Expected::of(Kind::Text), sealed);
        assert_eq!(opened.ok().unwrap().expose(), field.value.expose());
        rest = behind;
    }
    assert!(rest.is_empty());
    let before = sealed.clone();
    let result = grant.seal_columns(&fields, &mut sealed);
    assert_eq!((result, grant.left()), (Err(SealError::Used), 1));
    let bad = Field {
        column: &column,
        row: &row,
        value: Value::null(),
        pad: None,
    };
    let result = grant.seal_columns(&[bad], &mut sealed);
    assert_eq!(result, Err(SealError::NullUnpadded));
    assert_eq!(sealed, before);
}

/// An error before the first of them, and one behind it: what stood in `out` stays, and no part
/// of the others is behind it.
#[test]
fn an_error_among_many_leaves_out_as_it_was() {
    let grant = key(107, Purpose::Seal, Limit::HARD).grant(9).unwrap();
    let (column, row) = (column(), RowKey::unbound());
    let field = |value| Field {
        column: &column,
        row: &row,
        value,
        pad: None,
    };
    let (text, null) = (Value::text("ada"), Value::null());
    let mut out = b"before".to_vec();
    let among = [field(text.lend()), field(null.lend()), field(text.lend())];
    let result = grant.seal_columns(&among, &mut out);
    assert_eq!(result, Err(SealError::NullUnpadded));
    assert_eq!((out.as_slice(), grant.left()), (b"before".as_slice(), 9));

    let fields = [field(text.lend()), field(text.lend()), field(text.lend())];
    let mut drawn = 0;
    let result = grant.seal_each(&fields, &mut out, |nonce| {
        drawn += 1;
        *nonce = [drawn; NONCE_BYTES];
        if drawn < 3 { Ok(()) } else { Err(NoRandomness) }
    });
    assert_eq!(result, Err(SealError::NoRandomness(NoRandomness)));
    assert_eq!((drawn, out.as_slice()), (3, b"before".as_slice()));
}

#[test]
fn the_longest_value_comes_back() {
    let key = key(105, Purpose::Seal, Limit::HARD);
    let pad = Pad::new(4_096).ok();
    let value = Value::bytes(vec![0; MAX_VALUE_BYTES]);
    let sealed = seal(&key.grant(1).unwrap(), &value, pad).unwrap();
    let expected = Expected::of(Kind::Bytes);
    let opened = key.open_column(&column(), &RowKey::unbound(), expected, &sealed);
    assert_eq!(opened.ok().unwrap().expose().len(), MAX_VALUE_BYTES);

    // One byte more, as only another program would seal it.
    let content = Content {
        kind: Kind::Bytes,
        bytes: &vec![0; MAX_VALUE_BYTES + 1],
        pad: None,
    };
    let mut sealed = Vec::new();
    let (column, row) = (column(), RowKey::unbound());
    seal_with_nonce(
        &key,
        &[0; 12],
        &Binding::Column(&column, &row),
        &content,
        &mut sealed,
    );
    let opened = key.open_column(&column, &row, expected, &sealed);
    assert_eq!(opened.err(), Some(OpenError::DoesNotOpen));
}
