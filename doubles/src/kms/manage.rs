//! Keys as a whole: made, named, described, disabled, scheduled for deletion.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Regional;
use super::key::{Key, KeyState, seconds};
use crate::wire::Failure;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateKey {
    multi_region: Option<bool>,
    key_usage: Option<String>,
    key_spec: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateAlias {
    alias_name: String,
    target_key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfKey {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleKeyDeletion {
    key_id: String,
    pending_window_in_days: Option<u64>,
}

impl Regional {
    /// Symmetric keys only.
    pub(super) fn create_key(&self, input: &CreateKey) -> Result<Value, Failure> {
        let usage = input.key_usage.as_deref().unwrap_or("ENCRYPT_DECRYPT");
        let spec = input.key_spec.as_deref().unwrap_or("SYMMETRIC_DEFAULT");
        if (usage, spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT") {
            let what = "this double has symmetric keys to encrypt and decrypt only";
            return Err(Failure::new("UnsupportedOperationException", what));
        }
        let now = self.now();
        let mut directory = self.directory();
        let multi_region = input.multi_region.unwrap_or_default();
        let arn = directory.create(&self.region, multi_region, now);
        let key = directory.find(&arn, &self.region, now)?;
        Ok(json!({ "KeyMetadata": key.metadata(&[key]) }))
    }

    pub(super) fn create_alias(&self, input: &CreateAlias) -> Result<Value, Failure> {
        let name = &input.alias_name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
        let rest = name.strip_prefix("alias/").filter(|rest| !rest.is_empty());
        if !rest.is_some_and(|rest| rest.bytes().all(plain) && !rest.starts_with("aws/")) {
            let what = "an alias is spelled alias/ and letters, digits, /, _ or -";
            return Err(Failure::new("InvalidAliasNameException", what));
        }
        let now = self.now();
        let mut directory = self.directory();
        if directory.has_alias(&self.region, name) {
            let what = format!("An alias with the name {name} already exists");
            return Err(Failure::new("AlreadyExistsException", &what));
        }
        let arn = directory
            .find(&input.target_key_id, &self.region, now)?
            .arn();
        directory.alias(name, &arn);
        Ok(json!({}))
    }

    /// In any state ("Key states of AWS KMS keys").
    pub(super) fn describe_key(&self, who: &str, input: &OfKey) -> Result<Value, Failure> {
        let directory = self.directory();
        let key = directory.find(&input.key_id, &self.region, self.now())?;
        key.authorize(who, "DescribeKey", None)?;
        let replicas = directory.replicas(&key.id);
        Ok(json!({ "KeyMetadata": key.metadata(&replicas) }))
    }

    pub(super) fn enable_key(&self, who: &str, input: &OfKey) -> Result<Value, Failure> {
        self.change(who, "EnableKey", &input.key_id, |key, now| {
            waits_not(key)?;
            key.set_state(KeyState::Enabled, now);
            Ok(json!({}))
        })
    }

    pub(super) fn disable_key(&self, who: &str, input: &OfKey) -> Result<Value, Failure> {
        self.change(who, "DisableKey", &input.key_id, |key, now| {
            waits_not(key)?;
            key.set_state(KeyState::Disabled, now);
            Ok(json!({}))
        })
    }

    pub(super) fn schedule_deletion(
        &self,
        who: &str,
        input: &ScheduleKeyDeletion,
    ) -> Result<Value, Failure> {
        // `API_ScheduleKeyDeletion`: 7 to 30 days.
        let days = input.pending_window_in_days.unwrap_or(30);
        if !(7..=30).contains(&days) {
            let what = "Value at 'pendingWindowInDays' failed to satisfy constraint: 7 to 30";
            return Err(Failure::new("ValidationException", what));
        }
        self.change(who, "ScheduleKeyDeletion", &input.key_id, |key, now| {
            waits_not(key)?;
            key.wait(KeyState::PendingDeletion, now, days);
            Ok(json!({
                "KeyId": key.arn(),
                "KeyState": "PendingDeletion",
                "PendingWindowInDays": days,
                "DeletionDate": key.deleted_at.map(seconds),
            }))
        })
    }

    /// The key is then `Disabled` (`API_CancelKeyDeletion`).
    pub(super) fn cancel_deletion(&self, who: &str, input: &OfKey) -> Result<Value, Failure> {
        self.change(who, "CancelKeyDeletion", &input.key_id, |key, now| {
            if key.state != KeyState::PendingDeletion {
                let what = format!("{} is not pending deletion.", key.arn());
                return Err(Failure::new("KMSInvalidStateException", &what));
            }
            key.set_state(KeyState::Disabled, now);
            Ok(json!({ "KeyId": key.arn() }))
        })
    }

    fn change(
        &self,
        who: &str,
        action: &str,
        said: &str,
        change: impl FnOnce(&mut Key, u64) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        let now = self.now();
        let mut directory = self.directory();
        let key = directory.find_mut(said, &self.region, now)?;
        key.authorize(who, action, None)?;
        change(key, now)
    }
}

fn waits_not(key: &Key) -> Result<(), Failure> {
    if key.state == KeyState::PendingDeletion {
        key.usable()
    } else {
        Ok(())
    }
}
