//! What `check` says of the records that DMS wrote: whether they can be listed, read, and marked.
//! Shows no record.

use std::time::Duration;

use fieldseal_files::Tail;
use fieldseal_kinesis::KinesisSource;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{BatchLimits, RecordSource, ShardInfo, ShardReader as _, SourceError};

use super::{Found, Severity, clock};
use crate::clock::now_millis;
use crate::config::Config;
use crate::print::counted;
use crate::source::{self, AnySource};

const AREA: &str = "source";

/// Looks at every shard; puts a mark only if told to. Answers whether this machine's clock was
/// compared with AWS's.
pub(super) async fn look(config: &Config, put_mark: bool, found: &mut Vec<Found>) -> bool {
    let source = match source::source(config, Tail::Wait).await {
        Ok(source) => source,
        Err(failure) => {
            found.push(Found::new(Severity::Error, AREA, failure.to_string()));
            return false;
        }
    };
    let shards = match source.shards().await {
        Ok(shards) => shards,
        Err(error) => {
            let text = source::unlisted(&error, config).to_string();
            found.push(Found::new(Severity::Error, AREA, text));
            return false;
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
            false
        }
        AnySource::Kinesis(stream) => {
            let compared = of_stream(stream, found).await;
            of_shards(stream, &shards, put_mark, found).await;
            compared
        }
    }
}

/// A stream's own settings, and AWS's clock. Answers whether that was told.
async fn of_stream(stream: &KinesisSource, found: &mut Vec<Found>) -> bool {
    let before = now_millis();
    let facts = match stream.describe().await {
        Ok(facts) => facts,
        Err(error) => {
            found.push(Found::new(Severity::Error, AREA, error.to_string()));
            return false;
        }
    };
    if let Some(aws) = facts.clock {
        clock::of_aws(aws, before, now_millis(), found);
    }
    let (arn, hours) = (&facts.arn, facts.retention_hours);
    let open = counted(facts.shards_open.into(), "open shard");
    let text = format!(
        "{arn} has {open} and keeps records for {hours} hours: what is not applied by then is lost"
    );
    found.push(Found::new(Severity::Note, AREA, text));
    if !facts.encrypted {
        let text = format!(
            "{arn} is not encrypted at rest, and DMS writes plaintext to it; turn on server-side \
             encryption (StartStreamEncryption)"
        );
        found.push(Found::new(Severity::Warning, AREA, text));
    }
    facts.clock.is_some()
}

/// One read of each shard, and a mark.
async fn of_shards(
    stream: &KinesisSource,
    shards: &[ShardInfo],
    put_mark: bool,
    found: &mut Vec<Found>,
) {
    let mut add = |severity, text: String| found.push(Found::new(severity, AREA, text));
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
