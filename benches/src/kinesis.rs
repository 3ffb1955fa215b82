//! A Kinesis stream as the source: into a target that stores nothing, against a bare loop of
//! GetRecords; into PostgreSQL, against the same records in files; and the peak of memory with a
//! million records waiting. Owns the rounds; the stream is filled and read bare in `stream`.

mod stream;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fieldseal_files::{FolderSource, Tail};
use fieldseal_pipeline::{RecordSource, TableLayout, Target as _};
use fieldseal_store::Store;
use serde_json::{Value, json};

use crate::args::Args;
use crate::databases::{Scratch, Server};
use crate::null::NullTarget;
use crate::preparing::{cpu_us, drive, per_second, preparer};
use crate::report::{Failure, rounded};
use crate::stopwatch::{Stopwatch, Times, median, peak_resident};
use crate::workload::{Keys, Traffic, policy, record};
use stream::{SHARDS, Speed, Stream, read_bare, source};

const LIMIT: u64 = 256 << 20;

pub(crate) async fn measure(args: &Args) -> Result<Value, Failure> {
    let rows = args.rows.unwrap_or(1_000_000);
    let batch = args.batches.first().copied().unwrap_or(8_000);
    let keys = Keys::make().await?;
    let stream = Stream::filled(rows).await?;
    let memory = memory(&stream, rows, batch)?;
    eprintln!("benches: {memory}");
    let null = into_null(args, &stream, &keys, rows, batch, Speed::Any).await?;
    eprintln!("benches: {null}");
    let postgres = match &args.postgres {
        Some(url) => {
            let server = Server::postgres(url).await?;
            into_postgres(args, &server, &stream, &keys, rows, batch).await?
        }
        None => json!("no server: give --postgres or set FIELDSEAL_TEST_POSTGRES_URL"),
    };
    eprintln!("benches: {postgres}");
    let limited = into_null(args, &stream, &keys, rows, batch, Speed::Aws).await?;
    eprintln!("benches: {limited}");
    Ok(json!({
        "rows": rows,
        "rounds": args.rounds,
        "batch": batch,
        "shards": SHARDS,
        "null": null,
        "null_within_limits": limited,
        "postgres": postgres,
        "memory": memory,
    }))
}

/// The stream into a target that stores nothing, and the stream read bare.
async fn into_null(
    args: &Args,
    stream: &Stream,
    keys: &Keys,
    rows: usize,
    batch: usize,
    speed: Speed,
) -> Result<Value, Failure> {
    let (mut bare, mut worker) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let watch = Stopwatch::start();
        read_bare(stream.endpoint(), rows, speed).await?;
        bare.push(watch.read());

        let policy = policy()?;
        let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
        let target = Arc::new(NullTarget::new(&layouts));
        let preparer = preparer(&policy, &*target, keys).await?;
        let source = source(stream.endpoint(), speed).await?;
        let watch = Stopwatch::start();
        drive(Arc::new(source), target, preparer, batch, rows).await?;
        worker.push(watch.read());
    }
    Ok(json!({
        "aim": "the worker at least 0.9 of the bare loop",
        "rows": rows,
        "bare": figures(rows, &bare),
        "worker": figures(rows, &worker),
        "worker_to_bare": ratio(&bare, &worker),
    }))
}

/// The stream and the same records in as many files, each into an empty database.
async fn into_postgres(
    args: &Args,
    server: &Server,
    stream: &Stream,
    keys: &Keys,
    rows: usize,
    batch: usize,
) -> Result<Value, Failure> {
    let folder = tempfile::tempdir()?;
    write_files(folder.path(), rows)?;
    let (mut files, mut kinesis) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let source = FolderSource::new(folder.path(), Tail::Deliver);
        files.push(into_store(server, source, keys, rows, batch).await?);
        let source = self::source(stream.endpoint(), Speed::Any).await?;
        kinesis.push(into_store(server, source, keys, rows, batch).await?);
    }
    Ok(json!({
        "aim": "the stream at least 0.85 of the files",
        "rows": rows,
        "version": server.version,
        "files": figures(rows, &files),
        "stream": figures(rows, &kinesis),
        "stream_to_files": ratio(&files, &kinesis),
    }))
}

async fn into_store<S: RecordSource>(
    server: &Server,
    source: S,
    keys: &Keys,
    rows: usize,
    batch: usize,
) -> Result<Times, Failure> {
    let scratch = Scratch::create(server).await?;
    let policy = policy()?;
    let store = Arc::new(Store::new(scratch.database.clone(), &policy));
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    store
        .describe(&layouts)
        .await
        .map_err(|error| Failure::of("describing the target", &error))?;
    let preparer = preparer(&policy, &*store, keys).await?;
    let watch = Stopwatch::start();
    drive(Arc::new(source), store, preparer, batch, rows).await?;
    let times = watch.read();
    scratch.expect_rows(rows).await?;
    scratch.remove().await?;
    Ok(times)
}

fn write_files(folder: &Path, rows: usize) -> Result<(), Failure> {
    let shards = SHARDS as usize;
    for file in 0..shards {
        let mut out = BufWriter::new(File::create(folder.join(format!("{file:02}.jsonl")))?);
        for row in (file..rows).step_by(shards) {
            out.write_all(&record(row as u64, Traffic::Inserts))?;
        }
        out.flush()?;
    }
    Ok(())
}

fn figures(rows: usize, rounds: &[Times]) -> Value {
    json!({
        "records_per_second": per_second(rows, rounds.iter().map(|times| times.wall)),
        "cpu_us_per_record": cpu_us(rows, rounds.iter().map(|times| times.cpu)),
    })
}

/// How fast the second is, the first being 1.
fn ratio(first: &[Times], second: &[Times]) -> f64 {
    let pairs = first.iter().zip(second);
    rounded(median(pairs.map(|(a, b)| a.wall / b.wall)), 3)
}

/// A process of its own reads the whole stream, since a peak never falls again, and since this one
/// holds the stream.
fn memory(stream: &Stream, rows: usize, batch: usize) -> Result<Value, Failure> {
    let child = Command::new(std::env::current_exe()?)
        .args(["kinesis-child", "--rows", &rows.to_string()])
        .args(["--batch", &batch.to_string()])
        .args(["--endpoint", stream.endpoint()])
        .output();
    let output = child?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure(said));
    }
    let mut figures: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::of("reading the measured process' answer", &error))?;
    let peak = figures["peak_resident_bytes"].as_u64().unwrap_or(u64::MAX);
    figures["within_256_mib"] = (peak < LIMIT).into();
    Ok(figures)
}

/// What the measured process does; prints its answer.
pub(crate) async fn child(args: &Args) -> Result<(), Failure> {
    let missing = |what: &str| Failure(format!("{what} is missing"));
    let rows = args.rows.ok_or_else(|| missing("--rows"))?;
    let endpoint = args.endpoint.as_deref();
    let endpoint = endpoint.ok_or_else(|| missing("--endpoint"))?;
    let source = source(endpoint, Speed::Any).await?;
    let batch = args.batches.first().copied().unwrap_or(8_000);
    let keys = Keys::make().await?;
    let policy = policy()?;
    let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
    let target = Arc::new(NullTarget::new(&layouts));
    let preparer = preparer(&policy, &*target, &keys).await?;
    let watch = Stopwatch::start();
    drive(Arc::new(source), target, preparer, batch, rows).await?;
    let times = watch.read();
    println!(
        "{}",
        json!({
            "rows": rows,
            "shards": SHARDS,
            "batch": batch,
            "target": "null",
            "peak_resident_bytes": peak_resident(),
            "seconds": rounded(times.wall, 1),
            "cpu_seconds": rounded(times.cpu, 1),
            "records_per_second": rounded(rows as f64 / times.wall, 0),
        })
    );
    Ok(())
}
