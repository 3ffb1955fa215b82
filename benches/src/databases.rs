//! The whole way into a server, against two ceilings fed with the same sealed bytes, made
//! beforehand: the server's bulk path without a guard, and the guarded statement alone. Owns the
//! rounds; the statements are in the modules below.

mod mariadb;
mod postgres;
mod scratch;

use std::sync::Arc;

use fieldseal_db::Database;
use fieldseal_pipeline::{TableLayout, Target};
use fieldseal_store::Store;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use crate::args::Args;
use crate::null::{NullTarget, ReadyRow};
use crate::preparing::{cpu_us, drive, per_second, preparer};
use crate::report::{Failure, rounded};
use crate::stopwatch::{Stopwatch, Times, median, server_cpu};
use crate::workload::{Keys, MemorySource, Traffic, policy};
pub(crate) use scratch::{Scratch, Server};

/// The two ceilings.
trait Ceilings: Send + Sync + 'static {
    /// Brings the rows into the shape the server takes, outside the measured time.
    fn ready(batches: Vec<Vec<ReadyRow>>, scratch: &Scratch) -> Result<Self, Failure>
    where
        Self: Sized;

    /// How many steps each way takes; steps of one way may run side by side.
    fn steps(&self, way: Way) -> usize;

    /// One step in a transaction of its own.
    fn step(
        &self,
        way: Way,
        number: usize,
        database: &Database,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How rows get into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The server's bulk path, with no guard, in large pieces.
    Bulk,
    /// Multi-row INSERT with no guard, in the batches of the run.
    Insert,
    /// The guarded statement, in the batches of the run.
    Guarded,
    /// Records through the pipeline and the store.
    Pipeline,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Insert => "insert",
            Self::Guarded => "guarded",
            Self::Pipeline => "pipeline",
        }
    }
}

/// One round of one way.
struct Sample {
    times: Times,
    server_cpu: f64,
}

/// What every round of one setting uses.
struct Setting<'a> {
    server: &'a Server,
    keys: &'a Keys,
    source: Arc<MemorySource>,
    rows: usize,
    batch: usize,
    shards: usize,
}

pub(crate) async fn measure(args: &Args) -> Result<Value, Failure> {
    let keys = Keys::make().await?;
    let mut servers = Map::new();
    if let Some(url) = &args.postgres {
        let server = Server::postgres(url).await?;
        let figures = settings::<postgres::Ready>(args, &server, &keys).await?;
        servers.insert("postgres".to_owned(), figures);
    }
    if let Some(url) = &args.mariadb {
        let server = Server::mariadb(url).await?;
        let figures = settings::<mariadb::Ready>(args, &server, &keys).await?;
        servers.insert("mariadb".to_owned(), figures);
    }
    if servers.is_empty() {
        return Err(Failure(
            "no server: give --postgres or --mariadb, or set FIELDSEAL_TEST_POSTGRES_URL or \
             FIELDSEAL_TEST_MARIADB_URL; `cargo xtask services` starts both"
                .to_owned(),
        ));
    }
    Ok(Value::Object(servers))
}

async fn settings<C: Ceilings>(
    args: &Args,
    server: &Server,
    keys: &Keys,
) -> Result<Value, Failure> {
    let rows = args.rows.unwrap_or(600_000);
    let mut figures = Vec::new();
    for shards in &args.shards {
        let source = Arc::new(MemorySource::new(rows, *shards, Traffic::Loads));
        for batch in &args.batches {
            let setting = Setting {
                server,
                keys,
                source: Arc::clone(&source),
                rows,
                batch: *batch,
                shards: *shards,
            };
            figures.push(setting.measure::<C>(args.rounds).await?);
        }
    }
    Ok(json!({
        "version": server.version,
        "rows": rows,
        "rounds": args.rounds,
        "columns": 12,
        "sealed": 6,
        "aim": "pipeline at least 0.85 of guarded",
        "figures": figures,
    }))
}

impl Setting<'_> {
    async fn measure<C: Ceilings>(&self, rounds: usize) -> Result<Value, Failure> {
        let ways: &[Way] = if self.server.has_insert() {
            &[Way::Bulk, Way::Insert, Way::Guarded, Way::Pipeline]
        } else {
            &[Way::Bulk, Way::Guarded, Way::Pipeline]
        };
        let batches = self.sealed().await?;
        let sealed: usize = batches.iter().flatten().map(ReadyRow::sealed_bytes).sum();
        let scratch = Scratch::create(self.server).await?;
        let ready = Arc::new(C::ready(batches, &scratch)?);
        scratch.remove().await?;
        let mut samples: Vec<Vec<Sample>> = ways.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (way, samples) in ways.iter().zip(&mut samples) {
                samples.push(self.round(*way, &ready).await?);
            }
        }
        let mut figures = Map::new();
        for (way, samples) in ways.iter().zip(&samples) {
            figures.insert(way.name().to_owned(), self.figures(samples));
        }
        let guarded = &samples[ways.len() - 2];
        let pipeline = &samples[ways.len() - 1];
        let ratio = |other: &[Sample]| {
            let pairs = other.iter().zip(pipeline);
            rounded(median(pairs.map(|(o, p)| o.times.wall / p.times.wall)), 3)
        };
        figures.insert("shards".to_owned(), self.shards.into());
        figures.insert("batch".to_owned(), self.batch.into());
        figures.insert(
            "sealed_bytes_per_row".to_owned(),
            (sealed / self.rows).into(),
        );
        figures.insert("pipeline_to_guarded".to_owned(), ratio(guarded).into());
        figures.insert("pipeline_to_bulk".to_owned(), ratio(&samples[0]).into());
        eprintln!("benches: {} done", json!(figures));
        Ok(Value::Object(figures))
    }

    fn figures(&self, samples: &[Sample]) -> Value {
        json!({
            "rows_per_second": per_second(self.rows, samples.iter().map(|s| s.times.wall)),
            "client_cpu_us_per_row": cpu_us(self.rows, samples.iter().map(|s| s.times.cpu)),
            "server_cpu_us_per_row": cpu_us(self.rows, samples.iter().map(|s| s.server_cpu)),
        })
    }

    /// The batches that the pipeline makes of the source.
    async fn sealed(&self) -> Result<Vec<Vec<ReadyRow>>, Failure> {
        let policy = policy()?;
        let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
        let target = Arc::new(NullTarget::keeping(&layouts));
        let preparer = preparer(&policy, &*target, self.keys).await?;
        let source = Arc::clone(&self.source);
        drive(source, Arc::clone(&target), preparer, self.batch, self.rows).await?;
        Arc::into_inner(target)
            .map(NullTarget::into_batches)
            .ok_or_else(|| Failure("the run still holds its target".to_owned()))
    }

    /// One way into an empty database.
    async fn round<C: Ceilings>(&self, way: Way, ready: &Arc<C>) -> Result<Sample, Failure> {
        let scratch = Scratch::create(self.server).await?;
        let policy = policy()?;
        let store = Arc::new(Store::new(scratch.database.clone(), &policy));
        let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
        store
            .describe(&layouts)
            .await
            .map_err(|error| Failure::of("describing the target", &error))?;
        let preparer = preparer(&policy, &*store, self.keys).await?;
        let server_before = server_cpu(self.server.pid);
        let watch = Stopwatch::start();
        if way == Way::Pipeline {
            drive(
                Arc::clone(&self.source),
                store,
                preparer,
                self.batch,
                self.rows,
            )
            .await?;
        } else {
            self.feed(way, ready, &scratch.database).await?;
        }
        let times = watch.read();
        scratch.expect_rows(self.rows).await?;
        let sample = Sample {
            times,
            server_cpu: server_cpu(self.server.pid) - server_before,
        };
        scratch.remove().await?;
        Ok(sample)
    }

    /// As many connections as the pipeline has shards, each with its share of the steps.
    async fn feed<C: Ceilings>(
        &self,
        way: Way,
        ready: &Arc<C>,
        database: &Database,
    ) -> Result<(), Failure> {
        let mut lanes = JoinSet::new();
        for lane in 0..self.shards {
            let (ready, database, lanes_all) = (Arc::clone(ready), database.clone(), self.shards);
            lanes.spawn(async move {
                for number in (lane..ready.steps(way)).step_by(lanes_all) {
                    ready.step(way, number, &database).await?;
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(lane) = lanes.join_next().await {
            lane.map_err(|error| Failure::of("a lane", &error))??;
        }
        Ok(())
    }
}
