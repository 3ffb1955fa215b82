//! `fieldseal demo`: a synthetic shop through the real pipeline, and every claim checked. Owns
//! the order of the steps; the shop, its truth and the search are the demo crate's.

mod compare;
mod report;
mod show;
mod stage;

use std::path::Path;
use std::time::Instant;

use fieldseal_db::Connect;
use fieldseal_demo::{Index, Scenario};
use fieldseal_metrics::Monitor;
use fieldseal_pipeline::Progress;

use crate::args::DemoArgs;
use crate::commands::{migrate, run};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::say;
use crate::progress::{BYTES, Counting};
use crate::signals;
use crate::wiring::{Wired, connect};
use report::Report;
use stage::Stage;

/// The shop is the same every time.
const SEED: u64 = 0x5348_4f50;

pub(crate) async fn demo(args: &DemoArgs) -> Result<Exit, Failure> {
    let started = Instant::now();
    let say = |text: &str| if args.json { Ok(()) } else { say(text) };
    let stage = Stage::clear(&args.dir)?;
    say("making a shop, and what AWS DMS would write of it …")?;
    let scenario = stage.write_shop(args.rows, SEED).await?;
    say(&format!(
        "  {} records over 4 shards; when all is applied there are {} rows",
        scenario.records,
        scenario.truth.rows()
    ))?;
    let wired = open(&stage).await?;
    say("encrypting it into SQLite …")?;
    let running = Instant::now();
    let shutdown = signals::shutdown();
    let summary = Box::pin(run::read_all(&wired, true, shutdown)).await?;
    let seconds = running.elapsed().as_secs_f64();
    if let Some((shard, reason)) = summary.stopped.iter().next() {
        return Err(Failure::new(
            Exit::ShardStopped,
            format!("shard {shard} stopped: {reason}"),
        ));
    }
    say("opening every row and comparing it with the shop …")?;
    let mut report = check(&wired, &scenario).await?;
    report.seconds = seconds;
    report.records = scenario.records;
    if !args.json {
        show::rows(&wired).await?;
    }
    // What is still in memory or in a write-ahead log must be on disk to be searched.
    wired.database.close().await;
    say("searching every file for the shop's plaintext …")?;
    search(&stage, &scenario, &mut report).await?;
    report.seconds_total = started.elapsed().as_secs_f64();
    report.print(args, stage.dir())?;
    Ok(if report.holds() {
        Exit::Done
    } else {
        Exit::NotAsItShouldBe
    })
}

/// Makes the root key, the tables and Fieldseal's own, as a user would by `schema` and `migrate`.
async fn open(stage: &Stage) -> Result<Wired, Failure> {
    let config = Config::read(&stage.policy_file())?;
    let provider = stage.create_root_key(&config)?;
    let database = connect(
        &config,
        Connect {
            create: true,
            ..Connect::default()
        },
    )
    .await?;
    stage.create_tables(&database, &config.policy).await?;
    migrate::prepare(&database, &config.policy).await?;
    let monitor = Monitor::new(Progress::new());
    Wired::with(config, database, vec![provider], monitor).await
}

async fn check(wired: &Wired, scenario: &Scenario) -> Result<Report, Failure> {
    let compared = compare::compare(wired, &scenario.truth).await?;
    let store = wired.store().await?;
    let status = store
        .status()
        .await
        .map_err(|error| Failure::database("reading status", &error))?;
    let keys = wired
        .keys
        .list()
        .await
        .map_err(|error| Failure::new(Exit::Failed, format!("listing the keys: {error}")))?;
    Ok(Report {
        rows_expected: scenario.truth.rows() as u64,
        rows_target: compared.in_target,
        rows_equal: compared.equal,
        lookup_ok: compared.looked_up,
        quarantined: status.held.iter().map(|held| held.count).sum(),
        quarantined_expected: scenario.quarantined,
        data_keys: keys.len() as u64,
        needles: scenario.needles.len() as u64,
        ..Report::default()
    })
}

/// Searches everything but `source/`, then proves on `source/` that the search can find.
async fn search(stage: &Stage, scenario: &Scenario, report: &mut Report) -> Result<(), Failure> {
    let mut preparing = Counting::start("preparing the search", "planted values");
    let index = Index::new_telling(&scenario.needles, &mut |done, all| {
        // Each is looked at twice.
        preparing.reached_of(done / 2, all / 2);
    });
    drop(preparing);
    let searched = |doing, dir: &Path, except: Option<&Path>| {
        let mut counting = Counting::start(doing, BYTES);
        index
            .search_telling(dir, except, &mut |done, all| counting.reached_of(done, all))
            .map_err(|error| Failure::new(Exit::Failed, format!("{doing}: {error}")))
    };
    let source = stage.source();
    let outside = searched("searching beside the source", stage.dir(), Some(&source))?;
    let inside = searched("searching the source", &source, None)?;
    report.plaintext_hits = outside.hits;
    report.bytes_searched = outside.bytes;
    report.needles_in_source = inside.needles_found as u64;
    Ok(())
}
