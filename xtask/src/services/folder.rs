//! The folder the servers live in: made for one run, locked by it, removed with it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure, Result};
use crate::process::Account;

const PREFIX: &str = "fieldseal-services-";
const LOCK: &str = "owner.lock";

/// A folder that other accounts can pass through but not list; removed when dropped.
pub(super) struct Folder {
    path: PathBuf,
    // Held, not read: the system gives the lock up when we die, however that happens.
    _lock: File,
}

impl Folder {
    pub(super) fn make() -> Result<Self> {
        let base = base()?;
        remove_left_behind(&base);
        let path = base.join(format!("{PREFIX}{}", std::process::id()));
        DirBuilder::new()
            .mode(0o711)
            .create(&path)
            .doing(|| format!("make {}", path.display()))?;
        let lock = path.join(LOCK);
        let lock = File::create(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .doing(|| format!("lock {}", lock.display()))?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder for one server, which only its account may enter.
    pub(super) fn for_server(&self, name: &str, account: Option<&Account>) -> Result<PathBuf> {
        let path = self.path.join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .doing(|| format!("make {}", path.display()))?;
        Account::own(account, &path)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("xtask: cannot remove {}: {error}", self.path.display());
        }
    }
}

/// The temporary folder, or another one if the servers' accounts could not get into it. Not below
/// `target/`: a checkout often lies in a home that other accounts cannot enter, and the path of a
/// Unix socket must be short.
fn base() -> Result<PathBuf> {
    let candidates = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    let root = rustix::process::geteuid().is_root();
    let enterable = |folder: &Path| {
        folder.ancestors().all(|folder| {
            fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0)
        })
    };
    candidates
        .into_iter()
        .filter(|folder| folder.is_dir())
        .find(|folder| !root || enterable(folder))
        .ok_or_else(|| Failure::told("no temporary folder that every account can enter"))
}

/// Removes the folders of runs that were killed: those whose lock nobody holds.
fn remove_left_behind(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Without a lock file the folder is being made right now, or is not ours to judge.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok() && fs::remove_dir_all(entry.path()).is_ok() {
            println!(
                "xtask: removed {}, left behind by a killed run",
                entry.path().display()
            );
        }
    }
}
