//! Where the checkout and its build output lie.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, Result};

/// The checkout xtask was started from.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        // Asked at run time, so that a copied checkout never works on the one it was copied from.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .ok_or_else(|| Failure::told("start this as `cargo xtask`"))?;
        let root = Path::new(&manifest)
            .parent()
            .ok_or_else(|| Failure::told("the xtask package has no folder above it"))?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Held while a folder below the target folder is filled: two runs at once must not both do it.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        fs::create_dir_all(&self.target).doing(|| format!("make {}", self.target.display()))?;
        let path = self.target.join(format!("{name}.lock"));
        let lock = File::create(&path).doing(|| format!("make {}", path.display()))?;
        lock.lock().doing(|| format!("lock {}", path.display()))?;
        Ok(lock)
    }

    /// Cargo, in this checkout, as if typed by hand.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        // `cargo run` tells us about the xtask package. Build scripts that look at these variables
        // (ring's does) would run again each time cargo is started with and without xtask.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        cargo
    }
}
