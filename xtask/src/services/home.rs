//! Where one database server lives, and as whom. Owns its folder, the command lines of its
//! programs and the files it is given; what each kind of server is told is in its own module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::failure::{Doing, Result};
use crate::process::Account;
use crate::services::folder::Folder;
use crate::services::launch::Launch;
use crate::services::{Durability, Server};
use crate::stop::Stop;

/// What the servers of one run have in common.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) folder: &'a Folder,
    pub(super) setpriv: Option<&'a Path>,
    pub(super) password: &'a str,
    pub(super) durability: Durability,
    pub(super) stop: &'a Stop,
}

/// One server's place.
pub(super) struct Home<'a> {
    pub(super) run: Run<'a>,
    account: Option<Account>,
    pub(super) folder: PathBuf,
}

impl<'a> Home<'a> {
    /// A folder that only the server's account may enter: ours if none is given.
    pub(super) fn make(run: Run<'a>, name: &str, account: Option<Account>) -> Result<Self> {
        run.stop.check()?;
        let folder = run.folder.for_server(name, account.as_ref())?;
        Ok(Self {
            run,
            account,
            folder,
        })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where it keeps its data, which tells it from every other server.
    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A program of the server's. What stays up is sent `at_our_death` when we die.
    pub(super) fn command(&self, program: &Path, at_our_death: Option<&str>) -> Command {
        let (account, setpriv) = (self.account.as_ref(), self.run.setpriv);
        let mut command = Account::command(account, setpriv, program, at_our_death);
        command.current_dir(self.run.folder.path());
        command
    }

    /// A file for the server to read.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text).doing(|| format!("write {}", path.display()))?;
        Account::own(self.account.as_ref(), &path)?;
        Ok(path)
    }

    /// Starts the server by `command`, and knows it by the data folder that it names on a port.
    pub(super) fn start(
        &self,
        (name, version): (&'static str, &str),
        end_with: Signal,
        command: impl Fn(u16) -> Command,
        data_folder: impl Fn(u16) -> Result<String>,
    ) -> Result<Server> {
        Launch {
            name,
            version,
            log: self.path("log"),
            password: self.run.password,
            end_with,
            command: Box::new(command),
            identity: Box::new(data_folder),
            expected: self.data().display().to_string(),
        }
        .start(self.run.stop)
    }
}
