//! A Python environment of our own for the independent reader of the sealed format. Owns its
//! folder below `target/`; what goes into it is written in `tests/python/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, Result};
use crate::process::{output, run};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// Where the requirements lie in the checkout.
const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// The environment's Python, made or renewed when the requirements or the system's Python changed.
pub(crate) fn ensure(workspace: &Workspace, system: &Path, stop: &Stop) -> Result<PathBuf> {
    let requirements = workspace.root().join(REQUIREMENTS);
    let wanted =
        fs::read_to_string(&requirements).doing(|| format!("read {}", requirements.display()))?;
    let mut ask = Command::new(system);
    ask.arg("--version");
    let wanted = format!("{}\n{wanted}", output(ask, "ask Python for its version")?);

    let _lock = workspace.lock("python-venv")?;
    let folder = workspace.target().join("python-venv");
    let python = folder.join("bin/python");
    // Written last, so that an environment broken off half way is made again.
    let stamp = folder.join("made-for.txt");
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    println!("xtask: making a Python environment with {REQUIREMENTS}");
    let mut venv = Command::new(system);
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    must(venv, "make the Python environment", stop)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .arg("--disable-pip-version-check")
        .arg("--requirement")
        .arg(&requirements);
    must(pip, "install tests/python/requirements.txt with pip", stop)?;
    fs::write(&stamp, &wanted).doing(|| format!("write {}", stamp.display()))?;
    Ok(python)
}

fn must(command: Command, what: &'static str, stop: &Stop) -> Result<()> {
    let status = run(command, what, stop)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Told(format!(
            "cannot {what} ({status}); needed: python3-venv, and a package index or a cache that \
             holds what {REQUIREMENTS} names"
        )))
    }
}
