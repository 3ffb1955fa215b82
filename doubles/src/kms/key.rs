//! One key: its material, its state and who may use it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::wire::{Failure, random_bytes};

/// Developer Guide, "Key states of AWS KMS keys".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Usable.
    Enabled,
    /// `DisabledException`.
    Disabled,
    /// `KMSInvalidStateException`; when its 30 days are over by the clock, the key is gone.
    PendingDeletion,
    /// `KMSInvalidStateException`: its material was never imported.
    PendingImport,
    /// `KMSInvalidStateException`: its custom key store cannot be reached.
    Unavailable,
}

/// `API_ScheduleKeyDeletion`: 30 days unless said otherwise.
const WAIT_DAYS: u64 = 30;
const DAY: u64 = 86_400_000;

/// 256 bits of AES that nothing prints.
#[derive(Clone)]
pub(super) struct Material(pub(super) [u8; 32]);

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material(..)")
    }
}

/// Name and value pairs, in one order whatever order they came in.
pub(super) type Context = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) material: Material,
    pub(super) state: KeyState,
    /// When it goes, if it waits for that.
    pub(super) deleted_at: Option<u64>,
    pub(super) created: u64,
    /// The primary's region, for a multi-Region key.
    pub(super) primary: Option<String>,
    /// Who may use it; `None`: everybody.
    pub(super) principals: Option<BTreeSet<String>>,
    /// What every encryption context must hold.
    pub(super) context: Context,
}

impl Key {
    /// `API_CreateKey`: multi-Region keys have ids that begin with `mrk-`.
    pub(super) fn new(region: &str, account: &str, multi_region: bool, now: u64) -> Self {
        let random = format!("{:032x}", u128::from_be_bytes(random_bytes()));
        let id = if multi_region {
            format!("mrk-{random}")
        } else {
            let (a, b, c) = (&random[..8], &random[8..12], &random[12..16]);
            format!("{a}-{b}-{c}-{}-{}", &random[16..20], &random[20..])
        };
        Self {
            id,
            region: region.to_owned(),
            account: account.to_owned(),
            material: Material(random_bytes()),
            state: KeyState::Enabled,
            deleted_at: None,
            created: now,
            primary: multi_region.then(|| region.to_owned()),
            principals: None,
            context: Context::new(),
        }
    }

    pub(super) fn arn(&self) -> String {
        format!(
            "arn:aws:kms:{}:{}:key/{}",
            self.region, self.account, self.id
        )
    }

    pub(super) fn set_state(&mut self, state: KeyState, now: u64) {
        self.wait(state, now, WAIT_DAYS);
    }

    pub(super) fn wait(&mut self, state: KeyState, now: u64, days: u64) {
        self.state = state;
        let waits = state == KeyState::PendingDeletion;
        self.deleted_at = waits.then_some(now + days * DAY);
    }

    pub(super) fn exists(&self, now: u64) -> bool {
        self.deleted_at.is_none_or(|at| now < at)
    }

    /// The key policy (Developer Guide, "Key policies in AWS KMS"); the text follows the IAM User Guide,
    /// "Troubleshoot access denied error messages". That it is asked before the state is the double's own
    /// order: no page tells, and so who may not use a key does not learn how it is.
    pub(super) fn authorize(
        &self,
        who: &str,
        action: &str,
        context: Option<&Context>,
    ) -> Result<(), Failure> {
        let principal = self
            .principals
            .as_ref()
            .is_none_or(|allowed| allowed.contains(who));
        let mut required = self.context.iter();
        let context = context
            .is_none_or(|context| required.all(|(name, value)| context.get(name) == Some(value)));
        if principal && context {
            return Ok(());
        }
        let arn = self.arn();
        Err(denied(&format!(
            "the caller is not authorized to perform: kms:{action} on resource: {arn} because no \
             resource-based policy allows the kms:{action} action"
        )))
    }

    /// Whether its state allows cryptography (Developer Guide, "Key states of AWS KMS keys").
    pub(super) fn usable(&self) -> Result<(), Failure> {
        let arn = self.arn();
        let state = |what: &str| {
            Err(Failure::new(
                "KMSInvalidStateException",
                &format!("{arn} is {what}."),
            ))
        };
        match self.state {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(Failure::new(
                "DisabledException",
                &format!("{arn} is disabled."),
            )),
            KeyState::PendingDeletion => state("pending deletion"),
            KeyState::PendingImport => state("pending import"),
            KeyState::Unavailable => state("unavailable"),
        }
    }

    /// `API_KeyMetadata`
    pub(super) fn metadata(&self, replicas: &[&Key]) -> Value {
        let mut metadata = json!({
            "AWSAccountId": self.account,
            "KeyId": self.id,
            "Arn": self.arn(),
            "CreationDate": seconds(self.created),
            "Enabled": self.state == KeyState::Enabled,
            "Description": "",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": format!("{:?}", self.state),
            "Origin": if self.state == KeyState::PendingImport { "EXTERNAL" } else { "AWS_KMS" },
            "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "MultiRegion": self.primary.is_some(),
        });
        if let Some(at) = self.deleted_at {
            metadata["DeletionDate"] = seconds(at);
        }
        if let Some(primary) = &self.primary {
            let known = |key: &&Key| json!({ "Arn": key.arn(), "Region": key.region });
            let (first, others): (Vec<&Key>, Vec<&Key>) =
                replicas.iter().partition(|key| key.region == *primary);
            let kind = if self.region == *primary {
                "PRIMARY"
            } else {
                "REPLICA"
            };
            metadata["MultiRegionConfiguration"] = json!({
                "MultiRegionKeyType": kind,
                "PrimaryKey": first.first().map(known),
                "ReplicaKeys": others.iter().map(known).collect::<Vec<_>>(),
            });
        }
        metadata
    }
}

pub(super) fn denied(what: &str) -> Failure {
    Failure::new("AccessDeniedException", what)
}

pub(super) fn seconds(millis: u64) -> Value {
    json!(std::time::Duration::from_millis(millis).as_secs_f64())
}
