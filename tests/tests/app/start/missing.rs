//! What is not there when a service starts: each error says what, and what to do, and no secret.

use fieldseal::{PolicyFile, StartError, Vault};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::DEPLOYMENT;

use crate::shop;

/// What the error says, however it is printed; none of it is a secret.
fn says(error: &StartError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    for text in [text, format!("{error:?}")] {
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let rig = shop::rig(Server::Sqlite).await;
    let elsewhere = rig.database.path("elsewhere");
    let start = |root: &std::path::Path| Vault::start(DEPLOYMENT).root_key_file(root);

    let root = start(&elsewhere).open(&rig.database.url).await;
    let root = root.err().expect("there is no root key file");
    says(&root, &["elsewhere", "`fieldseal migrate` made"]);

    let url = format!("sqlite://{}?password=secret", elsewhere.display());
    let database = start(&rig.database.path("root.key")).open(&url).await;
    for database in [database, Vault::plaintext(&url).await] {
        let database = database.err().expect("there is no database");
        assert!(matches!(database, StartError::Database { .. }));
        says(&database, &["elsewhere", "the file must be there"]);
    }

    let policy = PolicyFile::read(&elsewhere).expect_err("there is no policy");
    says(&policy, &["elsewhere", "No such file", "a relative path"]);
    rig.end().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    // Nobody listens there, and nobody without rights may.
    let url = "postgres://app:secret@127.0.0.1:1/shop";
    let refused = Vault::plaintext(url).await.err().expect("nobody is there");
    says(
        &refused,
        &["postgres://127.0.0.1:1/shop", "the server runs"],
    );
}
