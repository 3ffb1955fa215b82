//! The cryptographic operations: `GenerateDataKey`, `Encrypt`, `Decrypt`, `ReEncrypt`, and `DryRun` on
//! each (Developer Guide, "Testing your permissions").
//!
//! Which errors there are is on each operation's page (`API_Decrypt`, "Errors"); which comes first when
//! several apply is on none: here the request's form, the key, its policy, its state, then the ciphertext.
//! That order is the double's own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Regional;
use super::blob::{self, Blob};
use super::directory::Directory;
use super::key::{Context, Key, denied};
use crate::wire::Failure;

/// `API_Encrypt`: up to 4096 bytes. `API_Decrypt`: blobs of up to 6144.
const MAX_PLAINTEXT: usize = 4096;
const MAX_BLOB: usize = 6144;
/// `API_GenerateDataKey`: `NumberOfBytes` up to 1024.
const MAX_DATA_KEY: usize = 1024;
const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateDataKey {
    key_id: String,
    #[serde(default)]
    encryption_context: Context,
    key_spec: Option<String>,
    number_of_bytes: Option<usize>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Encrypt {
    key_id: String,
    plaintext: String,
    #[serde(default)]
    encryption_context: Context,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decrypt {
    ciphertext_blob: Option<String>,
    key_id: Option<String>,
    #[serde(default)]
    encryption_context: Context,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
    #[serde(default)]
    dry_run_modifiers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReEncrypt {
    ciphertext_blob: String,
    source_key_id: Option<String>,
    #[serde(default)]
    source_encryption_context: Context,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: Context,
    source_encryption_algorithm: Option<String>,
    destination_encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

impl Regional {
    pub(super) fn generate_data_key(
        &self,
        who: &str,
        input: &GenerateDataKey,
    ) -> Result<Value, Failure> {
        let length = match (input.key_spec.as_deref(), input.number_of_bytes) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(length)) if (1..=MAX_DATA_KEY).contains(&length) => length,
            _ => {
                return Err(validation(
                    "exactly one of KeySpec and NumberOfBytes is expected",
                ));
            }
        };
        let directory = self.directory();
        let key = directory.find(&input.key_id, &self.region, self.now())?;
        let context = &input.encryption_context;
        key.authorize(who, "GenerateDataKey", Some(context))?;
        key.usable()?;
        permitted(input.dry_run)?;
        let mut plaintext = vec![0; length];
        let filled = SystemRandom::new().fill(&mut plaintext);
        filled.expect("the machine has a generator of random bytes");
        Ok(json!({
            "CiphertextBlob": STANDARD.encode(blob::seal(key, context, &plaintext)),
            "Plaintext": STANDARD.encode(&plaintext),
            "KeyId": key.arn(),
        }))
    }

    pub(super) fn encrypt(&self, who: &str, input: &Encrypt) -> Result<Value, Failure> {
        algorithm(input.encryption_algorithm.as_deref())?;
        let plaintext = bytes("plaintext", &input.plaintext, MAX_PLAINTEXT)?;
        let directory = self.directory();
        let key = directory.find(&input.key_id, &self.region, self.now())?;
        let context = &input.encryption_context;
        key.authorize(who, "Encrypt", Some(context))?;
        key.usable()?;
        permitted(input.dry_run)?;
        Ok(json!({
            "CiphertextBlob": STANDARD.encode(blob::seal(key, context, &plaintext)),
            "KeyId": key.arn(),
            "EncryptionAlgorithm": ALGORITHM,
        }))
    }

    pub(super) fn decrypt(&self, who: &str, input: &Decrypt) -> Result<Value, Failure> {
        algorithm(input.encryption_algorithm.as_deref())?;
        let context = &input.encryption_context;
        let directory = self.directory();
        let ignore = input
            .dry_run_modifiers
            .iter()
            .any(|modifier| modifier == "IGNORE_CIPHERTEXT");
        if input.dry_run == Some(true) && ignore {
            return self.may_decrypt(&directory, who, input);
        }
        let blob = input.ciphertext_blob.as_deref();
        let blob = blob.ok_or_else(|| validation("CiphertextBlob is expected"))?;
        let blob = bytes("ciphertextBlob", blob, MAX_BLOB)?;
        let source = Source {
            blob: &blob,
            key: input.key_id.as_deref(),
            context,
            action: "Decrypt",
        };
        let (key, plaintext) = self.open(&directory, who, &source)?;
        permitted(input.dry_run)?;
        Ok(json!({
            "Plaintext": STANDARD.encode(plaintext),
            "KeyId": key.arn(),
            "EncryptionAlgorithm": ALGORITHM,
        }))
    }

    /// `API_Decrypt`, `DryRunModifiers`: with `IGNORE_CIPHERTEXT` only the permission is looked at.
    fn may_decrypt(
        &self,
        directory: &Directory,
        who: &str,
        input: &Decrypt,
    ) -> Result<Value, Failure> {
        let key = input.key_id.as_deref();
        let key = key.ok_or_else(|| validation("KeyId is expected with IGNORE_CIPHERTEXT"))?;
        let key = directory.find(key, &self.region, self.now())?;
        key.authorize(who, "Decrypt", Some(&input.encryption_context))?;
        key.usable()?;
        Err(dry_run())
    }

    pub(super) fn re_encrypt(&self, who: &str, input: &ReEncrypt) -> Result<Value, Failure> {
        algorithm(input.source_encryption_algorithm.as_deref())?;
        algorithm(input.destination_encryption_algorithm.as_deref())?;
        let blob = bytes("ciphertextBlob", &input.ciphertext_blob, MAX_BLOB)?;
        let directory = self.directory();
        let target = directory.find(&input.destination_key_id, &self.region, self.now())?;
        let source = Source {
            blob: &blob,
            key: input.source_key_id.as_deref(),
            context: &input.source_encryption_context,
            action: "ReEncryptFrom",
        };
        let (key, plaintext) = self.open(&directory, who, &source)?;
        let context = &input.destination_encryption_context;
        target.authorize(who, "ReEncryptTo", Some(context))?;
        target.usable()?;
        permitted(input.dry_run)?;
        Ok(json!({
            "CiphertextBlob": STANDARD.encode(blob::seal(target, context, &plaintext)),
            "SourceKeyId": key.arn(),
            "KeyId": target.arn(),
            "SourceEncryptionAlgorithm": ALGORITHM,
            "DestinationEncryptionAlgorithm": ALGORITHM,
        }))
    }

    /// The key that made the blob, and what is inside.
    fn open<'a>(
        &self,
        directory: &'a Directory,
        who: &str,
        source: &Source<'_>,
    ) -> Result<(&'a Key, Vec<u8>), Failure> {
        let now = self.now();
        let invalid = || {
            Failure::new(
                "InvalidCiphertextException",
                "the ciphertext or its context is invalid",
            )
        };
        let named = source
            .key
            .map(|said| directory.find(said, &self.region, now))
            .transpose()?;
        let blob = Blob::parse(source.blob).ok_or_else(invalid)?;
        if named.is_some_and(|named| named.id != blob.key_id) {
            let what = "The key ID in the request does not identify a CMK that can perform this operation.";
            return Err(Failure::new("IncorrectKeyException", what));
        }
        // As reports quote it (aws/aws-encryption-sdk-javascript issue 1005).
        let key = directory.by_id(blob.key_id, &self.region, now).ok_or_else(|| {
            denied(
                "The ciphertext refers to a customer master key that does not exist, does not exist in this \
                 region, or you are not allowed to access.",
            )
        })?;
        key.authorize(who, source.action, Some(source.context))?;
        key.usable()?;
        let plaintext = blob.open(key, source.context).ok_or_else(invalid)?;
        Ok((key, plaintext))
    }
}

/// What is to be decrypted, and how.
struct Source<'a> {
    blob: &'a [u8],
    key: Option<&'a str>,
    context: &'a Context,
    action: &'a str,
}

fn bytes(name: &str, text: &str, most: usize) -> Result<Vec<u8>, Failure> {
    let decoded = STANDARD.decode(text);
    let decoded =
        decoded.map_err(|_| Failure::new("SerializationException", "it is not base64"))?;
    if (1..=most).contains(&decoded.len()) {
        Ok(decoded)
    } else {
        let what = format!("Value at '{name}' failed to satisfy constraint: 1 to {most} bytes");
        Err(validation(&what))
    }
}

fn algorithm(named: Option<&str>) -> Result<(), Failure> {
    if named.is_none_or(|name| name == ALGORITHM) {
        Ok(())
    } else {
        let what = "a symmetric key has the algorithm SYMMETRIC_DEFAULT";
        Err(Failure::new("InvalidKeyUsageException", what))
    }
}

fn permitted(asked_only: Option<bool>) -> Result<(), Failure> {
    if asked_only == Some(true) {
        Err(dry_run())
    } else {
        Ok(())
    }
}

/// HTTP 412 (each operation's page).
fn dry_run() -> Failure {
    let what = "The request would have succeeded, but the DryRun option is set.";
    Failure::new("DryRunOperationException", what).with_status(StatusCode::PRECONDITION_FAILED)
}

fn validation(what: &str) -> Failure {
    Failure::new("ValidationException", what)
}
