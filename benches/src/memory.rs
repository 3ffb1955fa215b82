//! Peak memory of a process that reads a folder of records to its end. A process of its own,
//! since a peak never falls again.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fieldseal_files::{FolderSource, Tail};
use fieldseal_pipeline::TableLayout;
use serde_json::{Value, json};

use crate::args::Args;
use crate::null::NullTarget;
use crate::preparing::{drive, preparer};
use crate::report::{Failure, rounded};
use crate::stopwatch::{Stopwatch, peak_resident};
use crate::workload::{Keys, Traffic, policy, record};

/// Files of the folder, each a shard.
const FILES: usize = 4;

const LIMIT: u64 = 256 << 20;

pub(crate) fn measure(args: &Args) -> Result<Value, Failure> {
    let rows = args.rows.unwrap_or(5_000_000);
    let batch = args.batches.first().copied().unwrap_or(8_000);
    let folder = tempfile::tempdir()?;
    eprintln!("benches: writing {rows} records");
    let bytes = write_records(folder.path(), rows)?;
    eprintln!("benches: reading them");
    let output = Command::new(std::env::current_exe()?)
        .args(["memory-child", "--rows", &rows.to_string()])
        .args(["--batch", &batch.to_string()])
        .arg("--folder")
        .arg(folder.path())
        .output()?;
    if !output.status.success() {
        return Err(Failure(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    let mut figures: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::of("reading the measured process' answer", &error))?;
    let peak = figures["peak_resident_bytes"].as_u64().unwrap_or(u64::MAX);
    figures["source_bytes"] = bytes.into();
    figures["within_256_mib"] = (peak < LIMIT).into();
    Ok(figures)
}

fn write_records(folder: &Path, rows: usize) -> Result<u64, Failure> {
    let mut bytes = 0;
    for file in 0..FILES {
        let mut out = BufWriter::new(File::create(folder.join(format!("{file}.jsonl")))?);
        for row in (file..rows).step_by(FILES) {
            let record = record(row as u64, Traffic::Inserts);
            bytes += record.len() as u64;
            out.write_all(&record)?;
        }
        out.flush()?;
    }
    Ok(bytes)
}

/// What the measured process does; prints its answer.
pub(crate) async fn child(args: &Args) -> Result<(), Failure> {
    let rows = args
        .rows
        .ok_or_else(|| Failure("--rows is missing".to_owned()))?;
    let folder = args
        .folder
        .as_deref()
        .ok_or_else(|| Failure("--folder is missing".to_owned()))?;
    let batch = args.batches.first().copied().unwrap_or(8_000);
    let keys = Keys::make().await?;
    let policy = policy()?;
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    let target = Arc::new(NullTarget::new(&layouts));
    let preparer = preparer(&policy, &*target, &keys).await?;
    let source = Arc::new(FolderSource::new(folder, Tail::Deliver));
    let watch = Stopwatch::start();
    drive(source, target, preparer, batch, rows).await?;
    let times = watch.read();
    println!(
        "{}",
        json!({
            "rows": rows,
            "files": FILES,
            "batch": batch,
            "target": "null",
            "peak_resident_bytes": peak_resident(),
            "seconds": rounded(times.wall, 1),
            "cpu_seconds": rounded(times.cpu, 1),
            "rows_per_second": rounded(rows as f64 / times.wall, 0),
        })
    );
    Ok(())
}
