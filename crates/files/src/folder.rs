//! A folder as a record source. Owns which files are shards.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{RecordSource, ShardInfo, SourceError};
use tokio::task::spawn_blocking;

use crate::cursor::Cursor;
use crate::failure;
use crate::input::{self, Input};
use crate::reader::FileReader;

const SUFFIXES: [&str; 4] = [".json", ".jsonl", ".json.gz", ".jsonl.gz"];

/// What becomes of an unfinished record at the end of a plain file. That of a gzip file is
/// delivered when the gzip data is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// It is waited for: the file is being written.
    Wait,
    /// It is delivered as it is, a broken record: nobody writes to the file any more. Should the
    /// rest of it be written after all, that is a broken record too. A gzip file that ends inside
    /// its compressed data is an error.
    Deliver,
}

/// A folder of recorded DMS output.
#[derive(Clone, Debug)]
pub struct FolderSource {
    dir: PathBuf,
    tail: Tail,
}

impl FolderSource {
    /// The folder `dir`; it is not looked at before [`RecordSource::shards`].
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, tail: Tail) -> Self {
        let dir = dir.into();
        Self { dir, tail }
    }

    /// The shard's file. Names come back from a database, and must not lead out of the folder.
    fn path(&self, shard: &str) -> Result<PathBuf, SourceError> {
        if !is_shard(shard) || shard.contains(['/', '\\', '\0']) {
            return Err(failure::permanent(format!(
                "{shard:?} is no shard of the folder {}: shards are files named *{}",
                self.dir.display(),
                SUFFIXES.join(", *")
            )));
        }
        Ok(self.dir.join(shard))
    }
}

#[async_trait]
impl RecordSource for FolderSource {
    type Reader = FileReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let dir = self.dir.clone();
        let mut names = blocking(move || list(&dir)).await?;
        names.sort_unstable();
        let shard = |name| ShardInfo {
            name,
            parents: Vec::new(),
        };
        Ok(names.into_iter().map(shard).collect())
    }

    async fn open(&self, shard: &str, after: &SequenceNumber) -> Result<FileReader, SourceError> {
        let path = self.path(shard)?;
        let offset: u64 = after.as_str().parse().map_err(|_| {
            failure::permanent(format!(
                "the checkpoint of shard {shard} is no offset in a file: it was written by another \
                 kind of source"
            ))
        })?;
        let tail = self.tail;
        let cursor = move || Ok(Cursor::new(Input::open(&path, offset)?, offset, tail));
        Ok(FileReader::new(blocking(cursor).await?))
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        let path = self.path(shard)?;
        let end = blocking(move || input::end_of_records(&path)).await?;
        Ok(Some(SequenceNumber::from(end)))
    }
}

fn is_shard(name: &str) -> bool {
    !name.starts_with('.') && SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

fn list(dir: &Path) -> Result<Vec<String>, SourceError> {
    let failed = |error: io::Error| failure::io("list", dir, &error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if !is_shard(&name.to_string_lossy()) {
            continue;
        }
        let path = entry.path();
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => continue,
            // Renamed or deleted since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failure::io("look at", &path, &error)),
        }
        let name = name.into_string().map_err(|_| {
            failure::permanent(format!(
                "the name of {} is not UTF-8, and a shard's name is stored as text: rename the file",
                path.display()
            ))
        })?;
        names.push(name);
    }
    Ok(names)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(failure::permanent(
                "reading files was broken off: the program is ending".to_owned(),
            )),
        },
    }
}
