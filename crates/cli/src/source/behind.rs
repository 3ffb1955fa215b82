//! How far a source is applied, seen from outside of the run. Owns asking; a running worker's own
//! lag is its own.

use std::time::Duration;

use fieldseal_files::Tail;
use fieldseal_kinesis::KinesisReader;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    BatchLimits, ReaderState, RecordSource as _, ShardReader as _, SourceError,
};
use fieldseal_store::Store;

use super::{AnySource, Marks, source, unlisted};
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::Counting;

/// How far the end of a shard lies behind what is applied of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// So many bytes of a file; 0: all of it is applied.
    Bytes(u64),
    /// A stream has records that are not applied; the newest is so many milliseconds newer, if
    /// that can be told.
    Millis(u64),
    /// The file ends before what is applied of it.
    Cut,
}

/// A shard's checkpoint, and whether it was read to its end.
pub(crate) struct Applied {
    pub(crate) shard: String,
    pub(crate) sequence: SequenceNumber,
    pub(crate) closed: bool,
}

/// How far behind every shard that the source has now is.
pub(crate) async fn behind(
    config: &Config,
    applied: &[Applied],
) -> Result<Vec<(String, Behind)>, Failure> {
    let source = source(config, Tail::Wait).await?;
    let shards = source.shards().await;
    let shards = shards.map_err(|error| unlisted(&error, config))?;
    let mut all = Vec::with_capacity(shards.len());
    for shard in shards {
        let known = applied.iter().find(|known| known.shard == shard.name);
        let found = of(&source, &shard.name, known).await;
        all.push((
            shard.name,
            found.map_err(|error| Failure::source("finding the shards' ends", &error))?,
        ));
    }
    Ok(all)
}

async fn of(
    source: &AnySource,
    shard: &str,
    applied: Option<&Applied>,
) -> Result<Behind, SourceError> {
    let start = SequenceNumber::start();
    let from = applied.map_or(&start, |applied| &applied.sequence);
    match source {
        // A mark in a file is a place and writes nothing.
        AnySource::Folder(_) => {
            let end = source.mark(shard).await?;
            Ok(end.map_or(Behind::Bytes(0), |end| in_bytes(from, &end)))
        }
        AnySource::Kinesis(_) if applied.is_some_and(|applied| applied.closed) => {
            Ok(Behind::Millis(0))
        }
        // A mark in a stream is a record. Instead, what follows the checkpoint is asked for.
        AnySource::Kinesis(stream) => in_millis(&mut stream.look(shard, from).await?).await,
    }
}

/// Files count in bytes, so the difference of two places is how much lies between them.
fn in_bytes(applied: &SequenceNumber, end: &SequenceNumber) -> Behind {
    let count = |place: &SequenceNumber| place.as_str().parse::<u64>().ok();
    let lag = count(end).zip(count(applied));
    lag.and_then(|(end, applied)| end.checked_sub(applied))
        .map_or(Behind::Cut, Behind::Bytes)
}

/// How often a stream is asked for what follows: an answer may be empty although more follows,
/// and a worker that reads the same shard may have used up what AWS allows in this second.
const ASKED: u32 = 25;

async fn in_millis(reader: &mut KinesisReader) -> Result<Behind, SourceError> {
    let limits = BatchLimits {
        records: 1,
        bytes: 1,
    };
    let mut lag = None;
    for _ in 0..ASKED {
        match reader.next(limits).await {
            Ok(fetched) if !fetched.records.is_empty() => {
                return Ok(Behind::Millis(fetched.lag.unwrap_or(1).max(1)));
            }
            Ok(fetched) if fetched.lag == Some(0) || fetched.state != ReaderState::More => {
                return Ok(Behind::Millis(0));
            }
            Ok(fetched) => lag = fetched.lag,
            Err(error) if error.transient => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
    Ok(Behind::Millis(lag.unwrap_or(1)))
}

const PAUSE: Duration = Duration::from_millis(200);

/// Waits until marks that were just put into a stream are applied by the worker that reads it;
/// gives up in silence after a while, since whoever needs them looks at the checkpoints anyway.
pub(crate) async fn until_applied(
    config: &Config,
    store: &Store,
    marks: &Marks,
) -> Result<(), Failure> {
    if config.is_folder() {
        return Ok(());
    }
    let mut counting =
        Counting::waiting("waiting until the worker has read to the marks", "shards");
    for _ in 0..PATIENCE {
        let places = store.checkpoints().await;
        let places =
            places.map_err(|error| Failure::database("reading the checkpoints", &error))?;
        let reached = |(shard, mark): &&(String, Option<SequenceNumber>)| {
            mark.as_ref().is_none_or(|mark| {
                let place = places.iter().find(|(name, _)| name == shard);
                place.is_some_and(|(_, place)| place >= mark)
            })
        };
        let count = marks.iter().filter(reached).count();
        counting.reached(count as u64);
        if count == marks.len() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// A minute: a worker that keeps up reads a mark within seconds.
const PATIENCE: u32 = 300;

#[cfg(test)]
mod tests {
    use super::{Behind, in_bytes};

    #[test]
    fn files_are_behind_in_bytes() {
        let of = |applied: u64, end: u64| in_bytes(&applied.into(), &end.into());
        assert_eq!(of(0, 120), Behind::Bytes(120));
        assert_eq!(of(120, 120), Behind::Bytes(0));
        assert_eq!(of(121, 120), Behind::Cut);
    }
}
