//! `fieldseal status`: how the target stands, and whether anything blocks a cutover.

mod show;

use fieldseal_keys::{KeyStore as _, KeyUse, WrappingKey, lacking_wraps};
use fieldseal_keystore::DbKeyStore;
use fieldseal_metrics::LagUnit;
use fieldseal_policy::Policy;
use fieldseal_store::{GenerationState, ShardStatus, Status, TableStatus};

use crate::args::ReportArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::counted;
use crate::source::{self, Applied, Behind};
use crate::wiring::{self, connect_migrated, described};

pub(crate) async fn status(args: &ReportArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let database = connect_migrated(&config).await?;
    let store = described(&database, &config.policy).await?;
    let reading = |error| Failure::database("reading the status", &error);
    let keys = DbKeyStore::new(database).list().await.map_err(|error| {
        Failure::new(Exit::NotAsItShouldBe, format!("reading the keys: {error}"))
    })?;
    let lacking = lacking(&config, &keys).await;
    let status = store.status().await.map_err(reading)?;
    let generations = store.generations().await.map_err(reading)?;
    // The source last: a running worker is then never shown ahead of it.
    let applied: Vec<Applied> = status.shards.iter().filter_map(applied).collect();
    let ends = source::behind(&config, &applied).await;
    let mut report = Report {
        status,
        generations,
        keys,
        lacking: lacking.map_err(|failure| failure.to_string()),
        unit: source::lag_unit(&config),
        ends: ends.map_err(|failure| failure.to_string()),
        why: Vec::new(),
    };
    report.why = report.blocking();
    show::print(&report, &config.policy, args.json)?;
    Ok(if report.why.is_empty() {
        Exit::Done
    } else {
        Exit::NotAsItShouldBe
    })
}

/// All that is shown.
struct Report {
    status: Status,
    generations: Vec<GenerationState>,
    keys: Vec<KeyUse>,
    /// For each key the wrapping keys of the policy that it has no wrap under, or why that cannot
    /// be told.
    lacking: Result<Vec<Vec<WrappingKey>>, String>,
    /// What the source's lag is counted in.
    unit: LagUnit,
    /// How far each shard of the source is behind, or why that cannot be told.
    ends: Result<Vec<(String, Behind)>, String>,
    /// What blocks a cutover.
    why: Vec<String>,
}

/// One shard, read or not.
struct Shard<'a> {
    name: &'a str,
    read: Option<&'a ShardStatus>,
    /// How far its present end lies behind what is applied, in the source's unit.
    lag: Option<u64>,
    /// It ends before what is applied of it.
    cut: bool,
    /// The source has it no more, and it was not read to an end that it cannot grow beyond.
    gone: bool,
}

impl Report {
    /// Every shard that was read or that the source has now.
    fn shards(&self) -> Vec<Shard<'_>> {
        let known = self.status.shards.iter();
        let mut shards: Vec<Shard<'_>> = known
            .map(|shard| {
                let behind = self.behind(&shard.shard);
                Shard {
                    name: &shard.shard,
                    read: Some(shard),
                    lag: behind.and_then(lag),
                    cut: behind == Some(Behind::Cut),
                    gone: !shard.closed && self.lacks(&shard.shard),
                }
            })
            .collect();
        for (name, behind) in self.ends.iter().flatten() {
            if !shards.iter().any(|shard| shard.name == name) {
                shards.push(Shard {
                    name,
                    read: None,
                    lag: lag(*behind),
                    cut: false,
                    gone: false,
                });
            }
        }
        shards
    }

    /// Whether the source's shards are known and this is none of them.
    fn lacks(&self, shard: &str) -> bool {
        self.ends
            .as_ref()
            .is_ok_and(|ends| ends.iter().all(|(name, _)| name != shard))
    }

    fn behind(&self, shard: &str) -> Option<Behind> {
        let ends = self.ends.as_ref().ok()?;
        Some(ends.iter().find(|(name, _)| name == shard)?.1)
    }

    /// The newest generation's state of a table, in a word.
    fn generation_state<'a>(&'a self, table: &'a TableStatus) -> Option<&'a str> {
        table.generation.as_ref().map(|(_, state)| state.as_str())
    }

    fn blocking(&self) -> Vec<String> {
        let mut why = Vec::new();
        if let Err(error) = &self.ends {
            why.push(format!("how far the shards are cannot be told ({error})"));
        }
        for shard in self.shards() {
            if let Some(lag) = shard.lag.filter(|lag| *lag > 0) {
                why.push(format!(
                    "shard {} is {} behind",
                    shard.name,
                    match self.unit {
                        LagUnit::Bytes => counted(lag, "byte"),
                        LagUnit::Milliseconds => format!("{lag} ms"),
                    }
                ));
            }
            if shard.cut {
                why.push(format!(
                    "shard {} ends before what is applied of it: it was cut or replaced",
                    shard.name
                ));
            }
            if shard.gone {
                why.push(format!(
                    "shard {} is gone from the source, and whether it was read to its end cannot \
                     be told: put it back",
                    shard.name
                ));
            }
        }
        for table in &self.status.tables {
            self.blocking_in(table, &mut why);
        }
        let held: u64 = self.status.held.iter().map(|held| held.count).sum();
        if held > 0 {
            why.push(format!("{} in quarantine", counted(held, "record")));
        }
        let debts: u64 = self.status.debts.iter().map(|(_, count)| count).sum();
        if debts > 0 {
            why.push(format!("{} of discarded records", counted(debts, "debt")));
        }
        why
    }

    fn blocking_in(&self, table: &TableStatus, why: &mut Vec<String>) {
        let name = &table.table;
        if let Some(taint) = &table.taint {
            why.push(format!(
                "{name} is tainted ({taint}) and needs a new generation"
            ));
        }
        match self.generation_state(table) {
            Some("swept") => {}
            Some("complete") => why.push(format!("{name} waits for `generation sweep`")),
            Some(_) => why.push(format!("{name} waits for `generation complete`")),
            None => why.push(format!("{name} was never loaded: no generation has begun")),
        }
        if table.foreign_rows > 0 {
            let rows = counted(table.foreign_rows, "row");
            why.push(format!("{name} has {rows} that somebody else wrote"));
        }
    }
}

/// For each key the wraps that it lacks. Where there is no key nobody is asked for a name.
async fn lacking(config: &Config, keys: &[KeyUse]) -> Result<Vec<Vec<WrappingKey>>, Failure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let providers = wiring::keys::providers(config).await?;
    let lacking = keys.iter().map(|key| lacking_wraps(&providers, key));
    Ok(lacking.collect())
}

/// What the store remembers of a shard, as the source is asked with it.
fn applied(shard: &ShardStatus) -> Option<Applied> {
    Some(Applied {
        shard: shard.shard.clone(),
        sequence: shard.sequence.parse().ok()?,
        closed: shard.closed,
    })
}

fn lag(behind: Behind) -> Option<u64> {
    match behind {
        Behind::Bytes(lag) | Behind::Millis(lag) => Some(lag),
        Behind::Cut => None,
    }
}

/// The source's engine decides how a position is written.
fn position(policy: &Policy, high: Option<u64>) -> Option<String> {
    let position = fieldseal_model::Position(high?);
    Some(position.display(policy.source().engine).to_string())
}
