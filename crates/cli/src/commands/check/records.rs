//! What `check` says of the records that DMS wrote: whether they can be listed, read, and marked.
//! Shows no record.

use std::time::Duration;

use fieldseal_files::Tail;
use fieldseal_kinesis::KinesisSource;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{BatchLimits, RecordSource, ShardInfo, ShardReader as _, SourceError};

use super::{Found, Severity};
use crate::config::Config;
use crate::source::{self, AnySource};

const AREA: &str = "source";

/// Looks at every shard; puts a mark only if told to.
pub(super) async fn look(config: &Config, put_mark: bool, found: &mut Vec<Found>) {
    let source = match source::source(config, Tail::Wait).await {
        Ok(source) => source,
        Err(failure) => {
            return found.push(Found::new(Severity::Error, AREA, failure.to_string()));
        }
    };
    let shards = match source.shards().await {
        Ok(shards) => shards,
        Err(error) => {
            let text = source::unlisted(&error, config).to_string();
            return found.push(Found::new(Severity::Error, AREA, text));
        }
    };
    if shards.is_empty() {
        found.push(Found::new(Severity::Warning, AREA, source::empty(config)));
    }
    match &source {
        AnySource::Folder(_) => {
            for shard in &shards {
                if let Err(error) = source.open(&shard.name, &SequenceNumber::start()).await {
                    found.push(Found::new(Severity::Error, AREA, error.to_string()));
                }
            }
        }
        AnySource::Kinesis(stream) => of_stream(stream, &shards, put_mark, found).await,
    }
}

/// A stream's own settings, one read of each shard, and a mark.
async fn of_stream(
    stream: &KinesisSource,
    shards: &[ShardInfo],
    put_mark: bool,
    found: &mut Vec<Found>,
) {
    let mut add = |severity, text: String| found.push(Found::new(severity, AREA, text));
    match stream.describe().await {
        Err(error) => add(Severity::Error, error.to_string()),
        Ok(facts) => {
            let (arn, open, hours) = (facts.arn, facts.shards_open, facts.retention_hours);
            add(
                Severity::Note,
                format!(
                    "{arn} has {open} open shards and keeps records for {hours} hours: what is \
                     not applied by then is lost"
                ),
            );
            if !facts.encrypted {
                add(
                    Severity::Warning,
                    format!(
                        "{arn} is not encrypted at rest, and DMS writes plaintext to it; turn on \
                         server-side encryption (StartStreamEncryption)"
                    ),
                );
            }
        }
    }
    for shard in shards {
        if let Err(error) = read_once(stream, &shard.name).await {
            add(Severity::Error, error.to_string());
        }
    }
    if put_mark {
        match mark_one(stream, shards).await {
            Ok(true) => add(
                Severity::Note,
                "a mark was put; workers ignore it".to_owned(),
            ),
            Ok(false) => add(
                Severity::Error,
                "no mark could be put: every shard is closed".to_owned(),
            ),
            Err(error) => add(Severity::Error, error.to_string()),
        }
    }
}

/// How often a shard is asked that a worker reads at the same time.
const ASKED: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// What is read is dropped unseen.
async fn read_once(stream: &KinesisSource, shard: &str) -> Result<(), SourceError> {
    let mut reader = stream.open(shard, &SequenceNumber::start()).await?;
    let limits = BatchLimits {
        records: 1,
        bytes: 1,
    };
    let mut tries = 0;
    loop {
        tries += 1;
        match reader.next(limits).await {
            Ok(_) => return Ok(()),
            Err(error) if error.transient && tries < ASKED => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}

/// Marks the first open shard.
async fn mark_one(stream: &KinesisSource, shards: &[ShardInfo]) -> Result<bool, SourceError> {
    for shard in shards {
        if stream.mark(&shard.name).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
