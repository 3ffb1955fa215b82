//! The source as the commands beside `run` need it: where each shard's present end is. Owns
//! asking for it; what a mark means is the store's.

use std::path::Path;

use fieldseal_files::{FolderSource, Tail};
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{RecordSource as _, SourceError};

use crate::config::Config;
use crate::exit::{Exit, Failure};

/// Each shard with its present end; `None` for a closed one.
pub(crate) type Marks = Vec<(String, Option<SequenceNumber>)>;

/// The source of a policy.
pub(crate) fn source(config: &Config, tail: Tail) -> Result<FolderSource, Failure> {
    Ok(FolderSource::new(config.source_dir()?, tail))
}

/// The source's shards could not be listed.
pub(crate) fn unlisted(error: &SourceError) -> Failure {
    let text = format!("source.files.dir: {error}");
    let exit = if error.transient {
        Exit::Unreachable
    } else {
        Exit::NotAsItShouldBe
    };
    Failure::new(exit, text)
}

/// What to say of a folder without a shard: a file of another name is not read.
pub(crate) fn empty(dir: &Path) -> String {
    format!(
        "{} holds no file named *.json, *.jsonl, *.json.gz or *.jsonl.gz yet",
        dir.display()
    )
}

/// A mark at the present end of every shard.
pub(crate) async fn marks(config: &Config) -> Result<Marks, Failure> {
    let source = source(config, Tail::Wait)?;
    let shards = source.shards().await.map_err(|error| unlisted(&error))?;
    let mut marks = Vec::with_capacity(shards.len());
    for shard in shards {
        let mark = source
            .mark(&shard.name)
            .await
            .map_err(|error| Failure::source("finding the shards' ends", &error))?;
        marks.push((shard.name, mark));
    }
    Ok(marks)
}
