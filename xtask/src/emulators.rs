//! The public emulators of AWS services that the tests run against: kinesalite and kinesis-local
//! (npm), moto (PyPI). Owns their versions and the folders below `target/` they are installed in;
//! nothing is installed for the system or the person.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, Result};
use crate::install::Tools;
use crate::process::{output, run};
use crate::python;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// As in `xtask/emulators/package.json`, to which a test holds it.
pub(crate) const KINESALITE: &str = "3.3.3";
pub(crate) const KINESIS_LOCAL: &str = "0.6.2";
/// As in `xtask/emulators/requirements.txt`.
pub(crate) const MOTO: &str = "5.2.5";

/// Where everything of ours about them lies in the checkout.
const SCRIPTS: &str = "xtask/emulators";

/// What npm is told, and by which it is seen whether anything changed.
const PACKAGE_FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// The emulators, installed.
pub(crate) struct Programs {
    scripts: PathBuf,
    modules: PathBuf,
    moto: PathBuf,
}

impl Programs {
    /// A script of ours.
    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.scripts.join(name)
    }

    /// The folder with `node_modules`.
    pub(crate) fn modules(&self) -> &Path {
        &self.modules
    }

    /// The Python that has moto.
    pub(crate) fn moto(&self) -> &Path {
        &self.moto
    }
}

/// Installs what is missing or of another version.
pub(crate) fn ensure(workspace: &Workspace, tools: &Tools, stop: &Stop) -> Result<Programs> {
    let scripts = workspace.root().join(SCRIPTS);
    Ok(Programs {
        modules: modules(workspace, &scripts, tools, stop)?,
        scripts,
        moto: python::ensure(workspace, &python::MOTO, &tools.python, stop)?,
    })
}

fn modules(workspace: &Workspace, scripts: &Path, tools: &Tools, stop: &Stop) -> Result<PathBuf> {
    let mut ask = Command::new(&tools.node.node);
    ask.arg("--version");
    let mut wanted = output(ask, "ask Node for its version")?;
    for name in PACKAGE_FILES {
        let path = scripts.join(name);
        wanted += &fs::read_to_string(&path).doing(|| format!("read {}", path.display()))?;
    }
    let _lock = workspace.lock("emulators")?;
    let folder = workspace.target().join("emulators");
    // Written last, so that an installation broken off half way is made again.
    let stamp = folder.join("made-for.txt");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(folder);
    }
    println!("xtask: installing kinesalite {KINESALITE} and kinesis-local {KINESIS_LOCAL} by npm");
    fs::create_dir_all(&folder).doing(|| format!("make {}", folder.display()))?;
    for name in PACKAGE_FILES {
        let to = folder.join(name);
        fs::copy(scripts.join(name), &to).doing(|| format!("write {}", to.display()))?;
    }
    let mut npm = Command::new(&tools.node.npm);
    npm.current_dir(&folder)
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        // What they bring works without: a database on disk, which the tests do not use.
        .args(["--ignore-scripts", "--omit=optional"]);
    let status = run(npm, "npm", stop)?;
    if !status.success() {
        return Err(Failure::Told(format!(
            "npm cannot install what {SCRIPTS}/package-lock.json names ({status}); needed: the npm \
             registry, or npm's cache of it"
        )));
    }
    fs::write(&stamp, &wanted).doing(|| format!("write {}", stamp.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::{KINESALITE, KINESIS_LOCAL, MOTO};

    #[test]
    fn the_versions_are_those_that_are_installed() {
        let package = include_str!("../emulators/package.json");
        assert!(package.contains(&format!("\"kinesalite\": \"{KINESALITE}\"")));
        assert!(package.contains(&format!("\"kinesis-local\": \"{KINESIS_LOCAL}\"")));
        let requirements = include_str!("../emulators/requirements.txt");
        assert!(requirements.contains(&format!("\nmoto=={MOTO}\n")));
    }
}
