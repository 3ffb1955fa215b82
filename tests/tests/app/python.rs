//! What the crate sealed, opened by the independent reader in Python: columns, blind indexes and
//! free values become vector files (`docs/FORMAT.md`, section 8), which that reader judges.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fieldseal::Vault;
use fieldseal_envelope::Purpose;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{DEPLOYMENT, hex};

use crate::known;
use crate::shop::{self, Person};

/// The length of their context's names in every byte of a data key.
fn bytes(domain: &str, purpose: Purpose) -> [u8; 32] {
    let byte = domain.len() * 10 + purpose.as_str().len();
    [u8::try_from(byte).unwrap(); 32]
}

/// A vector file's lines that all have in common.
fn begun(what: &str, domain: &str, purpose: Purpose) -> String {
    format!(
        "fieldseal vector: 1\nabout: Made by the crate that applications link.\nmade by: rust\n\
         do: {what}\nexpect: ok\ndata key: {}\ndomain: {domain}\npurpose: {purpose}\n",
        hex(&bytes(domain, purpose))
    )
}

fn column(domain: &str, column: &str, kind: char, canonical: &[u8], sealed: &[u8]) -> String {
    let mut text = begun("open column", domain, Purpose::Seal);
    let _ = write!(
        text,
        "table: shop.people\ncolumn: {column}\nrow key: i {}\nkind: {kind}\nplaintext: {}\n\
         sealed: {}\n",
        hex(b"4"),
        hex(canonical),
        hex(sealed)
    );
    text
}

#[tokio::test]
async fn the_independent_reader_opens_what_was_sealed() {
    let provider = known::provider(bytes);
    let rig = shop::rig_with(Server::Sqlite, Some(Arc::clone(&provider))).await;
    let vault = Vault::start(DEPLOYMENT).provider(provider);
    let vault = vault.open_over(Arc::clone(&rig.keys)).await.unwrap();
    let person = Person {
        age: Some(36),
        ..Person::numbered(4)
    };
    let row = vault.seal(&person).await.unwrap();
    let free = vault
        .seal_value("contact", &[b"cache", b"4"], b"likes tea")
        .await
        .unwrap();

    let email = b"person4@example.org";
    let mut index = begun("index", "contact", Purpose::Index);
    let _ = write!(
        index,
        "table: shop.people\ncolumn: email\nindex name: exact\n\
         definition: t|trim/1|nfkc_casefold/1\nbytes: 16\nkind: t\nplaintext: {}\nindex: {}\n",
        hex(email),
        hex(row.email_bidx.stored().unwrap())
    );
    let mut value = begun("open value", "contact", Purpose::Value);
    let _ = write!(
        value,
        "part: {}\npart: {}\nkind: b\nplaintext: {}\nsealed: {}\n",
        hex(b"cache"),
        hex(b"4"),
        hex(b"likes tea"),
        hex(&free)
    );
    let sealed = |cell: Option<&[u8]>| cell.unwrap().to_vec();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        (
            "email",
            column("contact", "email", 't', email, &sealed(row.email.sealed())),
        ),
        (
            "note",
            column(
                "contact",
                "note",
                't',
                b"likes tea",
                &sealed(row.note.sealed()),
            ),
        ),
        (
            "age",
            column("identity", "age", 'i', b"36", &sealed(row.age.sealed())),
        ),
        ("index", index),
        ("value", value),
    ] {
        std::fs::write(folder.path().join(format!("{name}.txt")), text).unwrap();
    }
    judged(folder.path(), 5);
    rig.end().await;
}

/// Has the reader judge every vector of a folder.
fn judged(folder: &Path, vectors: usize) {
    let python = std::env::var_os("FIELDSEAL_TEST_PYTHON")
        .expect("FIELDSEAL_TEST_PYTHON is set by `cargo xtask test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/check_vectors.py");
    let output = Command::new(python)
        .arg(script)
        .arg(folder)
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains(&format!("{vectors} ok")), "{said}");
}
