//! `fieldseal epoch`: a new lineage of source positions.

use fieldseal_store::{Beginning, Store};

use crate::args::{ConfigArgs, EpochCommand};
use crate::commands::generation::refused;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::{counted, say};
use crate::source;
use crate::wiring::Wired;

pub(crate) async fn epoch(command: &EpochCommand) -> Result<Exit, Failure> {
    match command {
        EpochCommand::Begin {
            config,
            at_checkpoints,
        } => begin(config, *at_checkpoints).await,
    }
}

async fn begin(args: &ConfigArgs, at_checkpoints: bool) -> Result<Exit, Failure> {
    let wired = Wired::open(Config::read(&args.config)?).await?;
    let store = Store::new(wired.database.clone(), &wired.config.policy);
    let known = store
        .known_shards()
        .await
        .map_err(|error| Failure::database("reading the shards", &error))?;
    let mut marks = source::marks(&wired.config).await?;
    if at_checkpoints {
        let moved = store.move_to_checkpoints(&mut marks).await;
        moved.map_err(|error| Failure::database("reading the checkpoints", &error))?;
    }
    // First of all: what an older copy of the database says of a key's uses is not to be
    // trusted, so no key that has sealed seals again.
    let retired = wired
        .keyring
        .retire_all()
        .await
        .map_err(|error| Failure::keys("making the keys open-only", &error))?;
    let begun = store
        .begin_epoch(&known, &marks)
        .await
        .map_err(|error| Failure::database("beginning the epoch", &error))?;
    let epoch = match begun {
        Beginning::Begun(epoch) => epoch.0,
        refusal => return Err(refused(&refusal, &wired.config)),
    };
    let place = if at_checkpoints {
        "behind what is applied"
    } else {
        "at the present end"
    };
    say(&format!(
        "epoch {epoch} has begun {place} of {}",
        counted(marks.len() as u64, "shard")
    ))?;
    say("- records behind these places are newer than all before them, whatever their position")?;
    say(&format!(
        "- {} from now on only for opening; the next values get new keys",
        counted(retired, "key")
    ))?;
    say(
        "- changes that were missed meanwhile do not come by themselves: unless capture was \
         unbroken, `fieldseal generation begin` for every table, and load again",
    )?;
    Ok(Exit::Done)
}
