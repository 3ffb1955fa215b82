//! The demo's folder. Owns what stands where in it, and that nothing else is ever removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fieldseal_db::{Database, Dialect, Sql};
use fieldseal_demo::{Scenario, write_source_telling};
use fieldseal_keys::{KeyProvider, LocalProvider};
use fieldseal_policy::Policy;
use fieldseal_store::{create_tables, read_source_columns};

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::progress::Counting;

/// The policy of the demo is the one that a new user starts from.
const POLICY: &str = include_str!("../../../../../pipeline-config/quickstart.toml");

/// The plaintext shop's tables, as `mysqldump --no-data` would print them.
const SHOP: &str = include_str!("shop.sql");

/// The file that tells an earlier demo's folder from any other.
const MARKER: &str = ".fieldseal-demo";

/// A folder that holds nothing but a demo.
pub(crate) struct Stage {
    dir: PathBuf,
}

impl Stage {
    /// Makes the folder, or clears an earlier demo's. Any other folder that is not empty is
    /// refused.
    pub(crate) fn clear(dir: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            let text = format!(
                "the folder {} cannot be made or cleared: {}; choose another with --dir",
                dir.display(),
                error.kind()
            );
            Failure::new(Exit::NotAsItShouldBe, text)
        };
        if dir.exists() {
            let empty = std::fs::read_dir(dir).map_err(failed)?.next().is_none();
            if !empty && !dir.join(MARKER).is_file() {
                return Err(Failure::new(
                    Exit::NotAsItShouldBe,
                    format!(
                        "{} exists and is no earlier demo's folder; choose another with --dir",
                        dir.display()
                    ),
                ));
            }
            std::fs::remove_dir_all(dir).map_err(failed)?;
        }
        let stage = Self {
            dir: dir.to_owned(),
        };
        std::fs::create_dir_all(stage.source()).map_err(failed)?;
        std::fs::write(dir.join(MARKER), "made by `fieldseal demo`\n").map_err(failed)?;
        Ok(stage)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// DMS's own output: the only place where plaintext belongs.
    pub(crate) fn source(&self) -> PathBuf {
        self.dir.join("source")
    }

    pub(crate) fn policy_file(&self) -> PathBuf {
        self.dir.join("quickstart.toml")
    }

    /// Writes records, policy and the source's table definitions.
    pub(crate) async fn write_shop(&self, rows: u32, seed: u64) -> Result<Scenario, Failure> {
        let source = self.source();
        let write = move || {
            let mut counting = Counting::start("making the shop", "rows and changes");
            write_source_telling(&source, rows.into(), seed, &mut |done, all| {
                counting.reached_of(done, all);
            })
        };
        let scenario = tokio::task::spawn_blocking(write)
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        for (path, text) in [
            (self.policy_file(), POLICY),
            (self.dir.join("shop.sql"), SHOP),
        ] {
            std::fs::write(&path, text).map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    format!("{}: {}", path.display(), error.kind()),
                )
            })?;
        }
        Ok(scenario)
    }

    pub(crate) fn create_root_key(&self, config: &Config) -> Result<Arc<dyn KeyProvider>, Failure> {
        let provider = LocalProvider::create(&config.root_file()?)
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        Ok(Arc::new(provider))
    }

    /// Makes the sealed tables by the script that `fieldseal schema --from shop.sql` prints.
    pub(crate) async fn create_tables(
        &self,
        database: &Database,
        policy: &Policy,
    ) -> Result<(), Failure> {
        let failed = |error: String| Failure::new(Exit::Failed, format!("schema: {error}"));
        let from = self.dir.join("shop.sql").display().to_string();
        let columns = read_source_columns(policy, &from)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let script = create_tables(policy, Dialect::Sqlite, Some(&columns))
            .map_err(|error| failed(error.to_string()))?;
        let path = self.dir.join("target.sql");
        std::fs::write(&path, &script).map_err(|error| failed(error.kind().to_string()))?;
        database
            .execute_script(Sql::dynamic(script))
            .await
            .map_err(|error| Failure::database("making the sealed tables", &error))
    }
}
