//! Reading the policy file and what it points to: paths and URLs. Owns resolving; what the
//! policy means is the policy crate's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fieldseal_db::insisting_on_tls;
use fieldseal_policy::{KeyProvider, Location, Mistakes, Policy, SourceKind, Table};

use crate::args::TablesArgs;
use crate::exit::{Exit, Failure};

/// A checked policy with the folder that its relative paths start at.
pub(crate) struct Config {
    pub(crate) policy: Arc<Policy>,
    folder: PathBuf,
}

/// Why there is no checked policy.
pub(crate) enum NoPolicy {
    /// The file cannot be read.
    Unread(String),
    /// Every mistake in it, and its name.
    Mistaken(Mistakes, String),
}

impl From<NoPolicy> for Failure {
    fn from(why: NoPolicy) -> Self {
        let text = match why {
            NoPolicy::Unread(text) => text,
            NoPolicy::Mistaken(mistakes, file) => {
                format!("the policy has mistakes\n{}", mistakes.in_file(&file))
            }
        };
        Self::new(Exit::Policy, text)
    }
}

impl Config {
    /// Reads and checks a policy file; every mistake is in the failure.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::checked(path).map_err(Failure::from)
    }

    /// The same, for who shows the mistakes one by one.
    pub(crate) fn checked(path: &Path) -> Result<Self, NoPolicy> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            NoPolicy::Unread(format!(
                "the policy file {name} cannot be read: {}; name one with --config that this user \
                 may read",
                error.kind()
            ))
        })?;
        let policy = Policy::parse(&text).map_err(|mistakes| NoPolicy::Mistaken(mistakes, name))?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Ok(Self {
            policy: Arc::new(policy),
            folder,
        })
    }

    /// The folder of recorded DMS output.
    pub(crate) fn source_dir(&self) -> Result<PathBuf, Failure> {
        match &self.policy.source().kind {
            SourceKind::Files { dir } => Ok(self.folder.join(dir)),
            _ => Err(Failure::new(
                Exit::Failed,
                "the policy's source is a stream, not a folder",
            )),
        }
    }

    /// Whether the records come from a folder of files.
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.policy.source().kind, SourceKind::Files { .. })
    }

    /// The root key file.
    pub(crate) fn root_file(&self) -> Result<PathBuf, Failure> {
        match &self.policy.keys().provider {
            KeyProvider::Local { root_file } => Ok(self.folder.join(root_file)),
            _ => Err(Failure::new(
                Exit::Failed,
                "the policy's keys are in AWS KMS, not in a root key file",
            )),
        }
    }

    /// The target's URL, with a relative SQLite path resolved, and insisting on TLS.
    pub(crate) fn target_url(&self) -> Result<String, Failure> {
        let target = self.policy.target();
        let url = self.resolve("target", &target.url)?;
        if target.insecure {
            return Ok(self.resolve_sqlite(url));
        }
        let url = safe(&url, &self.target_setting())?;
        Ok(self.resolve_sqlite(url))
    }

    /// Where the target's URL is given, to be told where to correct it.
    pub(crate) fn target_setting(&self) -> String {
        match &self.policy.target().url {
            Location::Literal(_) => "target.url".to_owned(),
            Location::Env(name) => format!("target.url_env, the environment variable {name}"),
            Location::File(path) => {
                format!("target.url_file {}", self.folder.join(path).display())
            }
        }
    }

    /// The URL of the database that DMS reads, if the policy says where it is, and insisting on
    /// TLS.
    pub(crate) fn source_url(&self) -> Result<Option<String>, Failure> {
        let source = self.policy.source();
        let Some(location) = &source.url else {
            return Ok(None);
        };
        let url = self.resolve("source", location)?;
        self.safe_source(url, "the source's URL").map(Some)
    }

    /// A URL of the source that a person gives beside the policy, held to the policy's word on
    /// TLS; `setting` is where it is given.
    pub(crate) fn safe_source(&self, url: String, setting: &str) -> Result<String, Failure> {
        if self.policy.source().insecure {
            return Ok(url);
        }
        safe(&url, setting)
    }

    /// The URL at `location`, which is in this section of the policy.
    fn resolve(&self, section: &str, location: &Location) -> Result<String, Failure> {
        let failed = |text| Failure::new(Exit::Policy, text);
        match location {
            Location::Literal(url) => Ok(url.clone()),
            Location::Env(name) => {
                let text = std::env::var(name).map_err(|_| {
                    failed(format!(
                        "{section}.url_env: the environment variable {name} is not set, or is not \
                         UTF-8; set it to the database's URL"
                    ))
                })?;
                // Where it comes from a file, a line end comes with it.
                Ok(text.trim().to_owned())
            }
            Location::File(path) => {
                let path = self.folder.join(path);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    failed(format!(
                        "{section}.url_file {} cannot be read: {}; put the database's URL there",
                        path.display(),
                        error.kind()
                    ))
                })?;
                Ok(text.trim().to_owned())
            }
        }
    }

    /// The ids of the tables that a person names.
    pub(crate) fn table_ids(&self, chosen: &TablesArgs) -> Result<Vec<String>, Failure> {
        let tables = self.policy.tables();
        if chosen.all {
            return Ok(tables.iter().map(|table| table.id.to_string()).collect());
        }
        let id_of = |name: &String| self.table(name).map(|table| table.id.to_string());
        chosen.tables.iter().map(id_of).collect()
    }

    /// The table that a person names by its id, or by its name in the source or the target.
    pub(crate) fn table(&self, name: &str) -> Result<&Table, Failure> {
        let tables = self.policy.tables();
        let named = |table: &&Table| {
            table.id.as_str() == name || table.source.to_string() == name || table.target == name
        };
        tables.iter().find(named).ok_or_else(|| {
            let known: Vec<&str> = tables.iter().map(|table| table.id.as_str()).collect();
            let known = known.join(", ");
            Failure::new(
                Exit::Usage,
                format!("the policy has no table {name:?}; it has {known}"),
            )
        })
    }

    fn resolve_sqlite(&self, url: String) -> String {
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.starts_with('/') && !path.starts_with(':') => {
                format!("sqlite://{}", self.folder.join(path).display())
            }
            _ => url,
        }
    }
}

/// The URL, made to insist on TLS to another host; `setting` is where it is given.
fn safe(url: &str, setting: &str) -> Result<String, Failure> {
    let default_host_is_here = ["PGHOST", "PGHOSTADDR"]
        .iter()
        .all(|name| std::env::var_os(name).is_none());
    insisting_on_tls(url, default_host_is_here)
        .map_err(|why| Failure::new(Exit::Policy, format!("{setting}: {why}")))
}
