//! The source that a policy names, and its marks. Owns which kind it is; how far it is applied is in
//! `behind`, what a mark means is the store's.

mod behind;

use std::time::Duration;

use async_trait::async_trait;
use fieldseal_aws::Reach;
use fieldseal_files::{FileReader, FolderSource, Tail};
use fieldseal_kinesis::{KinesisReader, KinesisSettings, KinesisSource, Start};
use fieldseal_metrics::LagUnit;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{BatchLimits, Fetched, RecordSource, ShardInfo, ShardReader, SourceError};
use fieldseal_policy::{SourceKind, StreamStart};
use fieldseal_store::Gone;

use crate::config::Config;
use crate::exit::{Exit, Failure};

pub(crate) use behind::{Applied, Behind, behind, until_applied};

/// Each shard with its present end; `None` for a closed one.
pub(crate) type Marks = Vec<(String, Option<SequenceNumber>)>;

/// A source of either kind.
pub(crate) enum AnySource {
    Folder(FolderSource),
    Kinesis(Box<KinesisSource>),
}

/// A reader of either kind.
pub(crate) enum AnyReader {
    Folder(FileReader),
    Kinesis(Box<KinesisReader>),
}

#[async_trait]
impl RecordSource for AnySource {
    type Reader = AnyReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        match self {
            Self::Folder(source) => source.shards().await,
            Self::Kinesis(source) => source.shards().await,
        }
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<AnyReader, SourceError> {
        Ok(match self {
            Self::Folder(source) => AnyReader::Folder(source.open(shard, after).await?),
            Self::Kinesis(source) => AnyReader::Kinesis(Box::new(source.open(shard, after).await?)),
        })
    }

    async fn open_seen(
        &self,
        shard: &str,
        after: &SequenceNumber,
        age: Option<Duration>,
    ) -> Result<AnyReader, SourceError> {
        match self {
            Self::Folder(source) => {
                let reader = source.open_seen(shard, after, age).await?;
                Ok(AnyReader::Folder(reader))
            }
            Self::Kinesis(source) => {
                let reader = source.open_seen(shard, after, age).await?;
                Ok(AnyReader::Kinesis(Box::new(reader)))
            }
        }
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        match self {
            Self::Folder(source) => source.mark(shard).await,
            Self::Kinesis(source) => source.mark(shard).await,
        }
    }

    fn shards_end(&self) -> bool {
        match self {
            Self::Folder(source) => source.shards_end(),
            Self::Kinesis(source) => source.shards_end(),
        }
    }
}

#[async_trait]
impl ShardReader for AnyReader {
    async fn due(&mut self) {
        match self {
            Self::Folder(reader) => reader.due().await,
            Self::Kinesis(reader) => reader.due().await,
        }
    }

    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        match self {
            Self::Folder(reader) => reader.next(limits).await,
            Self::Kinesis(reader) => reader.next(limits).await,
        }
    }
}

/// The source of a policy; `tail` is about folders.
pub(crate) async fn source(config: &Config, tail: Tail) -> Result<AnySource, Failure> {
    if let Some(stream) = stream(config).await? {
        return Ok(AnySource::Kinesis(Box::new(stream)));
    }
    let dir = config.source_dir()?;
    Ok(AnySource::Folder(FolderSource::new(dir, tail)))
}

/// The stream that the policy names, looked at once; none where it names a folder.
pub(crate) async fn stream(config: &Config) -> Result<Option<KinesisSource>, Failure> {
    let SourceKind::Kinesis {
        stream,
        region,
        endpoint,
        start,
        reads_per_second,
        read_bytes_per_second,
    } = &config.policy.source().kind
    else {
        return Ok(None);
    };
    let reach = Reach {
        region: region.clone(),
        endpoint: endpoint.clone(),
    };
    let sdk = fieldseal_aws::load(&reach)
        .await
        .map_err(|error| Failure::new(Exit::NotAsItShouldBe, format!("source.kinesis: {error}")))?;
    let settings = KinesisSettings {
        stream: stream.clone(),
        start: match start {
            StreamStart::TrimHorizon => Start::TrimHorizon,
            StreamStart::Timestamp(millis) => Start::Timestamp(*millis),
            StreamStart::Sequence(number) => Start::Sequence(number.clone()),
        },
        reads_per_second: *reads_per_second,
        read_bytes_per_second: *read_bytes_per_second,
    };
    let stream = KinesisSource::connect(&sdk, settings).await;
    stream.map(Some).map_err(|error| unlisted(&error, config))
}

/// What the source's lag is counted in.
pub(crate) fn lag_unit(config: &Config) -> LagUnit {
    match &config.policy.source().kind {
        SourceKind::Kinesis { .. } => LagUnit::Milliseconds,
        _ => LagUnit::Bytes,
    }
}

/// The source's shards could not be listed.
pub(crate) fn unlisted(error: &SourceError, config: &Config) -> Failure {
    Failure::source(setting(config), error)
}

/// Where the policy names the source.
fn setting(config: &Config) -> &'static str {
    match &config.policy.source().kind {
        SourceKind::Kinesis { .. } => "source.kinesis.stream",
        _ => "source.files.dir",
    }
}

/// What to say of a source without a shard: a file of another name is not read.
pub(crate) fn empty(config: &Config) -> String {
    match config.source_dir() {
        Ok(dir) => format!(
            "{} holds no file named *.json, *.jsonl, *.json.gz or *.jsonl.gz yet",
            dir.display()
        ),
        Err(_) => "the stream has no shard".to_owned(),
    }
}

/// A mark at the present end of every shard.
pub(crate) async fn marks(config: &Config) -> Result<Marks, Failure> {
    let source = source(config, Tail::Wait).await?;
    marks_of(&source, |error| unlisted(error, config)).await
}

/// Shards are listed until nothing is new: one may be born while others are marked, and a list may
/// be older than that.
async fn marks_of<S: RecordSource>(
    source: &S,
    unlisted: impl Fn(&SourceError) -> Failure,
) -> Result<Marks, Failure> {
    let mut marks = Marks::new();
    loop {
        let mut shards = source.shards().await.map_err(|error| unlisted(&error))?;
        shards.retain(|shard| !marks.iter().any(|(marked, _)| *marked == shard.name));
        if shards.is_empty() {
            return Ok(marks);
        }
        for shard in shards {
            let mark = source
                .mark(&shard.name)
                .await
                .map_err(|error| Failure::source("finding the shards' ends", &error))?;
            marks.push((shard.name, mark));
        }
    }
}

/// What it means that this source has a shard no more.
pub(crate) fn gone(config: &Config) -> Gone {
    match &config.policy.source().kind {
        SourceKind::Kinesis { .. } => Gone::Dropped,
        _ => Gone::PutAway,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use fieldseal_files::FileReader;
    use fieldseal_model::SequenceNumber;
    use fieldseal_pipeline::{RecordSource, ShardInfo, SourceError};

    use super::marks_of;
    use crate::exit::Failure;

    /// A source whose second shard is missing from the first list.
    struct Stale(AtomicUsize);

    #[async_trait]
    impl RecordSource for Stale {
        type Reader = FileReader;

        async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
            let listed = 1 + self.0.fetch_add(1, Ordering::Relaxed);
            let names = ["parent", "child"].into_iter().take(listed);
            let info = |name: &str| ShardInfo {
                name: name.to_owned(),
                parents: Vec::new(),
            };
            Ok(names.map(info).collect())
        }

        async fn open(&self, _: &str, _: &SequenceNumber) -> Result<FileReader, SourceError> {
            unreachable!("nothing is read for a mark")
        }

        async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
            Ok((shard == "child").then(|| SequenceNumber::from(7)))
        }
    }

    #[tokio::test]
    async fn a_shard_that_the_first_list_lacks_is_marked_too() {
        let source = Stale(AtomicUsize::new(0));
        let marks = marks_of(&source, |error| Failure::source("listing", error)).await;
        let marks = marks.map_err(|error| error.to_string()).unwrap();
        let child = ("child".to_owned(), Some(SequenceNumber::from(7)));
        assert_eq!(marks, [("parent".to_owned(), None), child]);
    }
}
