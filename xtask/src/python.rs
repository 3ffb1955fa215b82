//! Python environments of our own: one for the independent reader of the sealed format, one for
//! moto. Owns their folders below `target/`; what goes into each is written in its requirements.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, Result};
use crate::process::{output, run};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// One environment.
pub(crate) struct Environment {
    /// Its folder below `target/`.
    folder: &'static str,
    /// Where its requirements lie in the checkout.
    requirements: &'static str,
}

/// What reads the sealed format without any of our code.
pub(crate) const READER: Environment = Environment {
    folder: "python-venv",
    requirements: "tests/python/requirements.txt",
};

/// The emulator of KMS.
pub(crate) const MOTO: Environment = Environment {
    folder: "moto-venv",
    requirements: "xtask/emulators/requirements.txt",
};

/// The environment's Python, made or renewed when the requirements or the system's Python changed.
pub(crate) fn ensure(
    workspace: &Workspace,
    environment: &Environment,
    system: &Path,
    stop: &Stop,
) -> Result<PathBuf> {
    let requirements = workspace.root().join(environment.requirements);
    let wanted =
        fs::read_to_string(&requirements).doing(|| format!("read {}", requirements.display()))?;
    let mut ask = Command::new(system);
    ask.arg("--version");
    let wanted = format!("{}\n{wanted}", output(ask, "ask Python for its version")?);

    let _lock = workspace.lock(environment.folder)?;
    let folder = workspace.target().join(environment.folder);
    let python = folder.join("bin/python");
    // Written last, so that an environment broken off half way is made again.
    let stamp = folder.join("made-for.txt");
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    println!(
        "xtask: making a Python environment with {}",
        environment.requirements
    );
    let mut venv = Command::new(system);
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    must(venv, "make a Python environment", environment, stop)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .arg("--disable-pip-version-check")
        .arg("--requirement")
        .arg(&requirements);
    must(pip, "fill it with pip", environment, stop)?;
    fs::write(&stamp, &wanted).doing(|| format!("write {}", stamp.display()))?;
    Ok(python)
}

fn must(command: Command, what: &str, environment: &Environment, stop: &Stop) -> Result<()> {
    let status = run(command, "Python", stop)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Told(format!(
            "cannot {what} ({status}); needed: python3-venv, and a package index or a cache that \
             holds what {} names",
            environment.requirements
        )))
    }
}
