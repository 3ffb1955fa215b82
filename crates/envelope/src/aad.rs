//! What a sealed value is bound to (`docs/FORMAT.md`, section 2). Owns the bytes of every AAD;
//! each begins with a label of its own, so that no use can pass for another.

use std::cell::RefCell;

use fieldseal_model::RowKey;

use crate::ColumnRef;
use crate::layout::Header;

/// With its length before it: how the AAD of every column's value begins.
pub(crate) const LP_COLUMN: [u8; 22] = *b"\0\0\0\x12fieldseal/1 column";
const VALUE: &[u8] = b"fieldseal/1 value";
/// The label of local wraps, whose AAD is built in `root_key`.
pub(crate) const WRAP: &[u8] = b"fieldseal/1 wrap";

/// The place a value is sealed for.
pub(crate) enum Binding<'a> {
    /// A column of a row.
    Column(&'a ColumnRef, &'a RowKey),
    /// Free parts, 1 to 255 of them, each shorter than 4 GiB.
    Value(&'a [&'a [u8]]),
}

impl Binding<'_> {
    /// Appends the AAD. The count and lengths of free parts were checked by the caller.
    pub(crate) fn write(&self, header: &Header, out: &mut Vec<u8>) {
        match self {
            Self::Column(column, row) => {
                out.extend_from_slice(header.column_aad());
                out.extend_from_slice(column.bound());
                out.extend_from_slice(row.as_bytes());
            }
            Self::Value(parts) => {
                lp_into(out, VALUE);
                out.extend_from_slice(header.as_bytes());
                out.push(parts.len().to_le_bytes()[0]);
                for part in *parts {
                    lp_into(out, part);
                }
            }
        }
    }

    /// Calls `then` with the AAD, built in a buffer that each thread keeps.
    pub(crate) fn with_aad<T>(&self, header: &Header, then: impl FnOnce(&[u8]) -> T) -> T {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        BUFFER.with_borrow_mut(|buffer| {
            buffer.clear();
            self.write(header, buffer);
            let result = then(buffer);
            // A row key of megabytes must not stay allocated in every thread.
            buffer.shrink_to(KEPT_BYTES);
            result
        })
    }
}

/// How much of the buffer outlives a call: enough for every usual row key.
const KEPT_BYTES: usize = 4_096;

/// Appends lp(x): the length of x as u32 big-endian, then x.
///
/// # Panics
/// When x is 4 GiB or longer; every caller has checked that it is not.
pub(crate) fn lp_into(out: &mut Vec<u8>, x: &[u8]) {
    let length = u32::try_from(x.len()).expect("checked by the caller: shorter than 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(x);
}

/// Whether free parts can be bound: 1 to 255 of them, each shorter than 4 GiB.
pub(crate) fn parts_fit(parts: &[&[u8]]) -> bool {
    (1..=255).contains(&parts.len()) && parts.iter().all(|p| u32::try_from(p.len()).is_ok())
}

#[cfg(test)]
mod tests {
    use fieldseal_model::{RowKey, Value};
    use proptest::prelude::*;

    use super::Binding;
    use crate::layout::Header;
    use crate::{ColumnId, ColumnRef, KeyId, TableId};

    fn aad(binding: &Binding<'_>, header: &Header) -> Vec<u8> {
        let mut out = Vec::new();
        binding.write(header, &mut out);
        out
    }

    #[test]
    fn the_anchor_aad() {
        let id = "61ecdcbdd96911ab0a2b7f1ba2bca0f8".parse().unwrap();
        let column = column("shop.customers", "email");
        let row = RowKey::new([&Value::integer("42").unwrap()]).unwrap();
        let bytes = aad(&Binding::Column(&column, &row), &Header::new(false, id));
        assert_eq!(
            hex::encode(bytes),
            "000000126669656c647365616c2f3120636f6c756d6e0161ecdcbdd96911ab0a2b7f1ba2bca0f8\
             0000000e73686f702e637573746f6d65727300000005656d61696c0169000000023432"
        );
    }

    fn column(table: &str, column: &str) -> ColumnRef {
        ColumnRef::new(TableId::new(table).unwrap(), ColumnId::new(column).unwrap())
    }

    /// One place a value can be sealed for.
    #[derive(Clone, Debug, PartialEq)]
    enum Place {
        Column(String, String, Vec<Key>),
        Value(Vec<Vec<u8>>),
    }

    #[derive(Clone, Debug, PartialEq)]
    enum Key {
        Text(String),
        Bytes(Vec<u8>),
        Integer(i16),
    }

    impl Place {
        fn aad(&self, header: &Header) -> Vec<u8> {
            match self {
                Self::Column(table, name, row) => {
                    let values: Vec<Value> = row
                        .iter()
                        .map(|key| match key {
                            Key::Text(text) => Value::text(text),
                            Key::Bytes(bytes) => Value::bytes(bytes.clone()),
                            Key::Integer(i) => Value::integer(&i.to_string()).unwrap(),
                        })
                        .collect();
                    let row = RowKey::new(&values).unwrap();
                    aad(&Binding::Column(&column(table, name), &row), header)
                }
                Self::Value(parts) => {
                    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                    aad(&Binding::Value(&parts), header)
                }
            }
        }
    }

    /// Few letters and short texts, so that shifted borders between parts are common.
    fn place() -> impl Strategy<Value = Place> {
        let key = prop_oneof![
            "[ab\0]{0,3}".prop_map(Key::Text),
            prop::collection::vec(0_u8..3, 0..4).prop_map(Key::Bytes),
            (-2_i16..120).prop_map(Key::Integer),
        ];
        let row = prop::collection::vec(key, 0..4);
        let part = prop::collection::vec(0_u8..3, 0..4);
        prop_oneof![
            ("[ab\0]{1,3}", "[ab\0]{1,3}", row).prop_map(|(t, c, r)| Place::Column(t, c, r)),
            prop::collection::vec(part, 1..4).prop_map(Place::Value),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn two_contexts_never_have_one_aad(
            (one, other) in (place(), place()),
            (padded, also_padded) in (any::<bool>(), any::<bool>()),
            (id, other_id) in (0_u8..2, 0_u8..2),
        ) {
            let header = Header::new(padded, KeyId::from_bytes([id; 16]));
            let other_header = Header::new(also_padded, KeyId::from_bytes([other_id; 16]));
            let same = one == other && padded == also_padded && id == other_id;
            prop_assert_eq!(one.aad(&header) == other.aad(&other_header), same);
        }
    }
}
