//! The reading port over one file. Owns carrying blocking work away from the async threads
//! without losing anything when a caller stops waiting.

use async_trait::async_trait;
use fieldseal_pipeline::{BatchLimits, Fetched, ShardReader, SourceError};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::cursor::Cursor;
use crate::failure;

type Fetch = JoinHandle<(Box<Cursor>, Result<Fetched, SourceError>)>;

/// Reads one file.
pub struct FileReader(State);

enum State {
    Ready(Box<Cursor>),
    /// Under way, also when the caller that began it has stopped waiting: the next caller gets
    /// what it brings.
    Fetching(Fetch),
    Lost,
}

impl FileReader {
    pub(crate) fn new(cursor: Cursor) -> Self {
        Self(State::Ready(Box::new(cursor)))
    }
}

#[async_trait]
impl ShardReader for FileReader {
    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        let lost = || failure::permanent("reading was broken off; open the shard again".to_owned());
        // No await between taking the cursor and putting its fetch back.
        self.0 = match std::mem::replace(&mut self.0, State::Lost) {
            State::Ready(mut cursor) => State::Fetching(spawn_blocking(move || {
                let fetched = cursor.fetch(limits);
                (cursor, fetched)
            })),
            other => other,
        };
        let State::Fetching(fetch) = &mut self.0 else {
            return Err(lost());
        };
        match fetch.await {
            Ok((cursor, fetched)) => {
                self.0 = State::Ready(cursor);
                fetched
            }
            Err(error) => {
                self.0 = State::Lost;
                match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(lost()),
                }
            }
        }
    }
}
