//! The JSON report: on which machine, of which commit, and the figures. Owns its outer shape.

use std::fs;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::args::Args;

/// Why a measurement could not be taken. Made of texts: nobody handles it but the reader.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// What failed while doing what.
    pub(crate) fn of(doing: &str, error: &impl std::fmt::Display) -> Self {
        Self(format!("{doing}: {error}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

pub(crate) fn write(args: &Args, figures: &Map<String, Value>) -> Result<(), Failure> {
    let report = json!({
        "machine": machine(),
        "commit": commit(),
        "profile": if cfg!(debug_assertions) { "debug: these figures mean nothing" } else { "release" },
        "figures": figures,
    });
    let text = serde_json::to_string_pretty(&report)
        .map_err(|error| Failure::of("writing the report", &error))?;
    match &args.report {
        Some(path) => Ok(fs::write(path, text + "\n")?),
        None => {
            println!("{text}");
            Ok(())
        }
    }
}

fn machine() -> Value {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model.to_owned());
    json!({
        "cores": std::thread::available_parallelism().map(std::num::NonZero::get).ok(),
        "cpu": model,
        "system": std::env::consts::OS,
    })
}

/// The commit, with `+` behind it when files differ from it.
fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    Some(if changed { commit + "+" } else { commit })
}

/// Rounded to `digits` behind the point: more is noise.
pub(crate) fn rounded(number: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (number * factor).round() / factor
}
