//! The primitive itself against published cases (`tests/gcm/cases.txt` names the sources).

#![allow(clippy::unwrap_used, reason = "a panic in a test is its failure")]

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key};

struct Case<'a> {
    name: String,
    key: Vec<u8>,
    nonce: Vec<u8>,
    aad: Vec<u8>,
    plaintext: Option<Vec<u8>>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
    result: &'a str,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let bytes = |word: &str| match word {
        "-" => Vec::new(),
        hex => hex::decode(hex).unwrap(),
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words.len(), 9, "{line}");
            Case {
                name: words[..2].join(" "),
                key: bytes(words[2]),
                nonce: bytes(words[3]),
                aad: bytes(words[4]),
                plaintext: (words[5] != "?").then(|| bytes(words[5])),
                ciphertext: bytes(words[6]),
                tag: bytes(words[7]),
                result: words[8],
            }
        })
        .collect()
}

#[test]
fn nist_and_wycheproof() {
    let cases = cases(include_str!("gcm/cases.txt"));
    let (mut passed, mut failed) = (0, 0);
    for case in &cases {
        let name = &case.name;
        let cipher = Aes256Gcm::new(<&Key<Aes256Gcm>>::try_from(case.key.as_slice()).unwrap());
        let nonce: [u8; 12] = case.nonce.as_slice().try_into().unwrap();
        let tag: [u8; 16] = case.tag.as_slice().try_into().unwrap();
        let mut buffer = case.ciphertext.clone();
        let (nonce, tag) = ((&nonce).into(), (&tag).into());
        let opened =
            cipher.decrypt_inout_detached(nonce, &case.aad, buffer.as_mut_slice().into(), tag);
        if case.result == "fail" {
            assert!(opened.is_err(), "{name}");
            assert_eq!(
                buffer, case.ciphertext,
                "{name}: nothing is decrypted before the tag fits"
            );
            failed += 1;
            continue;
        }
        assert!(opened.is_ok(), "{name}");
        assert_eq!(Some(&buffer), case.plaintext.as_ref(), "{name}");
        let made = cipher
            .encrypt_inout_detached(nonce, &case.aad, buffer.as_mut_slice().into())
            .unwrap();
        assert_eq!((&buffer, &made), (&case.ciphertext, tag), "{name}");
        passed += 1;
    }
    // What the file holds; a file cut short must not pass.
    assert_eq!((passed, failed), (96, 52));
}
