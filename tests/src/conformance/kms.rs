//! What is asked of whoever plays KMS: data keys, contexts, names of keys, states, dry runs.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;

use super::Capabilities;
use crate::aws::{OTHERS, reach};

/// Everything that the peer can do.
///
/// # Panics
/// Where the peer does not do as AWS's pages say.
pub async fn kms(endpoint: &str, can: Capabilities) {
    let client = Client::new(&reach(endpoint, OTHERS).await);
    data_keys(&client).await;
    contexts(&client, can).await;
    names(&client).await;
    re_encryption(&client).await;
    if can.key_states {
        states(&client).await;
    }
    if can.dry_run {
        dry_runs(&client).await;
    }
    if can.multi_region {
        multi_region(&client).await;
    }
}

/// Gives its ARN.
async fn create(client: &Client) -> String {
    let created = client.create_key().send().await.expect("a key can be made");
    let metadata = created.key_metadata().expect("what was made");
    metadata.arn().expect("its ARN").to_owned()
}

async fn encrypt(client: &Client, key: &str, context: (&str, &str)) -> Blob {
    let encrypt = client.encrypt().key_id(key).plaintext(Blob::new(*b"plain"));
    let encrypt = encrypt
        .encryption_context(context.0, context.1)
        .send()
        .await;
    encrypt
        .expect("it is encrypted")
        .ciphertext_blob()
        .expect("a blob")
        .clone()
}

/// The plaintext, or the error's code.
async fn decrypt(
    client: &Client,
    blob: &Blob,
    context: (&str, &str),
    key: Option<&str>,
) -> Result<Vec<u8>, String> {
    let decrypt = client.decrypt().ciphertext_blob(blob.clone());
    let decrypt = decrypt.encryption_context(context.0, context.1);
    match decrypt.set_key_id(key.map(str::to_owned)).send().await {
        Ok(opened) => Ok(opened.plaintext().expect("a plaintext").as_ref().to_vec()),
        Err(error) => Err(error.code().unwrap_or("no code").to_owned()),
    }
}

/// `API_GenerateDataKey`: as many bytes as asked for, and a blob that gives them again.
async fn data_keys(client: &Client) {
    let key = create(client).await;
    let generate = || {
        client
            .generate_data_key()
            .key_id(&key)
            .encryption_context("a", "b")
    };
    let one = generate()
        .key_spec(DataKeySpec::Aes256)
        .send()
        .await
        .expect("a data key");
    let other = generate()
        .number_of_bytes(64)
        .send()
        .await
        .expect("a data key");
    assert_eq!(one.key_id(), Some(key.as_str()));
    for (made, length) in [(&one, 32), (&other, 64)] {
        let plaintext = made.plaintext().expect("a plaintext").as_ref();
        assert_eq!(plaintext.len(), length);
        let blob = made.ciphertext_blob().expect("a blob");
        let opened = decrypt(client, blob, ("a", "b"), None).await;
        assert_eq!(opened.as_deref(), Ok(plaintext));
    }
    assert_ne!(one.ciphertext_blob(), other.ciphertext_blob());
}

/// `API_Decrypt`: the context must be the same, the blob unchanged, the key the right one.
async fn contexts(client: &Client, can: Capabilities) {
    let key = create(client).await;
    let blob = encrypt(client, &key, ("fieldseal:domain", "one")).await;
    let right = ("fieldseal:domain", "one");
    assert_eq!(
        decrypt(client, &blob, right, Some(&key)).await.as_deref(),
        Ok(&b"plain"[..])
    );
    let invalid = Err("InvalidCiphertextException".to_owned());
    for wrong in [("fieldseal:domain", "two"), ("fieldseal:domains", "one")] {
        assert_eq!(
            decrypt(client, &blob, wrong, None).await,
            invalid,
            "{wrong:?}"
        );
    }
    let none = client.decrypt().ciphertext_blob(blob.clone()).send().await;
    let code = none.expect_err("the context is missing");
    assert_eq!(code.code(), Some("InvalidCiphertextException"));
    let mut changed = blob.as_ref().to_vec();
    *changed.last_mut().expect("a blob has bytes") ^= 1;
    assert_eq!(
        decrypt(client, &Blob::new(changed), right, None).await,
        invalid
    );
    if can.incorrect_key {
        let other = create(client).await;
        let incorrect = Err("IncorrectKeyException".to_owned());
        assert_eq!(decrypt(client, &blob, right, Some(&other)).await, incorrect);
    }
}

/// `API_DescribeKey`: a key answers to its id, its ARN and its aliases; answers name its ARN.
async fn names(client: &Client) {
    let key = create(client).await;
    let id = key.rsplit('/').next().expect("an ARN ends with the id");
    let alias = format!("alias/conformance-{id}");
    let aliased = client
        .create_alias()
        .alias_name(&alias)
        .target_key_id(id)
        .send()
        .await;
    aliased.expect("an alias can be made");
    let arn_of_alias = key.replace(&format!("key/{id}"), &alias);
    for name in [id, &key, &alias, &arn_of_alias] {
        let described = client
            .describe_key()
            .key_id(name)
            .send()
            .await
            .expect("it is there");
        let metadata = described.key_metadata().expect("metadata");
        assert_eq!(metadata.arn(), Some(key.as_str()), "{name}");
        assert!(metadata.enabled());
    }
    for absent in ["alias/absent", "00000000-0000-0000-0000-000000000000"] {
        let described = client.describe_key().key_id(absent).send().await;
        let code = described.expect_err("it is not there");
        assert_eq!(code.code(), Some("NotFoundException"), "{absent}");
    }
}

/// `API_ReEncrypt`: from one key and context to another.
async fn re_encryption(client: &Client) {
    let (from, to) = (create(client).await, create(client).await);
    let blob = encrypt(client, &from, ("a", "b")).await;
    let moved = client
        .re_encrypt()
        .ciphertext_blob(blob)
        .source_encryption_context("a", "b");
    let moved = moved
        .destination_key_id(&to)
        .destination_encryption_context("c", "d");
    let moved = moved.send().await.expect("it is moved");
    assert_eq!(moved.key_id(), Some(to.as_str()));
    let blob = moved.ciphertext_blob().expect("a blob");
    assert_eq!(
        decrypt(client, blob, ("c", "d"), None).await.as_deref(),
        Ok(&b"plain"[..])
    );
    assert!(decrypt(client, blob, ("a", "b"), None).await.is_err());
}

/// Developer Guide, "Key states of AWS KMS keys".
async fn states(client: &Client) {
    let key = create(client).await;
    let blob = encrypt(client, &key, ("a", "b")).await;
    client
        .disable_key()
        .key_id(&key)
        .send()
        .await
        .expect("it is disabled");
    let disabled = Err("DisabledException".to_owned());
    assert_eq!(decrypt(client, &blob, ("a", "b"), None).await, disabled);
    client
        .enable_key()
        .key_id(&key)
        .send()
        .await
        .expect("it is enabled");
    assert!(decrypt(client, &blob, ("a", "b"), None).await.is_ok());
    client
        .schedule_key_deletion()
        .key_id(&key)
        .send()
        .await
        .expect("it is scheduled");
    let pending = Err("KMSInvalidStateException".to_owned());
    assert_eq!(decrypt(client, &blob, ("a", "b"), None).await, pending);
    let described = client
        .describe_key()
        .key_id(&key)
        .send()
        .await
        .expect("it is still there");
    let metadata = described.key_metadata().expect("metadata");
    assert!(!metadata.enabled() && metadata.deletion_date().is_some());
}

/// Developer Guide, "Testing your permissions".
async fn dry_runs(client: &Client) {
    let key = create(client).await;
    let blob = encrypt(client, &key, ("a", "b")).await;
    let generate = client
        .generate_data_key()
        .key_id(&key)
        .key_spec(DataKeySpec::Aes256);
    let told = generate
        .dry_run(true)
        .send()
        .await
        .expect_err("a dry run ends in an error");
    assert_eq!(told.code(), Some("DryRunOperationException"));
    let encrypt = client
        .encrypt()
        .key_id(&key)
        .plaintext(Blob::new(*b"plain"));
    let told = encrypt
        .dry_run(true)
        .send()
        .await
        .expect_err("a dry run ends in an error");
    assert_eq!(told.code(), Some("DryRunOperationException"));
    let decrypt = client
        .decrypt()
        .ciphertext_blob(blob.clone())
        .encryption_context("a", "b");
    let told = decrypt
        .dry_run(true)
        .send()
        .await
        .expect_err("a dry run ends in an error");
    assert_eq!(told.code(), Some("DryRunOperationException"));
    let moved = client
        .re_encrypt()
        .ciphertext_blob(blob)
        .source_encryption_context("a", "b");
    let moved = moved.destination_key_id(&key).dry_run(true).send().await;
    let told = moved.expect_err("a dry run ends in an error");
    assert_eq!(told.code(), Some("DryRunOperationException"));
}

/// `API_CreateKey`, `MultiRegion`: its id begins with `mrk-`, and what it encrypts it decrypts.
async fn multi_region(client: &Client) {
    let created = client
        .create_key()
        .multi_region(true)
        .send()
        .await
        .expect("a key can be made");
    let metadata = created.key_metadata().expect("what was made");
    assert!(
        metadata.key_id().starts_with("mrk-"),
        "{}",
        metadata.key_id()
    );
    let blob = encrypt(client, metadata.key_id(), ("a", "b")).await;
    assert!(decrypt(client, &blob, ("a", "b"), None).await.is_ok());
}
