//! What the crate makes of a vector, in the words of its `expect` line.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key};
use fieldseal_envelope::{
    ColumnId, ColumnRef, DataKey, Definition, Domain, Expected, IndexError, IndexKey, IndexLength,
    OpenError, Purpose, RootKey, SealingKey, TableId, UnwrapError, WrapContext, sealed_key_id,
};
use fieldseal_model::{Kind, Value};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};

use super::file::VectorFile;

pub(crate) fn outcome(vector: &VectorFile<'_>) -> &'static str {
    match vector.get("do") {
        "open column" => open(vector, open_column),
        "open value" => open(vector, open_value),
        "index" => index(vector),
        "unwrap" => unwrap(vector),
        other => panic!("cannot do `{other}`"),
    }
}

type Opened = Result<(Kind, Vec<u8>), OpenError>;

fn open(
    vector: &VectorFile<'_>,
    open: fn(&VectorFile<'_>, &SealingKey, &[u8]) -> Opened,
) -> &'static str {
    let sealed = sealed(vector);
    let data_key = DataKey::from_bytes(vector.array("data key"));
    let key = SealingKey::derive(&data_key, &domain(vector), purpose(vector));
    let key = key.unwrap_or_else(|error| panic!("{error}"));
    let result = open(vector, &key, &sealed);
    // Asking for the id alone tells the two classes apart in the same way.
    assert_eq!(
        sealed_key_id(&sealed) == Err(OpenError::NotSealed),
        result == Err(OpenError::NotSealed)
    );
    match result {
        Err(OpenError::NotSealed) => "not sealed",
        Err(OpenError::DoesNotOpen) => "does not open",
        Ok(_) if vector.find("plaintext").is_none() => "opened",
        Ok(found) if found == vector.plaintext() => "ok",
        Ok(_) => "another value",
    }
}

fn open_column(vector: &VectorFile<'_>, key: &SealingKey, sealed: &[u8]) -> Opened {
    let expected = Expected {
        kind: vector.kind(),
        seal_null: vector.find("seal null") == Some("yes"),
    };
    let value = key.open_column(&column(vector), &vector.row_key(), expected, sealed)?;
    Ok((value.kind(), value.expose().to_vec()))
}

fn open_value(vector: &VectorFile<'_>, key: &SealingKey, sealed: &[u8]) -> Opened {
    let parts = vector.parts();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let value = key.open_value(&parts, sealed)?;
    Ok((Kind::Bytes, value.expose().to_vec()))
}

fn index(vector: &VectorFile<'_>) -> &'static str {
    let mut names = vector.get("definition").split('|').skip(1);
    let normalisers = names.try_fold(Vec::new(), |mut all, name| {
        all.push(name.parse().ok()?);
        Some(all)
    });
    let definition = Definition::new(vector.kind(), normalisers.unwrap()).unwrap();
    assert_eq!(definition.to_string(), vector.get("definition"));
    let data_key = DataKey::from_bytes(vector.array("data key"));
    let name = vector.get("index name");
    let key = IndexKey::derive(
        &data_key,
        &domain(vector),
        &column(vector),
        name,
        &definition,
    );
    let (kind, bytes) = vector.plaintext();
    let value = Value::from_canonical(kind, bytes).unwrap();
    let length = IndexLength::new(vector.get("bytes").parse().unwrap()).unwrap();
    match key.compute(&value, length) {
        Err(IndexError::NoNormalForm(_)) => "no normal form",
        Err(IndexError::Kind) => "wrong kind",
        Ok(None) => "no index",
        Ok(Some(index)) => {
            assert!(key.verify(&value, length, Some(&index)).unwrap());
            if index == vector.bytes("index") {
                "ok"
            } else {
                "another index"
            }
        }
    }
}

fn unwrap(vector: &VectorFile<'_>) -> &'static str {
    let root = RootKey::from_bytes(vector.array("root key"));
    let context = WrapContext {
        deployment: vector.get("deployment").to_owned(),
        domain: domain(vector),
        purpose: purpose(vector),
    };
    match root.unwrap(&vector.bytes("wrapped"), &context) {
        Err(UnwrapError::NotAWrap) => "not a wrap",
        Err(UnwrapError::DoesNotUnwrap) => "does not unwrap",
        Ok(key) if *key.expose() == vector.array("data key") => "ok",
        Ok(_) => "another data key",
    }
}

fn domain(vector: &VectorFile<'_>) -> Domain {
    vector.get("domain").parse().unwrap()
}

fn purpose(vector: &VectorFile<'_>) -> Purpose {
    vector.get("purpose").parse().unwrap()
}

fn column(vector: &VectorFile<'_>) -> ColumnRef {
    ColumnRef::new(
        TableId::new(vector.get("table")).unwrap(),
        ColumnId::new(vector.get("column")).unwrap(),
    )
}

/// The sealed bytes: as they stand, or, where only their digest stands, made here.
fn sealed(vector: &VectorFile<'_>) -> Vec<u8> {
    let Some(digest) = vector.get("sealed").strip_prefix("sha-256 ") else {
        return vector.bytes("sealed");
    };
    let made = seal_by_hand(vector);
    assert_eq!(hex::encode(Sha256::digest(&made)), digest);
    made
}

/// An unpadded column's value sealed step by step with the libraries alone: the public API takes
/// no nonce, and this also checks the crate against a second writing-down of the format.
fn seal_by_hand(vector: &VectorFile<'_>) -> Vec<u8> {
    assert!(vector.find("pad").is_none());
    let lp = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [length.as_slice(), bytes].concat()
    };
    let ctx = [lp(vector.get("domain").as_bytes()), lp(b"seal")].concat();
    let derive = |label: &[u8], out: &mut [u8]| {
        let hkdf = Hkdf::<Sha256>::new(None, &vector.bytes("data key"));
        hkdf.expand(&[label, &ctx].concat(), out).unwrap();
    };
    let (mut key, mut id) = ([0; 32], [0; 16]);
    derive(b"fieldseal/1 key", &mut key);
    derive(b"fieldseal/1 id", &mut id);
    let header = [[1].as_slice(), &id].concat();
    let aad = [
        lp(b"fieldseal/1 column"),
        header.clone(),
        lp(vector.get("table").as_bytes()),
        lp(vector.get("column").as_bytes()),
        vector.row_key().as_bytes().to_vec(),
    ]
    .concat();
    let (kind, bytes) = vector.plaintext();
    let mut body = [[kind.code()].as_slice(), &bytes].concat();
    let nonce: [u8; 12] = vector.array("nonce");
    let tag = Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&key))
        .encrypt_inout_detached((&nonce).into(), &aad, body.as_mut_slice().into())
        .unwrap();
    [header, nonce.to_vec(), body, tag.to_vec()].concat()
}
