//! `fieldseal status`: how the target stands, and whether anything blocks a cutover.

mod show;

use fieldseal_keys::{KeyStore as _, KeyUse};
use fieldseal_keystore::DbKeyStore;
use fieldseal_model::SequenceNumber;
use fieldseal_policy::Policy;
use fieldseal_store::{GenerationState, ShardStatus, Status, TableStatus};

use crate::args::ReportArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::counted;
use crate::source::{self, Marks};
use crate::wiring::{connect_migrated, described};

pub(crate) async fn status(args: &ReportArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let database = connect_migrated(&config).await?;
    let store = described(&database, &config.policy).await?;
    let reading = |error| Failure::database("reading the status", &error);
    let keys = DbKeyStore::new(database).list().await.map_err(|error| {
        Failure::new(Exit::NotAsItShouldBe, format!("reading the keys: {error}"))
    })?;
    // The source last: a running worker is then never shown ahead of it.
    let mut report = Report {
        status: store.status().await.map_err(reading)?,
        generations: store.generations().await.map_err(reading)?,
        keys,
        ends: source::marks(&config)
            .await
            .map_err(|failure| failure.to_string()),
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
    /// Where each shard ends now, or why that cannot be told.
    ends: Result<Marks, String>,
    /// What blocks a cutover.
    why: Vec<String>,
}

/// One shard, read or not.
struct Shard<'a> {
    name: &'a str,
    read: Option<&'a ShardStatus>,
    /// Bytes between what is applied and its present end.
    lag: Option<u64>,
    /// It ends before what is applied of it.
    cut: bool,
}

impl Report {
    /// Every shard that was read or that the source has now.
    fn shards(&self) -> Vec<Shard<'_>> {
        let known = self.status.shards.iter();
        let mut shards: Vec<Shard<'_>> = known
            .map(|shard| {
                let end = self.end(&shard.shard);
                let lag = end.and_then(|end| behind(&shard.sequence, end));
                Shard {
                    name: &shard.shard,
                    read: Some(shard),
                    lag,
                    cut: end.is_some() && lag.is_none(),
                }
            })
            .collect();
        for (name, end) in self.ends.iter().flatten() {
            if !shards.iter().any(|shard| shard.name == name) {
                let lag = end.as_ref().and_then(|end| behind("0", end));
                shards.push(Shard {
                    name,
                    read: None,
                    lag,
                    cut: false,
                });
            }
        }
        shards
    }

    fn end(&self, shard: &str) -> Option<&SequenceNumber> {
        let ends = self.ends.as_ref().ok()?;
        ends.iter().find(|(name, _)| name == shard)?.1.as_ref()
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
                    counted(lag, "byte")
                ));
            }
            if shard.cut {
                why.push(format!(
                    "shard {} ends before what is applied of it: it was cut or replaced",
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

/// Files count in bytes, so that the difference of two places is how much lies between them;
/// `None` if the end comes first.
fn behind(applied: &str, end: &SequenceNumber) -> Option<u64> {
    let applied: u64 = applied.parse().ok()?;
    let end: u64 = end.as_str().parse().ok()?;
    end.checked_sub(applied)
}

/// The source's engine decides how a position is written.
fn position(policy: &Policy, high: Option<u64>) -> Option<String> {
    let position = fieldseal_model::Position(high?);
    Some(position.display(policy.source().engine).to_string())
}
