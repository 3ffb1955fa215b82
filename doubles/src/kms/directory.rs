//! All keys and aliases of an account, and how a caller's words find one. Keys are told apart by their
//! ARNs; the keys of one multi-Region key share an id and their material.

use std::collections::BTreeMap;

use super::key::Key;
use crate::wire::Failure;

#[derive(Debug)]
pub(super) struct Directory {
    account: String,
    /// By ARN.
    keys: BTreeMap<String, Key>,
    /// By region and name (`alias/…`): the key's ARN.
    aliases: BTreeMap<(String, String), String>,
}

impl Directory {
    pub(super) fn new(account: String) -> Self {
        Self {
            account,
            keys: BTreeMap::new(),
            aliases: BTreeMap::new(),
        }
    }

    pub(super) fn create(&mut self, region: &str, multi_region: bool, now: u64) -> String {
        let key = Key::new(region, &self.account, multi_region, now);
        let arn = key.arn();
        self.keys.insert(arn.clone(), key);
        arn
    }

    /// The same id and material in another region (`API_ReplicateKey`); state and policy are its own.
    pub(super) fn replicate(&mut self, arn: &str, region: &str) {
        let replica = Key {
            region: region.to_owned(),
            ..self.key(arn).clone()
        };
        self.keys.insert(replica.arn(), replica);
    }

    pub(super) fn arn_beside(&mut self, arn: &str, region: &str) -> String {
        let beside = Key {
            region: region.to_owned(),
            ..self.key(arn).clone()
        };
        beside.arn()
    }

    pub(super) fn alias(&mut self, alias: &str, arn: &str) {
        let region = self.key(arn).region.clone();
        self.aliases
            .insert((region, alias.to_owned()), arn.to_owned());
    }

    pub(super) fn has_alias(&self, region: &str, alias: &str) -> bool {
        self.aliases
            .contains_key(&(region.to_owned(), alias.to_owned()))
    }

    /// For the double's owner, who knows which keys there are.
    pub(super) fn key(&mut self, arn: &str) -> &mut Key {
        self.keys
            .get_mut(arn)
            .expect("the ARN of a key of this double")
    }

    /// A key by what a caller said: its id, its ARN, an alias or an alias' ARN (`API_DescribeKey`,
    /// `KeyId`).
    pub(super) fn find(&self, said: &str, region: &str, now: u64) -> Result<&Key, Failure> {
        let arn = self.resolve(said, region)?;
        let key = self.keys.get(&arn).filter(|key| key.exists(now));
        key.ok_or_else(|| not_found(&format!("Key '{arn}' does not exist")))
    }

    pub(super) fn find_mut(
        &mut self,
        said: &str,
        region: &str,
        now: u64,
    ) -> Result<&mut Key, Failure> {
        let arn = self.find(said, region, now)?.arn();
        Ok(self.key(&arn))
    }

    /// The key that a ciphertext names, if it is in this region.
    pub(super) fn by_id(&self, id: &str, region: &str, now: u64) -> Option<&Key> {
        let arn = self.arn(region, &format!("key/{id}"));
        self.keys.get(&arn).filter(|key| key.exists(now))
    }

    /// The keys that share this one's id, itself among them.
    pub(super) fn replicas(&self, id: &str) -> Vec<&Key> {
        self.keys.values().filter(|key| key.id == id).collect()
    }

    fn resolve(&self, said: &str, region: &str) -> Result<String, Failure> {
        let resource = match said.strip_prefix("arn:") {
            None => said,
            Some(rest) => {
                let parts: Vec<&str> = rest.splitn(5, ':').collect();
                let ["aws", "kms", its_region, account, resource] = parts[..] else {
                    return Err(not_found(&format!("Invalid arn {said}")));
                };
                // As reports quote it (nakedible/openssl-engine-kms issue 1).
                if its_region != region {
                    return Err(not_found(&format!("Invalid arn {its_region}")));
                }
                if account != self.account {
                    return Err(not_found(&format!("Key '{said}' does not exist")));
                }
                resource
            }
        };
        if resource.starts_with("alias/") {
            let alias = (region.to_owned(), resource.to_owned());
            let arn = self.aliases.get(&alias).cloned();
            let whole = self.arn(region, resource);
            return arn.ok_or_else(|| not_found(&format!("Alias {whole} is not found.")));
        }
        let id = resource.strip_prefix("key/").unwrap_or(resource);
        Ok(self.arn(region, &format!("key/{id}")))
    }

    fn arn(&self, region: &str, resource: &str) -> String {
        format!("arn:aws:kms:{region}:{}:{resource}", self.account)
    }
}

fn not_found(what: &str) -> Failure {
    Failure::new("NotFoundException", what)
}
