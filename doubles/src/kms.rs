//! The KMS double: its settings, its regions, and what a test does to keys behind KMS's back. What the
//! operations do stands in the modules below.

mod blob;
mod directory;
mod key;
mod manage;
mod operations;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::calls::Calls;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::rate::CallLimit;
use crate::wire::{Call, Failure, Server, Service, Shared};

use directory::Directory;
pub use key::KeyState;

/// How a KMS double behaves. The default is one region, eu-central-1, with AWS's own quota.
#[derive(Clone, Debug)]
pub struct KmsSettings {
    /// Each with an endpoint of its own.
    pub regions: Vec<String>,
    /// The account in ARNs.
    pub account: String,
    /// Cryptographic operations per second and region (Developer Guide, "Request quotas": 10,000 for
    /// symmetric keys in most regions). `None`: no limit.
    pub requests_per_second: Option<usize>,
    /// For the faults.
    pub seed: u64,
    /// Where the first region listens; 0 is any free port.
    pub port: u16,
}

impl Default for KmsSettings {
    fn default() -> Self {
        Self {
            regions: vec!["eu-central-1".into()],
            account: "123456789012".into(),
            requests_per_second: Some(10_000),
            seed: 1,
            port: 0,
        }
    }
}

/// A running stand-in for KMS; it stops when dropped.
#[derive(Debug)]
pub struct KmsDouble {
    regions: BTreeMap<String, (Server, Arc<Regional>)>,
    directory: Arc<Mutex<Directory>>,
    shared: Shared,
}

impl KmsDouble {
    /// Listens on 127.0.0.1, on a port for each region.
    ///
    /// # Errors
    /// When a port is taken or no thread can be started.
    pub fn start(settings: KmsSettings) -> io::Result<Self> {
        let shared = Shared::seeded(settings.seed);
        let directory = Directory::new(settings.account);
        let directory = Arc::new(Mutex::new(directory));
        let mut regions = BTreeMap::new();
        let mut port = settings.port;
        for region in settings.regions {
            let regional = Arc::new(Regional {
                region: region.clone(),
                directory: Arc::clone(&directory),
                shared: shared.clone(),
                requests_per_second: settings.requests_per_second,
                recent: Mutex::default(),
                cut_off: AtomicBool::new(false),
            });
            let server = Server::start(Arc::clone(&regional), std::mem::take(&mut port))?;
            regions.insert(region, (server, regional));
        }
        Ok(Self {
            regions,
            directory,
            shared,
        })
    }

    /// `http://127.0.0.1:PORT` of a region.
    ///
    /// # Panics
    /// If the settings do not name the region.
    #[must_use]
    pub fn endpoint(&self, region: &str) -> String {
        self.region(region).0.endpoint()
    }

    /// What goes wrong, in all regions.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The clock of quotas and of keys that wait for their deletion.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What it was asked, in all regions.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.shared.calls
    }

    /// Cuts a region off, or brings it back; the others stay as they are.
    ///
    /// # Panics
    /// If the settings do not name the region.
    pub fn set_reachable(&self, region: &str, reachable: bool) {
        self.region(region)
            .1
            .cut_off
            .store(!reachable, Ordering::SeqCst);
    }

    /// Makes a key for everybody; gives its ARN.
    ///
    /// # Panics
    /// If the settings do not name the region.
    #[must_use]
    pub fn create_key(&self, region: &str) -> String {
        let _ = self.region(region);
        self.directory()
            .create(region, false, self.shared.clock.now())
    }

    /// Makes a multi-Region key: the primary in the first region, replicas in the others (Developer
    /// Guide, "Multi-Region keys in AWS KMS"). Gives an ARN for each region.
    ///
    /// # Panics
    /// If there is no region, or the settings do not name one.
    #[must_use]
    pub fn create_multi_region_key(&self, regions: &[&str]) -> Vec<String> {
        let primary = regions.first().expect("a multi-Region key has a region");
        let now = self.shared.clock.now();
        let mut directory = self.directory();
        let arn = directory.create(primary, true, now);
        for replica in &regions[1..] {
            let _ = self.region(replica);
            directory.replicate(&arn, replica);
        }
        regions
            .iter()
            .map(|region| directory.arn_beside(&arn, region))
            .collect()
    }

    /// Points an alias (`alias/shop`) at a key of its region, also when it points elsewhere already.
    pub fn alias(&self, alias: &str, key_arn: &str) {
        self.directory().alias(alias, key_arn);
    }

    /// Puts a key into a state.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn set_state(&self, key_arn: &str, state: KeyState) {
        let now = self.shared.clock.now();
        self.directory().key(key_arn).set_state(state, now);
    }

    /// From now on only these access key ids may use the key, as by the principals of its policy (Developer
    /// Guide, "Key policies in AWS KMS"). That access key ids stand for principals is the double's own.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn allow_principals(&self, key_arn: &str, access_keys: &[&str]) {
        let access_keys = access_keys.iter().map(|&key| key.to_owned()).collect();
        self.directory().key(key_arn).principals = Some(access_keys);
    }

    /// From now on the key takes only encryption contexts that hold these pairs (Developer Guide,
    /// "kms:EncryptionContext:context-key").
    ///
    /// # Panics
    /// If there is no such key.
    pub fn require_context(&self, key_arn: &str, pairs: &[(&str, &str)]) {
        let owned = pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        self.directory().key(key_arn).context = owned.collect();
    }

    fn region(&self, region: &str) -> &(Server, Arc<Regional>) {
        self.regions.get(region).expect("a region of the settings")
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// KMS as one region shows it.
#[derive(Debug)]
pub(crate) struct Regional {
    region: String,
    directory: Arc<Mutex<Directory>>,
    shared: Shared,
    requests_per_second: Option<usize>,
    recent: Mutex<CallLimit>,
    cut_off: AtomicBool,
}

impl Regional {
    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// The quota is shared by the cryptographic operations.
    fn admit(&self, operation: &str) -> Result<(), Failure> {
        let cryptographic = matches!(
            operation,
            "Encrypt" | "Decrypt" | "ReEncrypt" | "GenerateDataKey"
        );
        let Some(per_second) = self.requests_per_second.filter(|_| cryptographic) else {
            return Ok(());
        };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.admit(self.now(), per_second) {
            Ok(())
        } else {
            Err(self.throttled(operation))
        }
    }
}

impl Service for Regional {
    fn target(&self) -> &'static str {
        "TrentService"
    }

    fn signing_name(&self) -> &'static str {
        "kms"
    }

    fn region(&self) -> &str {
        &self.region
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn reachable(&self) -> bool {
        !self.cut_off.load(Ordering::SeqCst) && !self.shared.faults.outage()
    }

    /// Developer Guide, "Throttling AWS KMS requests".
    fn throttled(&self, _operation: &str) -> Failure {
        let what = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
        Failure::new("ThrottlingException", what)
    }

    fn answer(&self, call: &Call<'_>) -> Result<Vec<u8>, Failure> {
        self.admit(call.operation)?;
        let who = call.access_key;
        let answer = match call.operation {
            "CreateKey" => self.create_key(&call.input()?),
            "CreateAlias" => self.create_alias(&call.input()?),
            "DescribeKey" => self.describe_key(who, &call.input()?),
            "EnableKey" => self.enable_key(who, &call.input()?),
            "DisableKey" => self.disable_key(who, &call.input()?),
            "ScheduleKeyDeletion" => self.schedule_deletion(who, &call.input()?),
            "CancelKeyDeletion" => self.cancel_deletion(who, &call.input()?),
            "GenerateDataKey" => self.generate_data_key(who, &call.input()?),
            "Encrypt" => self.encrypt(who, &call.input()?),
            "Decrypt" => self.decrypt(who, &call.input()?),
            "ReEncrypt" => self.re_encrypt(who, &call.input()?),
            _ => Err(Failure::new(
                "UnknownOperationException",
                "not an operation of this double",
            )),
        }?;
        Ok(answer.to_string().into_bytes())
    }
}
