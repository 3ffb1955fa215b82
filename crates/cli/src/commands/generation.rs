//! `fieldseal generation`: full loads of tables, from their mark to the sweep. Where L comes from
//! is in `position`.

mod position;

use std::time::Duration;

use fieldseal_model::{Engine, Position};
use fieldseal_pipeline::Capture;
use fieldseal_source::CommitOrder;
use fieldseal_store::{Beginning, Completion, GenerationState, Seen, Store};
use serde_json::json;

use crate::args::{CaptureWord, ConfigArgs, GenerationCommand, ReportArgs, TablesArgs};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::{Lines, columns, counted, say};
use crate::progress::Counting;
use crate::wiring::{connect_migrated, described};
use crate::{clock, source};
use position::{Asked, Wanted};

/// Rows and tombstones deleted in one transaction.
const SWEEP_ROWS: u32 = 1000;

pub(crate) async fn generation(command: &GenerationCommand) -> Result<Exit, Failure> {
    match command {
        GenerationCommand::Begin {
            config,
            tables,
            position,
            no_heartbeat,
            wait,
            capture,
        } => {
            let order = if *no_heartbeat {
                CommitOrder::Transactions
            } else {
                CommitOrder::Heartbeat
            };
            let asked = Asked {
                position: position.as_deref(),
                order,
                patience: Duration::from_secs(*wait),
            };
            begin(config, tables, &asked, *capture).await
        }
        GenerationCommand::Complete {
            config,
            tables,
            source_is_empty,
        } => {
            let seen = if *source_is_empty {
                Seen::Nothing
            } else {
                Seen::Something
            };
            complete(config, tables, seen).await
        }
        GenerationCommand::Sweep { config, tables } => sweep(config, tables).await,
        GenerationCommand::List(args) => list(args).await,
    }
}

async fn begin(
    args: &ConfigArgs,
    tables: &TablesArgs,
    asked: &Asked<'_>,
    capture: CaptureWord,
) -> Result<Exit, Failure> {
    let config = Config::read(&args.config)?;
    let tables = config.table_ids(tables)?;
    let engine = config.policy.source().engine;
    let wanted = asked.checked(&config)?;
    let store = store(&config).await?;
    let by_hand = matches!(wanted, Wanted::Given(_));
    // Before L: what was applied by now lies below a position that is read after it.
    let applied = store
        .highest_position()
        .await
        .map_err(|error| Failure::database("reading how far the shards are applied", &error))?;
    let at = position::of(wanted, asked, &config).await?;
    if let Some((shard, high)) = applied.filter(|(_, high)| !by_hand && *high > at) {
        return Err(fell_back(&shard, high, at, engine));
    }
    // The marks come after the wait: what the old task had under way lies before them, and little
    // time passes between them and the beginning, in which `run` could read beyond them.
    let known = store
        .known_shards()
        .await
        .map_err(|error| Failure::database("reading the shards", &error))?;
    let marks = source::marks(&config).await?;
    // After the marks: what is stamped later than this is DMS's new task.
    let started = clock::now();
    let kind = match capture {
        CaptureWord::Stopped => Capture::Stopped,
        CaptureWord::Unbroken => Capture::Unbroken,
    };
    let begun = store
        .begin_generations(&tables, at, kind, &started, &known, &marks)
        .await
        .map_err(|error| Failure::database("beginning the generations", &error))?;
    let generations = match begun {
        Beginning::Begun(generations) => generations,
        refusal => return Err(refused(&refusal, &config)),
    };
    // The store answers in the order of ids.
    let mut ids = tables;
    ids.sort_unstable();
    ids.dedup();
    for (table, generation) in ids.iter().zip(&generations) {
        say(&format!(
            "generation {} of {table} begins at {}, behind the present end of {}",
            generation.0,
            at.display(engine),
            counted(marks.len() as u64, "shard")
        ))?;
    }
    say(&format!(
        "DMS may be started now. {}",
        relied_on(capture, engine, by_hand)
    ))?;
    say(
        "Any restart of this load, also one that DMS makes by itself, is a new generation: begin \
         one again.",
    )?;
    Ok(Exit::Done)
}

/// What must be true, or the load cannot be trusted.
fn relied_on(capture: CaptureWord, engine: Engine, by_hand: bool) -> String {
    let before = match capture {
        CaptureWord::Stopped => {
            "This relies on: the old task was stopped before the position was read, and all that \
             it wrote was in the source before this command began;"
        }
        CaptureWord::Unbroken => {
            "This relies on: the running task has captured every change of these tables without a \
             break since before the position was read, and only reloads them;"
        }
    };
    let server = match engine {
        _ if !by_hand => {
            "the policy's source URL names the server that DMS reads (a replica itself, never its \
             primary)."
        }
        Engine::MySql => {
            "the position was read at the server that DMS reads (a replica's own binlog, never \
             its primary's), and a write was committed there after it was read."
        }
        Engine::Postgres => {
            "the position was read at the server that DMS reads, and every transaction that was \
             open at that moment has ended."
        }
    };
    format!("{before} {server}")
}

/// L was read after a change was applied that lies above it: another log, or the same one begun
/// anew.
fn fell_back(shard: &str, high: Position, at: Position, engine: Engine) -> Failure {
    let text = format!(
        "nothing has begun: L is {}, and shard {shard} has a change at {} that was applied before L \
         was read. The source's log has fallen back (a restore, a failover, RESET), or \
         [source].url leads to another server than DMS reads. If the log fell back: stop the DMS \
         task, let `fieldseal run` read what it wrote, run `fieldseal epoch begin`, and try again",
        at.display(engine),
        high.display(engine)
    );
    Failure::new(Exit::NotAsItShouldBe, text)
}

/// Why a beginning was refused, in words that say what to do.
pub(crate) fn refused<T>(refusal: &Beginning<T>, config: &Config) -> Failure {
    let engine = config.policy.source().engine;
    let text = match refusal {
        Beginning::Begun(_) => "nothing was refused".to_owned(),
        Beginning::ReadBeyondMark { shard } => format!(
            "shard {shard} was read beyond its mark while this command ran, so records of the new \
             task may have the old label already: stop the DMS task and `fieldseal run`, and try \
             again"
        ),
        Beginning::PositionPassed { shard, high } => format!(
            "shard {shard} has a change at {}, at or beyond L: the old task had \
             not stopped, or the position is another server's. Stop the task, let `fieldseal run` \
             read what it wrote, read the position again, and try again; or use --capture \
             unbroken for a table reload inside a running task. If the source's log has fallen \
             back (a restore, a failover, RESET), run `fieldseal epoch begin` first",
            high.display(engine)
        ),
        Beginning::PositionNotNew { table, earlier } => format!(
            "table {table} has a generation that began at {}, at or behind L, and \
             two loads of one position could not be told apart: let the source commit something, \
             read the position again, and try again. If the source's log has fallen back (a \
             restore, a failover, RESET), run `fieldseal epoch begin` first",
            earlier.display(engine)
        ),
        Beginning::UnknownTable { table } => {
            format!("table {table} is not registered in the target; run `fieldseal migrate`")
        }
    };
    Failure::new(Exit::NotAsItShouldBe, format!("nothing has begun: {text}"))
}

async fn complete(args: &ConfigArgs, tables: &TablesArgs, seen: Seen) -> Result<Exit, Failure> {
    let config = Config::read(&args.config)?;
    let tables = config.table_ids(tables)?;
    let database = connect_migrated(&config).await?;
    let store = described(&database, &config.policy).await?;
    let ends = source::marks(&config).await?;
    source::until_applied(&config, &store, &ends).await?;
    let mut exit = Exit::Done;
    for table in &tables {
        let completion = store
            .complete_generation(table, &ends, source::gone(&config), seen)
            .await
            .map_err(|error| Failure::database(&format!("completing {table}"), &error))?;
        match completion {
            Completion::Complete(generation) => say(&format!(
                "generation {} of {table} is complete; `fieldseal generation sweep` deletes what \
                 it did not bring",
                generation.0
            ))?,
            Completion::NotYet(reasons) => {
                exit = Exit::NotAsItShouldBe;
                say(&format!("{table} not yet: {}", reasons.join("; ")))?;
            }
        }
    }
    Ok(exit)
}

async fn sweep(args: &ConfigArgs, tables: &TablesArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config)?;
    let tables = config.table_ids(tables)?;
    let database = connect_migrated(&config).await?;
    let store = described(&database, &config.policy).await?;
    let generations = generations(&store).await?;
    for table in &tables {
        let of_table = |g: &&GenerationState| g.table == *table && g.state == "complete";
        if !generations.iter().any(|g| of_table(&g)) {
            say(&format!(
                "{table}: no completed generation waits for its sweep"
            ))?;
            continue;
        }
        let (rows, tombstones) = sweep_table(&store, table).await?;
        say(&format!(
            "{table}: swept {rows} rows and {tombstones} tombstones"
        ))?;
    }
    Ok(Exit::Done)
}

async fn sweep_table(store: &Store, table: &str) -> Result<(u64, u64), Failure> {
    let mut counting = Counting::start(&format!("sweeping {table}"), "rows and tombstones");
    let (mut rows, mut tombstones) = (0, 0);
    loop {
        let step = store
            .sweep_step(table, SWEEP_ROWS)
            .await
            .map_err(|error| Failure::database(&format!("sweeping {table}"), &error))?;
        rows += step.rows;
        tombstones += step.tombstones;
        counting.reached(rows + tombstones);
        if step.done {
            return Ok((rows, tombstones));
        }
    }
}

async fn list(args: &ReportArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let store = store(&config).await?;
    let engine = config.policy.source().engine;
    let generations = generations(&store).await?;
    let mut lines = Lines::new();
    if args.json {
        let objects: Vec<_> = generations.iter().map(|g| object(g, engine)).collect();
        lines.line(json!({ "generations": objects }).to_string())?;
    } else {
        let rows: Vec<Vec<String>> = generations
            .iter()
            .map(|g| {
                vec![
                    g.generation.0.to_string(),
                    g.table.clone(),
                    g.epoch.0.to_string(),
                    position(g, engine).unwrap_or_else(|| "-".to_owned()),
                    g.capture.clone(),
                    g.started.clone().unwrap_or_else(|| "-".to_owned()),
                    g.state.clone(),
                ]
            })
            .collect();
        let heading = [
            "generation",
            "table",
            "epoch",
            "position",
            "capture",
            "started",
            "state",
        ];
        for line in columns(&heading, &rows) {
            lines.line(line)?;
        }
    }
    lines.finish()?;
    Ok(Exit::Done)
}

/// One generation as JSON.
pub(crate) fn object(generation: &GenerationState, engine: Engine) -> serde_json::Value {
    json!({
        "generation": generation.generation.0,
        "table": generation.table,
        "epoch": generation.epoch.0,
        "position": position(generation, engine),
        "capture": generation.capture,
        "started": generation.started,
        "state": generation.state,
    })
}

/// L; none for a first load that was never registered, which has no beginning but the source's.
fn position(generation: &GenerationState, engine: Engine) -> Option<String> {
    let at = generation.position;
    (at != Position(0)).then(|| at.display(engine).to_string())
}

async fn generations(store: &Store) -> Result<Vec<GenerationState>, Failure> {
    store
        .generations()
        .await
        .map_err(|error| Failure::database("reading the generations", &error))
}

async fn store(config: &Config) -> Result<Store, Failure> {
    let database = connect_migrated(config).await?;
    Ok(Store::new(database, &config.policy))
}
