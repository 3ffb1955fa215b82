//! A vault by the pipeline's policy file. Owns what `[keys]` and `[target]` mean to an application:
//! paths start at the file's folder, a URL without TLS to another host is refused unless the policy
//! accepts it. What a policy may say is the policy crate's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fieldseal_policy::{KeyProvider, Location, Policy};

use crate::{Start, StartError, Vault};

/// The pipeline's policy file, read and checked: who wraps keys, how long they are used, and where
/// the sealed database is.
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// use fieldseal::PolicyFile;
///
/// let policy = PolicyFile::read("pipeline-config/shop.toml")?;
/// // By `[keys]`, over the application's own pool: it may have a database user of its own.
/// let pool = sqlx::PgPool::connect(&std::env::var("DATABASE_URL")?).await?;
/// let vault = policy.start()?.open_pool(&pool).await?;
/// // Or over the database of `[target]`, as the pipeline reaches it.
/// let vault = policy.start()?.open(&policy.target_url()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PolicyFile {
    policy: Policy,
    /// Where its relative paths start.
    folder: PathBuf,
}

impl PolicyFile {
    /// Reads and checks a policy file.
    ///
    /// # Errors
    /// [`StartError::Policy`]: it cannot be read, or every mistake in it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, StartError> {
        let path = path.as_ref();
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            mistaken(format!(
                "the policy file {name} cannot be read: {error}; a relative path starts at the folder \
                 that this process runs in"
            ))
        })?;
        let policy = Policy::parse(&text).map_err(|mistakes| {
            let mistakes = mistakes.in_file(&name.to_string()).to_string();
            mistaken(format!("the policy has mistakes\n{mistakes}"))
        })?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Ok(Self { policy, folder })
    }

    /// The start of a vault with the policy's deployment, wrapping keys, `cache_max_age_seconds`
    /// and `max_uses`. Its `nonce_pool` counts for the whole process from now on.
    ///
    /// # Errors
    /// [`StartError::Policy`]: its keys are in AWS KMS and the feature `aws-kms` is off.
    pub fn start(&self) -> Result<Start, StartError> {
        let keys = self.policy.keys();
        let start = Vault::start(&keys.deployment)
            .max_age(Duration::from_secs(keys.cache_max_age_seconds.into()))
            .max_uses(keys.max_uses.into());
        let start = self.with_wrapping_keys(start)?;
        fieldseal_envelope::set_nonce_pool(keys.nonce_pool.into());
        Ok(start)
    }

    fn with_wrapping_keys(&self, start: Start) -> Result<Start, StartError> {
        match &self.policy.keys().provider {
            KeyProvider::Local { root_file } => {
                Ok(start.root_key_file(self.folder.join(root_file)))
            }
            #[cfg(feature = "aws-kms")]
            KeyProvider::AwsKms {
                key,
                second_keys,
                region,
                endpoint,
            } => {
                let reach = |endpoint: &Option<String>| fieldseal_aws::Reach {
                    region: region.clone(),
                    endpoint: endpoint.clone(),
                };
                let first = start.aws_kms_at(key, reach(endpoint));
                Ok(second_keys.iter().fold(first, |start, second| {
                    start.aws_kms_at(&second.key, reach(&second.endpoint))
                }))
            }
            _ => Err(mistaken(
                "the policy's keys are with a provider that this program is built without; turn on \
                 the feature `aws-kms` of the crate fieldseal"
                    .to_owned(),
            )),
        }
    }

    /// The URL of the sealed database as `[target]` gives it. It may hold a password. An application
    /// with a database user of its own has a URL of its own.
    ///
    /// # Errors
    /// [`StartError::Policy`]: the environment variable or the file that holds it is not there, or
    /// it allows a connection to another host without TLS.
    pub fn target_url(&self) -> Result<String, StartError> {
        let target = self.policy.target();
        let url = self.read_url(&target.url)?;
        if let Some(path) = url.strip_prefix("sqlite://") {
            let relative = !path.starts_with(['/', ':']);
            let path = self.folder.join(path);
            return Ok(if relative {
                format!("sqlite://{}", path.display())
            } else {
                url
            });
        }
        if target.insecure {
            return Ok(url);
        }
        let environment = ["PGHOST", "PGHOSTADDR"];
        let here = environment
            .iter()
            .all(|name| std::env::var_os(name).is_none());
        fieldseal_db::insisting_on_tls(&url, here)
            .map_err(|why| mistaken(format!("the URL of the policy's target: {why}")))
    }

    fn read_url(&self, location: &Location) -> Result<String, StartError> {
        let text = match location {
            Location::Literal(url) => Ok(url.clone()),
            Location::Env(name) => std::env::var(name).map_err(|_| {
                mistaken(format!(
                    "target.url_env: the environment variable {name} is not set, or is not UTF-8"
                ))
            }),
            Location::File(path) => {
                let path = self.folder.join(path);
                std::fs::read_to_string(&path).map_err(|error| {
                    let path = path.display();
                    mistaken(format!("target.url_file {path} cannot be read: {error}"))
                })
            }
        };
        // Where it comes from a file, a line end comes with it.
        text.map(|url| url.trim().to_owned())
    }
}

const fn mistaken(reason: String) -> StartError {
    StartError::Policy { reason }
}
