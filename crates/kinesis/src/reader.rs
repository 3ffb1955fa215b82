//! Reading one shard. Owns its iterator, its pace, what was fetched and not handed out yet, the
//! jitter after a failure, and that nothing was dropped unread at the place where it goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, ShardReader, SourceError, StreamRecord,
};
use tokio::time::{Duration, Instant};

use crate::aggregate;
use crate::calls::{Answer, Calls, From};
use crate::failure::{CallError, Kind, dropped, jittered, permanent};
use crate::pace::Pace;

/// `GetRecords` takes no larger number (API_GetRecords).
const MOST_RECORDS: usize = 10_000;

/// What a record is taken to be long before the first one was seen.
const USUAL_BYTES: usize = 1 << 10;

/// A throttled shard is left alone for at most this long; AWS counts by the second.
const THROTTLED: Duration = Duration::from_secs(1);

/// The longest jitter after any other failure, beside what the shard's loop waits.
const FAILED: Duration = Duration::from_millis(100);

/// A shard that was read to its end less than this share of the retention ago has dropped nothing
/// unread. The rest is for clocks, and for answers that took their time.
const SURELY_KEPT: f64 = 0.9;

/// Kinesis gives empty answers on its way through a shard, and has been seen to give nothing else
/// behind a record that was dropped. After so many of them, as old as records get, the record that
/// is expected does not come any more.
const PATIENCE: u32 = 50;

/// Reads one shard of a stream.
pub struct KinesisReader {
    calls: Arc<dyn Calls>,
    /// The stream and the shard, for errors.
    place: String,
    /// Its id at Kinesis.
    shard: String,
    /// Where an iterator is to stand when there is none.
    from: From,
    /// What was handed out or waits to be; no record at or before it is taken again.
    last: SequenceNumber,
    iterator: Option<String>,
    pace: Pace,
    waiting: VecDeque<StreamRecord>,
    /// What the last answer said.
    state: ReaderState,
    behind: Option<u64>,
    /// Mean length of the last answer's records.
    usual_bytes: usize,
    /// The next record must be this one, or one before it: it was read before or is named by the
    /// policy, and behind a record that is still there nothing was dropped.
    expected: Option<SequenceNumber>,
    /// How many answers were empty instead.
    empty: u32,
    end: EndSeen,
}

/// When a shard was last seen at its end, and how long records are kept behind that.
pub(crate) struct EndSeen {
    retention: Duration,
    /// So long before `since`.
    age: Option<Duration>,
    since: Instant,
}

impl EndSeen {
    pub(crate) fn new(retention: Duration, age: Option<Duration>) -> Self {
        Self {
            retention,
            age,
            since: Instant::now(),
        }
    }

    fn at(&mut self, asked: Instant) {
        (self.age, self.since) = (Some(Duration::ZERO), asked);
    }

    /// Whether everything that was dropped by now had been read.
    fn is_recent(&self) -> bool {
        let age = self.age.map(|age| age + self.since.elapsed());
        age.is_some_and(|age| age < self.retention.mul_f64(SURELY_KEPT))
    }

    /// Whether records may be dropped before a reader comes to them that is this far behind.
    fn is_at_the_edge(&self, behind: Option<u64>) -> bool {
        let edge = self.retention.mul_f64(SURELY_KEPT);
        behind.is_some_and(|behind| Duration::from_millis(behind) >= edge)
    }

    /// Whether it was seen at all, but so long ago that records may have come and gone since.
    pub(crate) fn is_stale(&self) -> bool {
        self.age.is_some() && !self.is_recent()
    }
}

impl KinesisReader {
    /// A reader that begins at `from`. Nothing at or before `last` is delivered.
    pub(crate) fn new(
        calls: Arc<dyn Calls>,
        stream: &str,
        shard: &str,
        from: From,
        last: SequenceNumber,
        pace: Pace,
        end: EndSeen,
    ) -> Self {
        Self {
            calls,
            place: format!("stream {stream}, shard {shard}"),
            shard: shard.to_owned(),
            from,
            last,
            iterator: None,
            pace,
            waiting: VecDeque::new(),
            state: ReaderState::More,
            behind: None,
            usual_bytes: USUAL_BYTES,
            expected: None,
            empty: 0,
            end,
        }
    }

    /// Takes its place, and makes sure of it.
    pub(crate) async fn begin(&mut self) -> Result<(), SourceError> {
        const ONE: BatchLimits = BatchLimits {
            records: 1,
            bytes: 1,
        };
        self.position().await?;
        while self.expected.is_some() {
            self.fetch(ONE).await?;
        }
        Ok(())
    }

    /// Takes its place, or the oldest record's where that is gone: to look, not to go on.
    pub(crate) async fn begin_anywhere(&mut self) -> Result<(), SourceError> {
        self.end.at(Instant::now());
        self.position().await.map(|_| ())
    }

    /// Gets an iterator, unless there is one.
    ///
    /// At a record that was read before, not behind it. Kinesis refuses a number whose record was
    /// dropped, or quietly begins with what is left, and its documentation promises neither.
    async fn position(&mut self) -> Result<String, SourceError> {
        if let Some(iterator) = &self.iterator {
            return Ok(iterator.clone());
        }
        let all_was_read = self.end.is_recent();
        let mut found = self.calls.iterator(&self.shard, &self.from).await;
        if all_was_read && matches!(&found, Err(error) if error.kind == Kind::Invalid) {
            found = self.calls.iterator(&self.shard, &From::Oldest).await;
        }
        let iterator = found.map_err(|error| self.failed(&error))?;
        self.expected = match &self.from {
            From::At(sequence) if !all_was_read => Some(sequence.clone()),
            _ => None,
        };
        Ok(self.iterator.insert(iterator).clone())
    }

    /// Fetches once. Whatever is given up at an `await` leaves the iterator where it was, so the
    /// same records come again.
    async fn fetch(&mut self, limits: BatchLimits) -> Result<(), SourceError> {
        self.pace.wait().await;
        let mut iterator = self.position().await?;
        let mut asked = self.pace.send();
        let most = self.most(limits);
        let mut answer = self.calls.records(&iterator, most).await;
        if matches!(&answer, Err(error) if error.kind == Kind::ExpiredIterator) {
            self.iterator = None;
            iterator = self.position().await?;
            self.pace.wait().await;
            asked = self.pace.send();
            answer = self.calls.records(&iterator, most).await;
        }
        let answer = answer.map_err(|error| self.failed(&error))?;
        self.make_sure(&answer)?;
        self.take(answer, asked);
        Ok(())
    }

    /// That no record was dropped between the one that is expected and the first that came.
    fn make_sure(&mut self, answer: &Answer) -> Result<(), SourceError> {
        let Some(expected) = &self.expected else {
            return Ok(());
        };
        match answer.records.first() {
            Some(first) if first.sequence <= *expected => {
                (self.expected, self.empty) = (None, 0);
                return Ok(());
            }
            None if answer.next.is_some() && answer.behind.is_some_and(|behind| behind > 0) => {}
            _ => return Err(self.no_such_place()),
        }
        if self.end.is_at_the_edge(answer.behind) {
            self.empty += 1;
        }
        if self.empty > PATIENCE {
            return Err(self.no_such_place());
        }
        Ok(())
    }

    /// How many records are about as many bytes as are wanted, and no more than a second's worth.
    fn most(&self, limits: BatchLimits) -> i32 {
        let bytes = limits.bytes.min(self.pace.bytes_in_a_second());
        let count = bytes / self.usual_bytes.max(1);
        let count = count.min(limits.records).clamp(1, MOST_RECORDS);
        i32::try_from(count).unwrap_or(1)
    }

    fn take(&mut self, answer: Answer, asked: Instant) {
        let bytes: usize = answer.records.iter().map(|record| record.data.len()).sum();
        self.pace.brought(bytes);
        let count = answer.records.len();
        if let Some(usual) = bytes.checked_div(count) {
            self.usual_bytes = usual;
        }
        self.behind = answer.behind;
        let before = self.last.clone();
        for record in answer.records {
            // Kinesis may deliver a record again; the checkpoint never falls.
            if record.sequence > self.last {
                self.last = record.sequence.clone();
                self.waiting.push_back(StreamRecord {
                    sequence: record.sequence,
                    data: aggregate::joined(record.data),
                });
            }
        }
        if count > 0 {
            self.from = From::At(self.last.clone());
        }
        self.state = match (&answer.next, answer.behind) {
            (None, _) => ReaderState::Closed,
            // Kinesis gives empty answers on its way through a shard.
            (Some(_), None | Some(0)) if count == 0 => ReaderState::CaughtUp,
            (Some(_), _) => ReaderState::More,
        };
        self.iterator = answer.next;
        // An iterator would pass over what is dropped between two answers.
        if self.end.is_at_the_edge(answer.behind) && self.last > before {
            self.iterator = None;
        }
        if self.state == ReaderState::CaughtUp || answer.behind == Some(0) {
            self.end.at(asked);
        }
    }

    fn failed(&mut self, error: &CallError) -> SourceError {
        let rest = match error.kind {
            Kind::Throttled => THROTTLED,
            _ => FAILED,
        };
        self.pace.rest(jittered(rest));
        if error.kind == Kind::Invalid && error.operation == "GetShardIterator" {
            return self.no_such_place();
        }
        if error.kind == Kind::ExpiredIterator {
            self.iterator = None;
        }
        error.told(&self.place)
    }

    fn no_such_place(&self) -> SourceError {
        let place = &self.place;
        permanent(match &self.from {
            From::At(sequence) if *sequence == self.last => {
                let why = format!(
                    "record {sequence}, the last one that was read, was dropped for its age"
                );
                return dropped(lost(place, &why));
            }
            From::At(sequence) => format!(
                "{place}: record {sequence}, from which source.start says to begin, is not in this shard any more; begin at a timestamp or at the trim horizon"
            ),
            From::Timestamp(_) => format!(
                "{place}: Kinesis does not take the timestamp of source.start; it must not lie in the future"
            ),
            From::Oldest => format!("{place}: Kinesis gives no iterator for it"),
        })
    }
}

/// What to do where records may be lost.
pub(crate) fn lost(place: &str, why: &str) -> String {
    format!(
        "{place}: {why}, and nothing tells whether others that came behind it were dropped unread; stop the DMS task, run `fieldseal generation begin` for every table, load them again, then start again"
    )
}

#[async_trait]
impl ShardReader for KinesisReader {
    async fn due(&mut self) {
        self.pace.wait().await;
    }

    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        if self.waiting.is_empty() && self.state != ReaderState::Closed {
            self.fetch(limits).await?;
        }
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < limits.records.max(1) && bytes < limits.bytes.max(1) {
            let Some(record) = self.waiting.pop_front() else {
                break;
            };
            bytes += record.data.len().max(1);
            records.push(record);
        }
        let state = match self.waiting.is_empty() {
            true => self.state,
            false => ReaderState::More,
        };
        Ok(Fetched {
            records,
            state,
            lag: self.behind,
        })
    }
}

#[cfg(test)]
mod tests;
