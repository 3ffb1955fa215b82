//! Values and row keys of every form.

use fieldseal_model::{Kind, RowKey, Value};
use sha2::{Digest, Sha256};

use super::DOES_NOT_OPEN;
use super::columns::{column, row_42};
use super::draft::Draft;

pub(super) fn values() -> Vec<Draft> {
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

pub(super) fn row_keys() -> Vec<Draft> {
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
    let mut uuid = hex::decode("33b520568384471a9e8c74b9cc7b01").expect("hex");
    uuid.push(0);
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
        sealed(
            "key-uuid-short",
            "A UUID key in BINARY(16) as the binlog strips it.",
            99,
            &[Value::from_canonical(Kind::Uuid, uuid).expect("a UUID")],
            &["arrived u width=16 33b520568384471a9e8c74b9cc7b01"],
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
