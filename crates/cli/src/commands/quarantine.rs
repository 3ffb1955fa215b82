//! `fieldseal quarantine`: the records that could not be applied.

mod advice;

use std::sync::Arc;

use fieldseal_pipeline::{Preparer, ReplayOutcome, open_held, replay};
use fieldseal_store::{HeldEntry, Store};
use serde_json::json;

use crate::args::{ConfigArgs, QuarantineCommand};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::{Lines, columns, safe, say};
use crate::progress::Counting;
use crate::wiring::{Wired, connect_migrated};

/// Held records read at once: their payloads come with them.
const PAGE: u32 = 100;

pub(crate) async fn quarantine(command: &QuarantineCommand) -> Result<Exit, Failure> {
    match command {
        QuarantineCommand::List { config, json } => list(config, *json).await,
        QuarantineCommand::Show { config, id, reveal } => show(config, *id, *reveal).await,
        QuarantineCommand::Replay { config, ids, all } => replay_all(config, ids, *all).await,
        QuarantineCommand::Discard {
            config,
            ids,
            yes: _,
        } => discard(config, ids).await,
    }
}

async fn list(args: &ConfigArgs, json: bool) -> Result<Exit, Failure> {
    let store = store(&Config::read(&args.config)?).await?;
    let mut lines = Lines::new();
    let mut after = 0;
    loop {
        let held = page(&store, after).await?;
        let Some(last) = held.last() else { break };
        if json {
            for entry in &held {
                lines.line(object(entry).to_string())?;
            }
        } else {
            let rows: Vec<Vec<String>> = held.iter().map(row).collect();
            for line in columns(&HEADING, &rows)
                .into_iter()
                .skip(usize::from(after > 0))
            {
                lines.line(line)?;
            }
        }
        after = last.record.id;
    }
    lines.finish()?;
    if after == 0 && !json {
        say("nothing is held")?;
    }
    Ok(Exit::Done)
}

const HEADING: [&str; 9] = [
    "id",
    "shard",
    "sequence",
    "object",
    "table",
    "operation",
    "reason",
    "column",
    "bytes",
];

fn row(entry: &HeldEntry) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), safe);
    vec![
        entry.record.id.to_string(),
        safe(&entry.record.shard),
        entry.record.sequence.as_str().to_owned(),
        entry.record.index.to_string(),
        or_dash(&entry.table),
        or_dash(&entry.operation),
        entry.reason.clone(),
        or_dash(&entry.column),
        entry.size.to_string(),
    ]
}

fn object(entry: &HeldEntry) -> serde_json::Value {
    json!({
        "id": entry.record.id,
        "shard": entry.record.shard,
        "sequence": entry.record.sequence.as_str(),
        "object": entry.record.index,
        "table": entry.table,
        "operation": entry.operation,
        "reason": entry.reason,
        "column": entry.column,
        "generation": entry.generation,
        "bytes": entry.size,
    })
}

async fn show(args: &ConfigArgs, id: i64, reveal: bool) -> Result<Exit, Failure> {
    let config = Config::read(&args.config)?;
    let mut lines = Lines::new();
    if !reveal {
        let entry = one(&store(&config).await?, id).await?;
        for (title, cell) in HEADING.iter().zip(row(&entry)) {
            lines.line(format!("{title:10} {cell}"))?;
        }
        let advice = advice::advice(&entry.reason);
        lines.line(format!("{:10} {advice}", "to do"))?;
        lines.finish()?;
        return Ok(Exit::Done);
    }
    let (_, store, preparer) = wired(config).await?;
    let entry = one(&store, id).await?;
    let record = open_held(&preparer, &entry.record)
        .await
        .map_err(|error| Failure::new(Exit::NotAsItShouldBe, error.to_string()))?;
    eprintln!("WARNING: what follows on standard output is the record in plaintext");
    lines.line(record.expose())?;
    lines.finish()?;
    Ok(Exit::Done)
}

async fn replay_all(args: &ConfigArgs, ids: &[i64], all: bool) -> Result<Exit, Failure> {
    let (_wired, store, preparer) = wired(Config::read(&args.config)?).await?;
    let mut replayed = Replayed {
        store,
        preparer,
        counting: Counting::start("replaying", "records"),
        applied: 0,
        held: 0,
    };
    if all {
        let mut after = 0;
        loop {
            let held = page(&replayed.store, after).await?;
            let Some(last) = held.last() else { break };
            after = last.record.id;
            for entry in &held {
                replayed.one(entry).await?;
            }
        }
    }
    for id in ids {
        let entry = one(&replayed.store, *id).await?;
        replayed.one(&entry).await?;
    }
    say(&format!(
        "{} applied, {} still held",
        replayed.applied, replayed.held
    ))?;
    Ok(if replayed.held == 0 {
        Exit::Done
    } else {
        Exit::NotAsItShouldBe
    })
}

/// A replay of many records.
struct Replayed {
    store: Arc<Store>,
    preparer: Arc<Preparer>,
    counting: Counting,
    applied: u64,
    held: u64,
}

impl Replayed {
    async fn one(&mut self, entry: &HeldEntry) -> Result<(), Failure> {
        let id = entry.record.id;
        let outcome = replay(&*self.store, &self.preparer, &entry.record)
            .await
            .map_err(|error| {
                Failure::new(
                    Exit::NotAsItShouldBe,
                    format!("replaying record {id}: {error}"),
                )
            })?;
        match outcome {
            ReplayOutcome::Applied => self.applied += 1,
            ReplayOutcome::StillHeld(reason) => {
                self.held += 1;
                self.counting
                    .say(&format!("{id} is still held: {reason}"))?;
            }
        }
        self.counting.reached(self.applied + self.held);
        Ok(())
    }
}

async fn discard(args: &ConfigArgs, ids: &[i64]) -> Result<Exit, Failure> {
    let store = store(&Config::read(&args.config)?).await?;
    for id in ids {
        let discarded = store
            .discard(*id)
            .await
            .map_err(|error| Failure::database(&format!("discarding record {id}"), &error))?;
        if !discarded {
            return Err(not_held(*id));
        }
        say(&format!("{id} discarded"))?;
    }
    say(
        "A debt stays for each: what it would have changed may be wrong in the target. A new \
         generation of its table pays it; until then `fieldseal status` is not ready.",
    )?;
    Ok(Exit::Done)
}

async fn store(config: &Config) -> Result<Store, Failure> {
    let database = connect_migrated(config).await?;
    Ok(Store::new(database, &config.policy))
}

async fn wired(config: Config) -> Result<(Wired, Arc<Store>, Arc<Preparer>), Failure> {
    let wired = Wired::open(config).await?;
    let (store, preparer) = wired.pipeline().await?;
    Ok((wired, store, preparer))
}

async fn page(store: &Store, after: i64) -> Result<Vec<HeldEntry>, Failure> {
    store
        .held(after, PAGE)
        .await
        .map_err(|error| Failure::database("reading the held records", &error))
}

async fn one(store: &Store, id: i64) -> Result<HeldEntry, Failure> {
    store
        .held_one(id)
        .await
        .map_err(|error| Failure::database("reading the held record", &error))?
        .ok_or_else(|| not_held(id))
}

fn not_held(id: i64) -> Failure {
    Failure::new(
        Exit::NotAsItShouldBe,
        format!("no record {id} is held; `fieldseal quarantine list` shows those that are"),
    )
}
