//! `fieldseal epoch`: a new lineage of source positions.

use fieldseal_store::{Beginning, Store};

use crate::args::{ConfigArgs, EpochCommand};
use crate::commands::generation::refused;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::counted;
use crate::source;
use crate::wiring::Wired;

pub(crate) async fn epoch(command: &EpochCommand) -> Result<Exit, Failure> {
    match command {
        EpochCommand::Begin(args) => begin(args).await,
    }
}

async fn begin(args: &ConfigArgs) -> Result<Exit, Failure> {
    let wired = Wired::open(Config::read(&args.config)?).await?;
    let marks = source::marks(&wired.config).await?;
    // First of all: what an older copy of the database says of a key's uses is not to be
    // trusted, so no key that has sealed seals again.
    let retired = wired
        .keyring
        .retire_all()
        .await
        .map_err(|error| Failure::keys("making the keys open-only", &error))?;
    let store = Store::new(wired.database.clone(), &wired.config.policy);
    let begun = store
        .begin_epoch(&marks)
        .await
        .map_err(|error| Failure::database("beginning the epoch", &error))?;
    let epoch = match begun {
        Beginning::Begun(epoch) => epoch.0,
        refusal => return Err(refused(&refusal, &wired.config)),
    };
    println!(
        "epoch {epoch} has begun at the present end of {}",
        counted(marks.len() as u64, "shard")
    );
    println!("- records behind these ends are newer than all before them, whatever their position");
    println!(
        "- {} from now on only for opening; the next values get new keys",
        counted(retired, "key")
    );
    println!(
        "- changes that were missed meanwhile do not come by themselves: unless capture was \
         unbroken, `fieldseal generation begin` for every table, and load again"
    );
    Ok(Exit::Done)
}
