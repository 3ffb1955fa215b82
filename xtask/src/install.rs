//! Finds the programs the tests need and installs the missing ones from Debian. Owns which
//! versions are the tested ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process::{find_program, output, run};
use crate::stop::Stop;

/// The versions CI tests with; another one is used, and said.
const MARIADB_TESTED: &str = "10.11";
const POSTGRES_TESTED: &str = "15";

/// Everything found.
pub(crate) struct Tools {
    pub(crate) mariadb: Mariadb,
    pub(crate) postgres: Postgres,
    /// `None` on systems without util-linux, where servers may outlive a killed xtask.
    pub(crate) setpriv: Option<PathBuf>,
    pub(crate) python: PathBuf,
    pub(crate) node: Node,
}

/// What runs the emulators of Kinesis, and installs them.
pub(crate) struct Node {
    pub(crate) node: PathBuf,
    pub(crate) npm: PathBuf,
}

/// MariaDB's programs.
pub(crate) struct Mariadb {
    pub(crate) server: PathBuf,
    pub(crate) install_db: PathBuf,
    pub(crate) client: PathBuf,
    pub(crate) version: String,
}

/// PostgreSQL's programs.
pub(crate) struct Postgres {
    pub(crate) server: PathBuf,
    pub(crate) initdb: PathBuf,
    pub(crate) client: PathBuf,
    pub(crate) version: String,
}

/// Finds every program, after installing the packages of those that are missing.
pub(crate) fn ensure(stop: &Stop) -> Result<Tools> {
    let missing = missing_packages();
    if !missing.is_empty() {
        install(&missing, stop)?;
        let still = missing_packages();
        if !still.is_empty() {
            return Err(Failure::Told(format!(
                "installed {}, but not every program of it is to be found; install by hand",
                still.join(", ")
            )));
        }
    }
    find_all()
}

fn find_all() -> Result<Tools> {
    let setpriv = find_program("setpriv", &[]);
    if rustix::process::geteuid().is_root() && setpriv.is_none() {
        return Err(Failure::told(
            "run as root, setpriv is needed to give up root for the servers: install util-linux",
        ));
    }
    let mariadb_server = need(mariadb_program("mariadbd"), "mariadbd")?;
    let postgres_server = need(postgres_program("postgres"), "postgres")?;
    Ok(Tools {
        mariadb: Mariadb {
            version: version(Command::new(&mariadb_server), "MariaDB", MARIADB_TESTED)?,
            server: mariadb_server,
            install_db: need(mariadb_program("mariadb-install-db"), "mariadb-install-db")?,
            client: need(mariadb_program("mariadb"), "mariadb")?,
        },
        postgres: Postgres {
            version: version(
                Command::new(&postgres_server),
                "PostgreSQL",
                POSTGRES_TESTED,
            )?,
            server: postgres_server,
            initdb: need(postgres_program("initdb"), "initdb")?,
            client: need(postgres_program("psql"), "psql")?,
        },
        setpriv,
        python: need(find_program("python3", &[]), "python3")?,
        node: Node {
            node: need(find_program("node", &[]), "node")?,
            npm: need(find_program("npm", &[]), "npm")?,
        },
    })
}

fn need(found: Option<PathBuf>, name: &str) -> Result<PathBuf> {
    found.ok_or_else(|| Failure::Told(format!("the program {name} is not to be found")))
}

fn missing_packages() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if ["mariadbd", "mariadb-install-db", "mariadb"]
        .iter()
        .any(|name| mariadb_program(name).is_none())
    {
        missing.push("mariadb-server");
    }
    if ["postgres", "initdb", "psql"]
        .iter()
        .any(|name| postgres_program(name).is_none())
    {
        missing.push("postgresql");
    }
    let venv_works = find_program("python3", &[]).is_some_and(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import venv, ensurepip"]);
        output(command, "try Python's venv").is_ok()
    });
    if !venv_works {
        missing.push("python3-venv");
    }
    for (program, package) in [("node", "nodejs"), ("npm", "npm")] {
        if find_program(program, &[]).is_none() {
            missing.push(package);
        }
    }
    missing
}

fn mariadb_program(name: &str) -> Option<PathBuf> {
    find_program(name, &["/usr/sbin", "/usr/bin"].map(PathBuf::from))
}

/// Debian keeps the server's programs out of `PATH`, in a folder per version; the tested version
/// comes first, then the newest.
fn postgres_program(name: &str) -> Option<PathBuf> {
    let base = Path::new("/usr/lib/postgresql");
    let mut versions: Vec<u32> = std::fs::read_dir(base)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_by_key(|&version| (version.to_string() == POSTGRES_TESTED, version));
    let folders: Vec<PathBuf> = versions
        .iter()
        .rev()
        .map(|version| base.join(version.to_string()).join("bin"))
        .collect();
    find_program(name, &folders)
}

/// The version number of a server's program, and a line if it is not the tested one.
pub(crate) fn version(mut server: Command, name: &str, tested: &str) -> Result<String> {
    server.arg("--version");
    let text = output(server, &format!("ask {name} for its version"))?;
    let version = version_number(&text).unwrap_or("of an unknown version");
    if !is_of(version, tested) {
        println!("xtask: note: CI tests with {name} {tested}; this is {name} {version}");
    }
    Ok(version.to_owned())
}

/// The first word that starts with a digit, up to what is no digit or dot.
fn version_number(text: &str) -> Option<&str> {
    let word = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.');
    Some(&word[..end.unwrap_or(word.len())])
}

fn is_of(version: &str, tested: &str) -> bool {
    version
        .strip_prefix(tested)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn install(packages: &[&str], stop: &Stop) -> Result<()> {
    let (named, by_hand) = (packages.join(", "), by_hand(packages));
    let told = |why: &str| Failure::Told(format!("{named} missing, and {why}; {by_hand}"));
    let apt_get = find_program("apt-get", &[]).ok_or_else(|| told("there is no apt-get"))?;
    let root = || as_root(&apt_get).ok_or_else(|| told("this is neither root nor is there a sudo"));
    let steps = [
        (&["update", "-q"][..], &[][..]),
        (
            &["install", "-q", "-y", "--no-install-recommends"],
            packages,
        ),
    ];
    for (step, packages) in steps {
        let mut command = root()?;
        println!("xtask: apt-get {} {}", step[0], packages.join(" "));
        // Another apt at work is waited for.
        command.args(step).args(["-o", "DPkg::Lock::Timeout=300"]);
        command.args(packages);
        let status = run(command, "apt-get", stop)?;
        if !status.success() {
            return Err(told(&format!("apt-get {} failed ({status})", step[0])));
        }
    }
    // Where there is systemd, Debian's packages start a server of their own.
    if Path::new("/run/systemd/system").is_dir() {
        println!(
            "xtask: note: Debian may have started servers of its own besides, which the tests do \
             not use; to stop them: systemctl disable --now mariadb postgresql"
        );
    }
    Ok(())
}

/// What a person does where we cannot.
fn by_hand(packages: &[&str]) -> String {
    format!(
        "as root, and then start this again:\n\
         \n    apt-get update && apt-get install --no-install-recommends {}\n\n\
         (tested: MariaDB {MARIADB_TESTED}, PostgreSQL {POSTGRES_TESTED}; other systems: what brings \
         mariadbd, mariadb-install-db, mariadb, postgres, initdb, psql, python3 with venv, node \
         and npm)",
        packages.join(" ")
    )
}

/// The program as root, without ever asking for a password.
fn as_root(program: &Path) -> Option<Command> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("env")
    } else {
        let mut sudo = Command::new(find_program("sudo", &[])?);
        sudo.args(["-n", "env"]);
        sudo
    };
    command.arg("DEBIAN_FRONTEND=noninteractive").arg(program);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::{by_hand, is_of, version_number};

    #[test]
    fn the_command_for_root_can_be_copied() {
        let text = by_hand(&["mariadb-server", "python3-venv"]);
        let line = text.lines().find(|line| line.starts_with("    "));
        let command = "apt-get update && apt-get install --no-install-recommends mariadb-server \
                       python3-venv";
        assert_eq!(line.map(str::trim), Some(command));
    }

    #[test]
    fn versions_as_servers_print_them() {
        let maria = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64";
        assert_eq!(version_number(maria), Some("10.11.19"));
        let postgres = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)";
        assert_eq!(version_number(postgres), Some("15.18"));
        assert_eq!(version_number("none"), None);
    }

    #[test]
    fn a_longer_number_is_another_version() {
        assert!(is_of("10.11.19", "10.11") && is_of("15", "15"));
        assert!(!is_of("10.110.1", "10.11") && !is_of("150", "15") && !is_of("9.6", "15"));
    }
}
