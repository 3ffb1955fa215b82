//! MySQL's programs, which Debian packages in its unstable suite only. Owns fetching them into a
//! folder below `target/`, with all the libraries they need down to the loader, so that they run
//! beside whatever the system has and the system's package state is never touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, Result};
use crate::install::version;
use crate::process::{find_program, output, run};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// The version the tests were written on. Unstable moves: another one is used, and said.
const MYSQL_TESTED: &str = "9.7";

const PACKAGES: [&str; 2] = ["mysql-server-core", "mysql-client-core"];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// MySQL's programs, to be run by the loader that came with them.
pub(crate) struct Mysql {
    root: PathBuf,
    platform: Platform,
    pub(crate) version: String,
}

impl Mysql {
    /// What is to be started in the place of a program, and the arguments that must come first.
    pub(crate) fn program(&self, path: &str) -> (PathBuf, [PathBuf; 3]) {
        (
            self.root.join(self.platform.loader),
            [
                "--library-path".into(),
                self.root.join(self.platform.libraries),
                self.root.join(path),
            ],
        )
    }

    pub(crate) fn client(&self) -> Command {
        let (loader, first) = self.program("usr/bin/mysql");
        let mut client = Command::new(loader);
        client.args(first);
        client
    }

    /// A folder of the packages.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// Where Debian puts the loader and the libraries.
#[derive(Clone, Copy)]
struct Platform {
    loader: &'static str,
    libraries: &'static str,
}

impl Platform {
    fn of(architecture: &str) -> Option<Self> {
        match architecture {
            "x86_64" => Some(Self {
                loader: "usr/lib64/ld-linux-x86-64.so.2",
                libraries: "usr/lib/x86_64-linux-gnu",
            }),
            "aarch64" => Some(Self {
                loader: "usr/lib/ld-linux-aarch64.so.1",
                libraries: "usr/lib/aarch64-linux-gnu",
            }),
            _ => None,
        }
    }
}

/// Which MySQL the tests run on.
pub(crate) enum Choice {
    /// The person's own.
    Given,
    Fetched(Mysql),
    /// None, and why.
    LeftOut(String),
}

/// Where an administrator's URL of a MySQL stands; set to nothing, there shall be none.
pub(crate) const URL: &str = "FIELDSEAL_TEST_MYSQL_URL";

/// The person's own server, or the programs to start one. Not to have them is no failure.
pub(crate) fn choose(workspace: &Workspace, stop: &Stop) -> Result<Choice> {
    match std::env::var_os(URL) {
        Some(url) if url.is_empty() => {
            return Ok(Choice::LeftOut(format!("{URL} is set to nothing")));
        }
        Some(_) => return Ok(Choice::Given),
        None => {}
    }
    match ensure(workspace, stop) {
        Ok(mysql) => Ok(Choice::Fetched(mysql)),
        Err(Failure::Told(why)) => Ok(Choice::LeftOut(why)),
        Err(stopped @ Failure::Stopped(_)) => Err(stopped),
    }
}

/// The programs, fetched the first time; to fetch a newer version, remove the folder
/// `target/mysql`. A failure says why the tests go on without MySQL.
fn ensure(workspace: &Workspace, stop: &Stop) -> Result<Mysql> {
    let architecture = std::env::consts::ARCH;
    let platform = Platform::of(architecture).ok_or_else(|| {
        Failure::Told(format!(
            "where its loader lies on {architecture} is not known"
        ))
    })?;
    let folder = workspace.target().join("mysql");
    let _lock = workspace.lock("mysql")?;
    // Written last, so that a folder broken off half way is made again.
    let stamp = folder.join("version.txt");
    if !stamp.exists() {
        fetch(&folder, stop)?;
    }
    let mut mysql = Mysql {
        root: folder.join("root"),
        platform,
        version: String::new(),
    };
    let (loader, first) = mysql.program("usr/sbin/mysqld");
    let mut ask = Command::new(loader);
    ask.args(first).arg("--version");
    mysql.version = version(ask, "MySQL", MYSQL_TESTED)?;
    if !stamp.exists() {
        fs::write(&stamp, &mysql.version).doing(|| format!("write {}", stamp.display()))?;
    }
    Ok(mysql)
}

fn fetch(folder: &Path, stop: &Stop) -> Result<()> {
    let need = |name: &str| {
        find_program(name, &[]).ok_or_else(|| {
            Failure::Told(format!("it comes from Debian, and there is no {name} here"))
        })
    };
    let (apt_get, apt_config, dpkg_deb) =
        (need("apt-get")?, need("apt-config")?, need("dpkg-deb")?);
    if !Path::new(KEYRING).is_file() {
        return Err(Failure::Told(format!(
            "there is no {KEYRING} to check Debian's signature with"
        )));
    }
    println!(
        "xtask: fetching {} of Debian's unstable suite (some 65 MB) into {}",
        PACKAGES.join(", "),
        folder.display()
    );
    if folder.exists() {
        fs::remove_dir_all(folder).doing(|| format!("remove {}", folder.display()))?;
    }
    let apt = PrivateApt::make(folder.join("apt"), &apt_config)?;
    for step in [&["update"][..], &["install", "--download-only", "-y"]] {
        let mut command = Command::new(&apt_get);
        command.env("APT_CONFIG", &apt.config).arg("-qq").args(step);
        if step[0] == "install" {
            command.arg("--no-install-recommends").args(PACKAGES);
        }
        let status = run(command, "apt-get", stop)?;
        if !status.success() {
            return Err(Failure::Told(format!(
                "apt-get {} could not fetch it ({status})",
                step[0]
            )));
        }
    }
    let root = folder.join("root");
    for archive in apt.archives()? {
        stop.check()?;
        let mut unpack = Command::new(&dpkg_deb);
        unpack.arg("--extract").arg(&archive).arg(&root);
        output(unpack, &format!("unpack {}", archive.display()))?;
    }
    apt.remove()
}

/// Everything apt reads and writes, apart from the system's: it believes that nothing is installed,
/// so it fetches every library.
struct PrivateApt {
    home: PathBuf,
    config: PathBuf,
}

impl PrivateApt {
    fn make(home: PathBuf, apt_config: &Path) -> Result<Self> {
        let make = |path: &str| {
            let path = home.join(path);
            fs::create_dir_all(&path).doing(|| format!("make {}", path.display()))
        };
        make("etc/apt/apt.conf.d")?;
        make("etc/apt/preferences.d")?;
        make("var/lib/dpkg")?;
        make("var/lib/apt/lists/partial")?;
        make("var/cache/apt/archives/partial")?;
        // How the system reaches the network, and nothing else of its settings.
        let mut ask = Command::new(apt_config);
        ask.args(["dump", "--format", "%f \"%v\";%n"])
            .args(["Acquire::http", "Acquire::https"]);
        let network = output(ask, "ask apt for its proxies")?;
        let config = home.join("apt.conf");
        for (path, text) in [
            (&config, apt_conf(&home, &network)),
            (&home.join("var/lib/dpkg/status"), String::new()),
            (
                &home.join("etc/apt/sources.list"),
                format!("deb [signed-by={KEYRING}] http://deb.debian.org/debian unstable main\n"),
            ),
        ] {
            fs::write(path, text).doing(|| format!("write {}", path.display()))?;
        }
        Ok(Self { home, config })
    }

    fn archives(&self) -> Result<Vec<PathBuf>> {
        let folder = self.home.join("var/cache/apt/archives");
        let entries = fs::read_dir(&folder).doing(|| format!("read {}", folder.display()))?;
        Ok(entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "deb"))
            .collect())
    }

    fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.home).doing(|| format!("remove {}", self.home.display()))
    }
}

fn apt_conf(home: &Path, network: &str) -> String {
    let home = home.display();
    format!(
        "{network}\n\
         Dir \"{home}/\";\n\
         Dir::State::status \"{home}/var/lib/dpkg/status\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::http::Timeout \"20\";\n\
         // A mirror may be frozen. Signatures are checked all the same.\n\
         Acquire::Check-Valid-Until \"false\";\n\
         APT::Update::Error-Mode \"any\";\n\
         // The account for downloads often cannot enter a checkout.\n\
         APT::Sandbox::User \"root\";\n"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Platform, apt_conf};

    #[test]
    fn apt_is_kept_away_from_the_system() {
        let config = apt_conf(
            Path::new("/somewhere"),
            "Acquire::http::Proxy \"http://p\";",
        );
        assert!(config.starts_with("Acquire::http::Proxy \"http://p\";\n"));
        // Every path is relative to `Dir` but that of the state, which has a default of its own.
        assert!(config.contains("\nDir \"/somewhere/\";\n"));
        assert!(config.contains("\nDir::State::status \"/somewhere/var/lib/dpkg/status\";\n"));
    }

    #[test]
    fn the_loader_of_an_unknown_machine_is_not_guessed() {
        assert!(Platform::of("x86_64").is_some() && Platform::of("aarch64").is_some());
        assert!(Platform::of("riscv64").is_none());
    }
}
