//! Child processes that never outlive us: watched for signals while they run, ended by process
//! group, tied to our death where the system can do it.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::{Doing, Failure, Result};
use crate::stop::{Stop, TICK};

/// A child in a process group of its own; ended when dropped.
///
/// Its own group, so that a terminal's Ctrl-C reaches us alone and we decide the order of ending.
pub(crate) struct Group {
    child: Child,
    name: &'static str,
    end_with: Signal,
}

impl Group {
    /// Starts `command`. `end_with` is the signal that asks it to end.
    pub(crate) fn start(
        mut command: Command,
        name: &'static str,
        end_with: Signal,
    ) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .doing(|| format!("start {name} ({})", command.get_program().display()))?;
        Ok(Self {
            child,
            name,
            end_with,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .doing(|| format!("ask after {}", self.name))
    }

    /// Waits for its end, or for a signal that asks us to end.
    pub(crate) fn wait(&mut self, stop: &Stop) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            stop.check()?;
            std::thread::sleep(TICK);
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // An error means that it is gone already, which is what we want.
        let _gone = pid.map(|pid| kill_process_group(pid, signal));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(20);
        let asked_at = Instant::now();
        let mut ended = matches!(self.child.try_wait(), Ok(Some(_)));
        if !ended {
            self.signal(self.end_with);
        }
        while !ended && asked_at.elapsed() < PATIENCE {
            std::thread::sleep(TICK);
            ended = matches!(self.child.try_wait(), Ok(Some(_)));
        }
        if !ended {
            eprintln!("xtask: {} did not end in time and is killed", self.name);
        }
        // Also what the child started and left behind.
        self.signal(Signal::KILL);
        let _ended = self.child.wait();
    }
}

/// Runs a command to its end with our output; its status is the caller's to judge.
pub(crate) fn run(command: Command, name: &'static str, stop: &Stop) -> Result<ExitStatus> {
    Group::start(command, name, Signal::TERM)?.wait(stop)
}

/// Runs a short command and returns what it printed; anything but success is a failure with the
/// end of what it complained of.
pub(crate) fn output(mut command: Command, what: &str) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .doing(|| format!("{what} ({})", command.get_program().display()))?;
    if !output.status.success() {
        // Some programs complain on the wrong stream.
        let said = [&output.stderr, &output.stdout];
        let said = said.into_iter().find(|said| !said.is_empty());
        let said = String::from_utf8_lossy(said.map_or(&[], Vec::as_slice));
        return Err(Failure::Told(format!(
            "cannot {what}: {}\n{}",
            output.status,
            tail(&said)
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The last lines of a log.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// A user that a server runs as when we are root, since both servers refuse to run as root.
pub(crate) struct Account {
    name: &'static str,
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account to change to: none when we are not root.
    pub(crate) fn needed(name: &'static str) -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let number = |flag: &str| -> Result<u32> {
            let mut id = Command::new("id");
            id.args([flag, name]);
            output(id, &format!("find the user {name}"))?
                .parse()
                .doing(|| format!("read the number of the user {name}"))
        };
        Ok(Some(Self {
            name,
            uid: number("-u")?,
            gid: number("-g")?,
        }))
    }

    /// Makes this account the owner of `path`.
    pub(crate) fn own(account: Option<&Self>, path: &Path) -> Result<()> {
        account.map_or(Ok(()), |account| {
            std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))
                .doing(|| format!("give {} to {}", path.display(), account.name))
        })
    }

    /// `program` under this account. `at_our_death` is the signal the kernel sends it when we die
    /// without having ended it (SIGKILL); only `setpriv` can ask for that.
    pub(crate) fn command(
        account: Option<&Self>,
        setpriv: Option<&Path>,
        program: &Path,
        at_our_death: Option<&str>,
    ) -> Command {
        let Some(setpriv) = setpriv else {
            return without_client_settings(Command::new(program));
        };
        let mut command = Command::new(setpriv);
        if let Some(signal) = at_our_death {
            command.args(["--pdeathsig", signal]);
        }
        if let Some(account) = account {
            command.arg(format!("--reuid={}", account.uid));
            command.arg(format!("--regid={}", account.gid));
            command.arg("--clear-groups");
        }
        if account.is_none() && at_our_death.is_none() {
            command = Command::new(program);
        } else {
            command.arg(program);
        }
        without_client_settings(command)
    }
}

/// Drops the person's own settings for other servers from the child's environment.
pub(crate) fn without_client_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["PG", "MYSQL_", "MARIADB_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// The first of `folders`, then of `PATH`, that holds the program.
pub(crate) fn find_program(name: impl AsRef<OsStr>, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name.as_ref()))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use rustix::process::{Pid, Signal, getpid, kill_process, test_kill_process};

    use super::{Group, Stop, TICK};
    use crate::failure::Failure;

    /// A shell with a child of its own, and the numbers of both.
    fn family() -> (Group, [Pid; 2]) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("child");
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                r#"sleep 600 & echo $! > "$0.new"; mv "$0.new" "$0"; wait"#,
            ])
            .arg(&file);
        let group = Group::start(shell, "a shell", Signal::TERM).expect("it starts");
        while !file.exists() {
            std::thread::sleep(TICK);
        }
        let child = fs::read_to_string(&file).expect("its number");
        let pids = [group.id().to_string(), child.trim().to_owned()];
        let pids = pids.map(|pid| Pid::from_raw(pid.parse().expect("a number")).expect("not 0"));
        (group, pids)
    }

    /// Gone, or dead and not yet collected by who inherited it.
    fn is_gone(pid: Pid) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z"))
    }

    #[test]
    fn a_failure_ends_what_was_started_and_what_that_started() {
        let (group, pids) = family();
        assert!(pids.iter().all(|pid| !is_gone(*pid)));
        // As by `?` on any error behind the start.
        drop(group);
        for pid in pids {
            while !is_gone(pid) {
                std::thread::sleep(TICK);
            }
        }
    }

    #[test]
    fn a_signal_ends_the_wait_and_what_was_waited_for() {
        let stop = Stop::listen().expect("signals can be taken over");
        let (mut group, pids) = family();
        kill_process(getpid(), Signal::INT).expect("to ourselves");
        let ended = group.wait(&stop);
        assert!(matches!(ended, Err(Failure::Stopped(2))));
        drop(group);
        for pid in pids {
            while !is_gone(pid) {
                std::thread::sleep(TICK);
            }
        }
    }
}
