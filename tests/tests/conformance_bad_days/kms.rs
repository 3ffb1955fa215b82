//! KMS: who may do what with a key, its states, regions, and its quota.

use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use fieldseal_doubles::{KeyState, KmsDouble, KmsSettings};

use crate::{HERE, ME, THERE, code, config};

fn kms(regions: &[&str]) -> KmsDouble {
    let regions = regions.iter().map(|&region| region.to_owned()).collect();
    let settings = KmsSettings {
        regions,
        ..KmsSettings::default()
    };
    KmsDouble::start(settings).expect("a port")
}

async fn kms_client(double: &KmsDouble, region: &str, who: &str) -> Client {
    Client::new(&config(&double.endpoint(region), region, who).await)
}

async fn encrypt(client: &Client, key: &str) -> Result<Blob, Option<String>> {
    let encrypt = client.encrypt().key_id(key).plaintext(Blob::new(*b"plain"));
    match encrypt.encryption_context("domain", "one").send().await {
        Ok(done) => Ok(done.ciphertext_blob().expect("a blob").clone()),
        Err(error) => Err(error.code().map(str::to_owned)),
    }
}

async fn decrypt(client: &Client, blob: &Blob) -> Result<Vec<u8>, Option<String>> {
    let decrypt = client.decrypt().ciphertext_blob(blob.clone());
    match decrypt.encryption_context("domain", "one").send().await {
        Ok(done) => Ok(done.plaintext().expect("a plaintext").as_ref().to_vec()),
        Err(error) => Err(error.code().map(str::to_owned)),
    }
}

#[tokio::test]
async fn a_key_serves_whom_and_what_its_policy_names() {
    let double = kms(&[HERE]);
    let key = double.create_key(HERE);
    let (me, other) = (
        kms_client(&double, HERE, ME).await,
        kms_client(&double, HERE, "AKIAOTHER").await,
    );
    let blob = encrypt(&other, &key).await.unwrap();
    double.allow_principals(&key, &[ME]);
    assert_eq!(decrypt(&other, &blob).await, code("AccessDeniedException"));
    assert!(decrypt(&me, &blob).await.is_ok());
    double.require_context(&key, &[("domain", "two")]);
    assert_eq!(decrypt(&me, &blob).await, code("AccessDeniedException"));
    double.require_context(&key, &[("domain", "one")]);
    assert!(decrypt(&me, &blob).await.is_ok());
}

#[tokio::test]
async fn every_state_has_its_error_and_a_deleted_key_is_gone() {
    let double = kms(&[HERE]);
    let key = double.create_key(HERE);
    let client = kms_client(&double, HERE, ME).await;
    let blob = encrypt(&client, &key).await.unwrap();
    for (state, name) in [
        (KeyState::Disabled, "DisabledException"),
        (KeyState::PendingImport, "KMSInvalidStateException"),
        (KeyState::Unavailable, "KMSInvalidStateException"),
        (KeyState::PendingDeletion, "KMSInvalidStateException"),
    ] {
        double.set_state(&key, state);
        assert_eq!(decrypt(&client, &blob).await, code(name), "{state:?}");
    }
    double
        .clock()
        .advance(Duration::from_secs(30 * 24 * 3600 + 1));
    assert_eq!(encrypt(&client, &key).await, code("NotFoundException"));
    assert_eq!(decrypt(&client, &blob).await, code("AccessDeniedException"));
}

#[tokio::test]
async fn only_multi_region_keys_open_in_another_region() {
    let double = kms(&[HERE, THERE]);
    let (here, there) = (
        kms_client(&double, HERE, ME).await,
        kms_client(&double, THERE, ME).await,
    );
    let single = double.create_key(HERE);
    let blob = encrypt(&here, &single).await.unwrap();
    assert_eq!(decrypt(&there, &blob).await, code("AccessDeniedException"));
    assert_eq!(encrypt(&there, &single).await, code("NotFoundException"));
    let everywhere = double.create_multi_region_key(&[HERE, THERE]);
    let blob = encrypt(&here, &everywhere[0]).await.unwrap();
    assert_eq!(decrypt(&there, &blob).await.as_deref(), Ok(&b"plain"[..]));
    double.set_reachable(HERE, false);
    assert_eq!(decrypt(&here, &blob).await, Err(None));
    assert!(
        decrypt(&there, &blob).await.is_ok(),
        "the other region stays"
    );
    double.set_reachable(HERE, true);
    assert!(decrypt(&here, &blob).await.is_ok());
}

#[tokio::test]
async fn a_quota_is_a_quota() {
    let settings = KmsSettings {
        requests_per_second: Some(2),
        ..KmsSettings::default()
    };
    let double = KmsDouble::start(settings).unwrap();
    double.clock().hold();
    let key = double.create_key(HERE);
    let client = kms_client(&double, HERE, ME).await;
    assert!(encrypt(&client, &key).await.is_ok());
    assert!(encrypt(&client, &key).await.is_ok());
    assert_eq!(encrypt(&client, &key).await, code("ThrottlingException"));
    double.clock().advance(Duration::from_secs(1));
    assert!(encrypt(&client, &key).await.is_ok());
}
